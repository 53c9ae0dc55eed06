import { ConnectionError, Problem } from './errors.js';
import { Listing, type Page } from './listing.js';
import { type Failure, type RetryRules, secondsOf, waitBeforeNext } from './retry-policy.js';
import type { Answer, CallOptions, Filter, Input, Method, PathWith, paths, Place, SendOptions } from './types.js';

export interface OtpostOptions extends Partial<RetryRules> {
  /** `APP_URL` of the service, or the address at which your private network reaches it. */
  baseUrl: string;
  /** Of `otpost keys create`; or the access token of somebody who is signed in. Left out for what needs neither. */
  apiKey?: string;
  /** How long one try may take, in milliseconds; 30,000. */
  timeoutMs?: number;
  /**
   * `APP_URL` of the service where `baseUrl` is another address: who signed the tokens that `verifyToken` lets through.
   */
  issuer?: string;
  /** In place of the global one. */
  fetch?: typeof fetch;
}

interface Request {
  method: Method;
  url: string;
  headers: Record<string, string>;
  body: string | Blob | Uint8Array | undefined;
  repeatable: boolean;
}

type ItemOf<P extends PathWith<'get'>> = Answer<paths[P]['get']> extends Page<infer Item> ? Item : never;

type Try = { kind: 'done'; response: Response; bytes: Uint8Array<ArrayBuffer> } | (Failure & { error: Error });

/** Codes of what happened before any byte of a request left, in Node and Bun. */
const NEVER_LEFT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ConnectionRefused'];

/** Calls of the API, each tried until it has an answer that stays. */
export class Calls {
  readonly fetch: typeof fetch;

  constructor(readonly options: OtpostOptions) {
    // Called without `this`: browsers and edges refuse a fetch that is a method of something else.
    const given = options.fetch;
    this.fetch = (input, init) => (given ?? globalThis.fetch)(input, init);
  }

  /** Asked for with the first call and not before: builds load modules where the environment of the program is not. */
  get baseUrl(): string {
    const { baseUrl } = this.options;
    if (!/^https?:\/\//i.test(baseUrl ?? '')) {
      throw new TypeError('new Otpost() needs a baseUrl, such as https://otpost.example.com.');
    }
    return baseUrl.replace(/\/+$/, '');
  }

  get issuer(): string {
    return (this.options.issuer ?? this.baseUrl).replace(/\/+$/, '');
  }

  /** @throws Problem when the service refuses, ConnectionError when no answer comes, the reason of the signal */
  async call<M extends Method, P extends PathWith<M>>(
    method: M,
    path: P,
    input: Input<paths[P][M]>,
    options: SendOptions = {},
  ): Promise<Answer<paths[P][M]>> {
    const { response, bytes } = await this.answered(this.request(method, path, input as Given, options), options);
    if (/json/.test(response.headers.get('content-type') ?? '')) {
      return JSON.parse(new TextDecoder().decode(bytes)) as Answer<paths[P][M]>;
    }
    return (response.status === 204 ? undefined : bytes) as Answer<paths[P][M]>;
  }

  /** A call that lists. @param place what stands in its path, where something does */
  list<P extends PathWith<'get'>>(
    path: P,
    { cursor, ...query }: Filter<P>,
    options: CallOptions | undefined,
    ...[place]: Place<P>
  ): Listing<ItemOf<P>> {
    const page = (next: string | undefined, more?: CallOptions) => {
      const input: Given = { path: place, query: { ...query, cursor: next } };
      return this.call('get', path, input as Input<paths[P]['get']>, more) as Promise<Page<ItemOf<P>>>;
    };
    return new Listing(page, cursor, options);
  }

  headers(): Record<string, string> {
    return this.options.apiKey === undefined ? {} : { authorization: `Bearer ${this.options.apiKey}` };
  }

