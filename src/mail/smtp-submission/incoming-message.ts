import type { Readable } from 'node:stream';
import { Problem } from '../../core/problems.js';
import { type Release, WaitedTooLong, WeightedSemaphore } from '../../core/semaphore.js';
import { FILE_LIMIT } from '../files/stored-files.js';
import { LONGEST_HEADER, type ReadHeader } from './message-policy.js';

/** Bytes that are added to a header: a Received field, a Date and a Message-ID. */
const ADDED = 4 * 1024;
/** Bytes of one message as it is sent: with what is added to it, it is stored as a file is. */
export const LARGEST_MESSAGE = FILE_LIMIT - ADDED;
/** Bytes up to which a message needs no place: nearly all mail of programs is smaller. */
const SMALL = 128 * 1024;
/** Bytes that all larger messages of this process may have together, from their first byte until they are committed. */
const MOST_BYTES = 4 * LARGEST_MESSAGE;
/** Milliseconds that a larger message waits for its place. Less than clients wait for an answer (RFC 5321 §4.5.3.2). */
const PATIENCE_MS = 30_000;

const [CR, LF] = [0x0d, 0x0a];

/** In the middle of its message; there is nobody to tell anything. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

/** Gives out bytes to messages in the order in which they came. */
export class Places {
  private readonly semaphore: WeightedSemaphore;

  constructor(
    most = MOST_BYTES,
    private readonly patienceMs = PATIENCE_MS,
  ) {
    this.semaphore = new WeightedSemaphore(most, 'never');
  }

  get inUse(): number {
    return this.semaphore.inUse;
  }

  /** @throws Problem `busy` when there was no place for long. @returns what gives it back */
  async take(bytes: number): Promise<Release> {
    try {
      return await this.semaphore.acquire(bytes, this.patienceMs);
    } catch (cause) {
      if (!(cause instanceof WaitedTooLong)) throw cause;
      const detail = 'There is no room for a large message at this moment.';
      throw new Problem('busy', { detail, headers: { 'retry-after': '60' }, cause });
    }
  }
}

/** How lines end: with CRLF and nothing else (RFC 5321 §2.3.8). */
class LineEnds {
  /** What is wrong, whatever follows. */
  broken: string | undefined;
  private afterCr = false;
  private line = 1;

  /** What is wrong where nothing follows. */
  get fault(): string | undefined {
    return this.broken ?? (this.afterCr ? this.words('carriage return') : undefined);
  }

  look(chunk: Buffer): void {
    if (this.broken !== undefined || chunk.length === 0) return;
    if (this.afterCr && chunk[0] !== LF) return void (this.broken = this.words('carriage return'));
    let at = this.afterCr ? 1 : 0;
    if (this.afterCr) this.line++;
    this.afterCr = false;
    for (;;) {
      const [cr, lf] = [chunk.indexOf(CR, at), chunk.indexOf(LF, at)];
      if (lf >= 0 && (cr < 0 || lf < cr)) return void (this.broken = this.words('line feed'));
      if (cr < 0) return;
      if (cr === chunk.length - 1) return void (this.afterCr = true);
      if (lf !== cr + 1) return void (this.broken = this.words('carriage return'));
      this.line++;
      at = lf + 1;
    }
  }

  private words(what: string): string {
    return `line ${this.line} has a ${what} that is no part of CRLF, which ends lines; send it with CRLF, or encoded as quoted-printable or base64`;
  }
}

/** Bytes in one piece that grows; how much is known before is asked for once. */
class Piece {
  private bytes: Buffer;
  private used = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafe(capacity);
  }

  get length(): number {
    return this.used;
  }

  get content(): Buffer {
    return this.bytes.subarray(0, this.used);
  }

  reserve(capacity: number): void {
    if (capacity <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(capacity);
    this.bytes.copy(larger, 0, 0, this.used);
    this.bytes = larger;
  }

  add(chunk: Buffer): void {
    const needed = this.used + chunk.length;
    if (needed > this.bytes.length) this.reserve(Math.max(needed, 2 * this.bytes.length));
    chunk.copy(this.bytes, this.used);
    this.used = needed;
  }
}

/**
 * A message as it comes in: looked at while it does, and there in one piece once. Whatever is wrong with it, all of it
 * is read before it is refused: a client that is still sending would not hear it, and what it sends after the end is a
 * command again.
 */
