import type { LookupAddress } from 'node:dns';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type TargetGuard, TargetRefused } from './target-guard.js';
import type { Answer } from './verdict-policy.js';

/** Milliseconds. */
export interface SenderTiming {
  /** To find the name, connect and agree on TLS. */
  connect: number;
  /** From the first look-up to the status. */
  whole: number;
  /** For what comes after the status. */
  body: number;
}

const TIMING: SenderTiming = { connect: 5_000, whole: 15_000, body: 1_000 };
/** Bytes of an answer that are read. */
const RESPONSE_LIMIT = 1_024;
/** Milliseconds for one of several addresses; Node's own 250 are too few for a distant one. */
const ADDRESS_PATIENCE_MS = 1_500;

export interface WebhookRequest {
  url: URL;
  headers: Record<string, string>;
  body: string;
}

/** One POST: to checked addresses only, no redirect followed, no proxy, a connection of its own. */
export class WebhookSender {
  constructor(
    private readonly guard: TargetGuard,
    private readonly timing = TIMING,
  ) {}

  /** Never rejects. `signal`: the process stops; then `aborted`. */
  async post(request: WebhookRequest, signal: AbortSignal): Promise<Answer> {
    const begun = performance.now();
    const late = new AbortController();
    try {
      const resolved = this.guard.resolve(request.url);
      const addresses = await Promise.race([resolved, delay(this.timing.connect, undefined, { signal: late.signal })]);
      if (!addresses) return { kind: 'unanswered', errorCode: 'connect_timeout' };
      return await this.exchange(request, addresses, performance.now() - begun, signal);
    } catch (error) {
      return { kind: 'unanswered', errorCode: error instanceof TargetRefused ? error.fault : codeOf(error, 'dns') };
    } finally {
      late.abort();
    }
  }

  private exchange({ url, headers, body }: WebhookRequest, addresses: LookupAddress[], spentMs: number, signal: AbortSignal): Promise<Answer> {
    const secure = url.protocol === 'https:';
    const options = {
      method: 'POST',
      headers: { ...headers, 'content-length': String(Buffer.byteLength(body)) },
      agent: false,
      lookup: lookupIn(addresses),
      autoSelectFamilyAttemptTimeout: ADDRESS_PATIENCE_MS,
      rejectUnauthorized: true,
    } as const;
    return new Promise<Answer>((resolve) => {
      const request = (secure ? https : http).request(url, options);
      const timers: NodeJS.Timeout[] = [];
      const within = (ms: number, ending: () => Answer): NodeJS.Timeout => {
        const timer = setTimeout(() => settle(ending()), Math.max(0, ms));
        timers.push(timer);
        return timer;
      };
      const settle = (answer: Answer): void => {
        timers.forEach(clearTimeout);
        signal.removeEventListener('abort', abort);
        resolve(answer); // only the first counts
        request.destroy();
      };
      const fail = (errorCode: string): Answer => ({ kind: 'unanswered', errorCode });
      const abort = (): void => settle(fail('aborted'));

      signal.addEventListener('abort', abort);
      if (signal.aborted) abort();
      const connecting = within(this.timing.connect - spentMs, () => fail('connect_timeout'));
      const whole = within(this.timing.whole - spentMs, () => fail('timeout'));
      request.on('socket', (socket) => socket.once(secure ? 'secureConnect' : 'connect', () => clearTimeout(connecting)));
      request.on('error', (error) => settle(fail(codeOf(error, 'connection'))));
      request.on('close', () => settle(fail('connection')));
      request.on('response', (response) => {
        // The status is the answer; what is left is for the log.
        clearTimeout(whole);
        const chunks: Buffer[] = [];
        let size = 0;
        const answer = (): Answer => ({
          kind: 'answered',
          statusCode: response.statusCode!,
          retryAfter: response.headers['retry-after'],
          response: Buffer.concat(chunks).subarray(0, RESPONSE_LIMIT).toString('utf8'),
        });
        within(this.timing.body, answer);
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size >= RESPONSE_LIMIT) settle(answer());
        });
        for (const end of ['end', 'error', 'close'] as const) response.on(end, () => settle(answer()));
      });
      request.end(body);
    });
  }
}

/** Answers with what was checked; the shape depends on whether the caller may try several. */
function lookupIn(addresses: LookupAddress[]): LookupFunction {
  const [first] = addresses;
  return (_host, { all }, callback) => {
    if (all) callback(null, addresses);
    else callback(null, first!.address, first!.family);
  };
}

/** Of Node's many codes, those that tell an operator something. */
function codeOf(error: unknown, otherwise: string): string {
  const code = String((error as NodeJS.ErrnoException).code ?? '');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns';
  if (code === 'ECONNREFUSED') return 'connection_refused';
  if (code === 'ETIMEDOUT') return 'connect_timeout';
  if (/TLS|SSL|CERT|SELF_SIGNED|UNABLE_TO|EPROTO/.test(code)) return 'tls';
  return otherwise;
}
