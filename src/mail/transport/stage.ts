import { Readable, type Writable } from 'node:stream';
import { passing } from '../../core/milestones.js';
import { type Offer, OfferRefused } from './transport.js';

/**
 * How far a message got on its way out. SMTP libraries hide it: a close at MAIL, at DATA or after the final dot all
 * look alike in their errors (measured on nodemailer 10.6.0), and only the last of them may have been taken.
 * connecting: up to the login. envelope: up to the server's 354. transferring: up to the offer. released: the last byte
 * is out of our hands.
 */
export type Stage = 'connecting' | 'envelope' | 'transferring' | 'released';

/** Bytes that are handed on at a time; the next ones when the connection has room. */
const SLICE = 64 * 1_024;

/** Milliseconds without progress that each stage may take once there is a connection. */
export type StageTimeouts = Record<Exclude<Stage, 'connecting'>, number> & { lateMs: number };

/**
 * The message's stream passes through here. Its end is held back until the offer is committed, so a row without
 * `offered_at` was provably not handed over, even after kill -9. Also watches the time: nodemailer has one time-out for
 * every silence, but the reply to the final dot deserves far more time than the rest.
 */
export class StageRecorder {
  private current: Stage = 'connecting';
  private timer: NodeJS.Timeout | undefined;
  private lateTimer: NodeJS.Timeout | undefined;
  private ended = false;

  /** @param onLate the final reply takes longer than others ought to wait for; it may well come */
  constructor(
    private readonly offer: Offer,
    private readonly timeouts: StageTimeouts,
    private readonly onStall: () => void,
    private readonly onLate: () => void,
  ) {}

  get stage(): Stage {
    return this.current;
  }

  /**
   * The message as nodemailer's connection takes it: asked for when the server said 354, and written straight into the
   * connection. A transform further up is no gate: a small message runs through it into the buffers behind it, and
   * reaches its end, before the server even answered MAIL (measured on nodemailer 10.6.0).
   */
  gate(message: Buffer): Readable {
    this.enter('envelope');
    return new GatedMessage((connection) => this.transfer(message, connection));
  }

  /** The attempt is over, well or badly: whatever still flows gets no end. */
  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
    clearTimeout(this.lateTimer);
  }

  private async transfer(message: Buffer, connection: Writable): Promise<void> {
    passing('transferring');
    for (let start = 0; start < message.length; start += SLICE) {
      this.enter('transferring');
      await written(connection, message.subarray(start, start + SLICE));
    }
    await this.offer();
    passing('offered');
    // A server may answer before the end of the message; that answer was the outcome.
    if (this.ended) throw new OfferRefused('the attempt is over');
    this.enter('released');
    this.lateTimer = setTimeout(this.onLate, this.timeouts.lateMs);
    connection.end();
  }

  private enter(stage: Exclude<Stage, 'connecting'>): void {
    this.current = stage;
    clearTimeout(this.timer);
    if (!this.ended) this.timer = setTimeout(this.onStall, this.timeouts[stage]);
  }
}

/** A stream that is only ever piped: without buffers of its own it costs a tenth of one that is read (measured). */
class GatedMessage extends Readable {
  constructor(private readonly transfer: (connection: Writable) => Promise<void>) {
    super();
  }

  override _read(): void {
    // Nothing comes this way; see pipe().
  }

  override pipe<T extends NodeJS.WritableStream>(connection: T): T {
    this.transfer(connection as unknown as Writable).catch((error: Error) => this.destroy(error));
    return connection;
  }
}

function written(connection: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