  private request(method: Method, path: string, given: Given, options: SendOptions): Request {
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(given.path![name]!));
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(given.query ?? {})) {
      if (value !== undefined) query.set(name, value instanceof Date ? value.toISOString() : String(value));
    }
    const { body, type } = written(given);
    return {
      method,
      url: `${this.baseUrl}${filled}${query.size > 0 ? `?${query.toString()}` : ''}`,
      headers: {
        ...this.headers(),
        accept: 'application/json, application/problem+json, */*;q=0.1',
        ...(type === undefined ? {} : { 'content-type': type }),
        // The same on each try: the service carries it out once.
        ...(given.keyed ? { 'idempotency-key': options.idempotencyKey ?? crypto.randomUUID() } : {}),
      },
      body,
      repeatable: method !== 'post' || given.keyed === true,
    };
  }

  private async answered(request: Request, options: SendOptions): Promise<Try & { kind: 'done' }> {
    const rules = { maxWaitMs: 10_000, ...this.options, retries: options.retries ?? this.options.retries ?? 3 };
    for (let tried = 1; ; tried++) {
      const outcome = await this.try(request, options);
      if (outcome.kind === 'done') return outcome;
      // A try before, whose answer was lost, removed it.
      if (tried > 1 && request.method === 'delete' && outcome.kind === 'answer' && outcome.status === 404) {
        return { kind: 'done', response: new Response(null, { status: 204 }), bytes: new Uint8Array() };
      }
      const wait = waitBeforeNext(outcome, rules, request.repeatable, tried, Math.random());
      if (wait === undefined) throw outcome.error;
      await pause(wait, options.signal);
    }
  }

  private async try({ method, url, headers, body }: Request, options: SendOptions): Promise<Try> {
    const { signal } = options;
    signal?.throwIfAborted();
    const timeout = AbortSignal.timeout(options.timeoutMs ?? this.options.timeoutMs ?? 30_000);
    const sent: RequestInit = {
      method: method.toUpperCase(),
      headers,
      // A redirect would take the key to wherever it leads.
      redirect: 'manual',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      // Whatever it is: TypeScript's two libraries, for browsers and Node, name the kinds of a body differently.
      ...(body === undefined ? {} : { body: body as string }),
    };
    try {
      const response = await this.fetch(url, sent);
      const bytes = new Uint8Array(await response.arrayBuffer());
      return response.ok ? { kind: 'done', response, bytes } : refused(response, bytes);
    } catch (cause) {
      signal?.throwIfAborted();
      return lost(cause, url, timeout.aborted);
    }
  }
}

interface Given {
  path?: Record<string, string>;
  query?: Record<string, string | number | Date | undefined>;
  body?: unknown;
  keyed?: boolean;
}

function written({ body }: Given): { body: Request['body']; type?: string } {
  if (body === undefined) return { body: undefined };
  if (body instanceof Blob) return { body, type: body.type || 'application/octet-stream' };
  if (body instanceof Uint8Array) return { body, type: 'application/octet-stream' };
  return { body: JSON.stringify(body), type: 'application/json' };
}

/** What was answered in place of what was asked for. */
export function refused(response: Response, bytes: Uint8Array): Failure & { error: Problem } {
  const { status } = response;
  const retryAfter = secondsOf(response.headers.get('retry-after'), Date.now());
  const body = problemIn(bytes);
  const error = new Problem(status, body.code ?? 'unknown', body, retryAfter);
  return { kind: 'answer', status, code: body.code, retryAfter, error };
}

/** What stands between may answer anything. */
function problemIn(bytes: Uint8Array): Problem['body'] {
  try {
    const body: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof body === 'object' && body !== null && typeof (body as Problem['body']).code === 'string' ? body : {};
  } catch {
    return {};
  }
}

/** What `fetch` threw. */
export function lost(cause: unknown, url: string, timedOut: boolean): Failure & { error: ConnectionError } {
  const { code, cause: inner } = cause as { code?: string; cause?: { code?: string } };
  const sent = timedOut || !NEVER_LEFT.includes(inner?.code ?? code ?? '');
  const { origin } = new URL(url);
  const message = timedOut ? `${origin} did not answer in time.` : `${origin} cannot be reached, or broke off.`;
  return { kind: 'no_answer', sent, error: new ConnectionError(message, timedOut, { cause }) };
}

/** @throws the reason of the signal */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', ended);
      resolve();
    }, ms);
    signal?.addEventListener('abort', ended, { once: true });
  });
}
