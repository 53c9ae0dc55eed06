import type { Offer } from '../transport/transport.js';
import type { ProviderAnswer, ProviderRequest } from './provider.js';

/**
 * How far a request got. connecting: no byte of it was written. transferring: its last byte was not. released: the
 * last byte is out of our hands.
 */
export type HttpStage = 'connecting' | 'transferring' | 'released';

export type Exchanged =
  | { kind: 'answered'; answer: ProviderAnswer }
  | { kind: 'withdrawn' }
  /** `code`: the system's, OpenSSL's or undici's; `STALLED` when a time-out of ours ended it. */
  | { kind: 'failed'; stage: HttpStage; code: string };

/** Milliseconds that each stage may take. */
export type StageTimes = Record<HttpStage, number>;

/** Bytes of an answer that are read; the rest is of no use to anybody. */
const ANSWER_LIMIT = 64 * 1_024;
const STALLED = 'STALLED';

/**
 * One POST with `fetch`. Its errors do not tell how far it got: a connection that closes gives UND_ERR_SOCKET whether
 * nothing or everything was written. But it asks a body that is a stream of bytes for some only when it has a
 * connection, TLS included, and for more only when the former are on their way (measured on Node 20.20, undici 6.24):
 *
 *   no name, refused, reset on connect, not TLS, silent TLS    body never asked: connecting
 *   closed at accept                                           asked once, the second time never: transferring
 *   closed or reset after the body, silent, garbage            asked to the end: released
 *   a status line, then closed                                 fetch resolves, reading the body fails: answered
 *
 * So the last byte is held back until the offer is committed, as in SMTP the dot is: a request whose Content-Length is
 * not reached is none, and a row without `offered_at` was provably not handed over, even after kill -9.
 */
export async function exchange(
  { url, headers, body }: ProviderRequest,
  offer: Offer,
  times: StageTimes,
): Promise<Exchanged> {
  const transfer = new Transfer(body, offer, times);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-length': String(body.length) },
      body: transfer.stream,
      duplex: 'half',
      redirect: 'manual',
      signal: transfer.signal,
    });
    return { kind: 'answered', answer: await answerOf(response) };
  } catch (error) {
    if (transfer.refused) return { kind: 'withdrawn' };
    return { kind: 'failed', stage: transfer.stage, code: codeOf(error) };
  } finally {
    transfer.end();
  }
}

/** The body on its way, and the watch over its time. */
class Transfer {
  stage: HttpStage = 'connecting';
  refused = false;
  readonly stream: ReadableStream<Uint8Array>;

  private readonly abort = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(
    private readonly body: Buffer,
    private readonly offer: Offer,
    private readonly times: StageTimes,
  ) {
    this.enter('connecting');
    // fetch makes two streams of one, and those of any type but this one have a buffer, which is filled before there is
    // a connection.
    this.stream = new ReadableStream(
      { type: 'bytes', pull: (controller) => this.pull(controller) },
      { highWaterMark: 0 },
    );
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }

  private async pull(controller: ReadableByteStreamController): Promise<void> {
    if (this.stage === 'connecting') {
      this.enter('transferring');
      controller.enqueue(new Uint8Array(this.body.subarray(0, -1))); // a copy, which the stream takes away
      return;
    }
    try {
      await this.offer();
    } catch (error) {
      this.refused = true;
      throw error;
    }
    if (this.ended) throw new Error('the attempt is over');
    this.enter('released');
    controller.enqueue(new Uint8Array(this.body.subarray(-1)));
    controller.close();
  }

  private enter(stage: HttpStage): void {
    this.stage = stage;
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => this.abort.abort(Object.assign(new Error('no progress'), { code: STALLED })),
      this.times[stage],
    );
  }
}

/** The status line is the answer already: a body that breaks off takes nothing back. */
async function answerOf(response: Response): Promise<ProviderAnswer> {
  const { status, headers } = response;
  const text = await textOf(response);
  return { status, headers, text, json: jsonOf(text) };
}

async function textOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  try {
    for await (const chunk of body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      length += (chunk as Uint8Array).length;
      if (length > ANSWER_LIMIT) break;
    }
  } catch (error) {
    text += ` (broke off: ${codeOf(error)})`;
  }
  return text;
}

/** Undefined for what is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Gateways and proxies answer in HTML, SendGrid with nothing: no JSON is an answer too.
    return undefined;
  }
}

/** fetch wraps what happened in `TypeError: fetch failed`; Happy Eyeballs wraps it once more. */
function codeOf(error: unknown): string {
  const { code, cause, errors } = (error ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown[] };
  if (typeof code === 'string' && code !== '') return code;
  if (cause !== undefined) return codeOf(cause);
  return errors?.length ? codeOf(errors[0]) : 'UNKNOWN';
}