export class IncomingMessage {
  private readonly ends = new LineEnds();
  private readonly head = new Piece(2 * 1024);
  private body: Piece | undefined;
  private read: ReadHeader | undefined;
  private received = 0;
  private refusal: Problem | undefined;
  private releases: Release[] = [];
  private placed = SMALL;

  /** @param declared bytes, as SIZE of MAIL said (RFC 1870); undefined: nothing */
  constructor(
    private readonly readHeader: (block: Buffer) => ReadHeader,
    private readonly places: Places,
    private readonly declared: number | undefined,
  ) {}

  /**
   * Reads all of it. Its place is its own until {@link release}.
   * @throws Problem what is wrong with it; ClientGone
   */
  async receive(stream: Readable): Promise<ReadHeader> {
    await this.readAll(stream);
    if (!this.refusal && this.ends.fault !== undefined) this.refuse(faulty('invalid_line_end', this.ends.fault));
    if (!this.refusal && !this.read) await this.endHeader(this.head.content, Buffer.alloc(0));
    if (this.refusal) throw this.refusal;
    const { mime, ...read } = this.read!;
    return { ...read, mime: mime && { ...mime, bytes: this.body!.content } };
  }

  private async readAll(stream: Readable): Promise<void> {
    let fault: { error: unknown } | undefined;
    try {
      for await (const chunk of stream) {
        await this.take(chunk as Buffer).catch((error: unknown) => {
          fault = { error };
          throw error;
        });
      }
    } catch (error) {
      throw fault ? fault.error : new ClientGone('the client went away', { cause: error });
    }
  }

  /** Where it ended is then a matter of opinion, and what follows it may be a part of it. */
  get hasBrokenLines(): boolean {
    return this.ends.fault !== undefined;
  }

  release(): void {
    for (const release of this.releases.splice(0)) release();
    this.body = undefined;
  }

  private async take(chunk: Buffer): Promise<void> {
    this.received += chunk.length;
    this.ends.look(chunk);
    if (this.refusal) return;
    if (this.received > LARGEST_MESSAGE)
      return this.refuse(new Problem('body_too_large', { detail: 'The message is larger than 25 MB' }));
    if (this.ends.broken !== undefined) return this.refuse(faulty('invalid_line_end', this.ends.broken));
    if (this.read) return this.add(chunk);
    const before = this.head.length;
    this.head.add(chunk);
    const header = this.head.content;
    const end = header.indexOf('\r\n\r\n', Math.max(0, before - 3), 'latin1');
    const isEmpty = header.length >= 2 && header[0] === CR && header[1] === LF;
    if (isEmpty) return this.endHeader(header.subarray(0, 0), header.subarray(2));
    if (end >= 0 && end <= LONGEST_HEADER) return this.endHeader(header.subarray(0, end + 2), header.subarray(end + 4));
    if (end >= 0 || header.length > LONGEST_HEADER)
      this.refuse(faulty('too_long', `must have at most ${LONGEST_HEADER / 1024} KiB, and end with an empty line`));
  }

  private endHeader(block: Buffer, rest: Buffer): Promise<void> | void {
    try {
      this.read = this.readHeader(block);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return this.refuse(error);
    }
    const { mime } = this.read;
    if (!mime) return;
    this.body = new Piece(mime.bytes.length + Math.max(rest.length, 1024));
    this.body.add(mime.bytes);
    return this.add(rest);
  }

  private async add(chunk: Buffer): Promise<void> {
    if (!this.body) return;
    const length = this.body.length + chunk.length;
    if (length > this.placed) {
      try {
        await this.place(length);
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        return this.refuse(error);
      }
    }
    this.body.add(chunk);
  }

  /** What is declared is asked for at once; what turns out larger asks for all that it may become. */
  private async place(length: number): Promise<void> {
    const said = this.declared === undefined ? LARGEST_MESSAGE : Math.min(this.declared, LARGEST_MESSAGE);
    const first = said + LONGEST_HEADER + ADDED;
    const wanted = length <= first ? first : LARGEST_MESSAGE + LONGEST_HEADER + ADDED;
    this.releases.push(await this.places.take(wanted - (this.placed === SMALL ? 0 : this.placed)));
    this.placed = wanted;
    if (this.declared !== undefined) this.body!.reserve(wanted);
  }

  private refuse(problem: Problem): void {
    this.refusal = problem;
    this.release();
  }
}

function faulty(code: string, message: string): Problem {
  return new Problem('validation_failed', {
    errors: [{ field: code === 'too_long' ? 'header' : 'message', code, message }],
  });
}
