import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import argon2 from 'argon2';
import pg from 'pg';

/** What a request made the service do, in order. */
export interface Work {
  /** SQL without its values. */
  statements: string[];
  /** Argon2, made and compared. */
  hashes: string[];
}

/** BullMQ's own on Postgres: wake-ups of several requests are joined, after the commit. */
const ENGINE = /^-- /;
const TAG = 'x-work-of';
const CHANNEL = 'http.server.request.start';

/**
 * Notes the statements and the password hashes of single requests of a service in this process, among whatever else it
 * does at the same time: a request is known by a header, and what it causes by its asynchronous context.
 */
export class WorkOfRequests {
  private readonly context = new AsyncLocalStorage<Work>();
  private readonly noted = new Map<string, Work>();
  private readonly restore: (() => void)[] = [];
  private count = 0;

  /** Comes before the service: what was under way when contexts began to be kept (Node 20) may lose them. */
  constructor() {
    this.context.run({ statements: [], hashes: [] }, () => undefined);
    const began = (message: unknown): void => this.enter((message as { request: IncomingMessage }).request);
    subscribe(CHANNEL, began);
    this.restore.push(() => unsubscribe(CHANNEL, began));
    this.watch(pg.Client.prototype, 'query', (work, [query]) => {
      const text = textOf(query);
      if (!ENGINE.test(text)) work.statements.push(text);
    });
    this.keepContextInLine();
    for (const kind of ['hash', 'verify'] as const) this.watch(argon2, kind, (work) => work.hashes.push(kind));
  }

  stop(): void {
    for (const restore of this.restore) restore();
    this.context.disable();
  }

  /** @param send makes one request with these headers */
  async of<T>(send: (headers: Record<string, string>) => Promise<T>): Promise<{ answer: T; work: Work }> {
    const tag = String(++this.count);
    const answer = await send({ [TAG]: tag });
    const work = this.noted.get(tag);
    if (!work) throw new Error('the request did not reach a service of this process');
    return { answer, work };
  }

  private enter({ headers }: IncomingMessage): void {
    const tag = headers[TAG];
    if (typeof tag !== 'string') return this.context.enterWith(undefined as never);
    const work: Work = { statements: [], hashes: [] };
    this.noted.set(tag, work);
    this.context.enterWith(work);
  }

  /** Whoever waits for a connection of the pool is called by whoever gave one back, in the context of that one. */
  private keepContextInLine(): void {
    const pool = pg.Pool.prototype as unknown as { connect: (whenThere?: (...args: unknown[]) => void) => unknown };
    const { connect } = pool;
    pool.connect = function (this: unknown, whenThere?: (...args: unknown[]) => void): unknown {
      return connect.call(this, whenThere && AsyncResource.bind(whenThere));
    };
    this.restore.push(() => (pool.connect = connect));
  }

  private watch(on: object, name: string, note: (work: Work, args: unknown[]) => void): void {
    const methods = on as Record<string, (...args: unknown[]) => unknown>;
    const method = methods[name]!;
    const { context } = this;
    methods[name] = function (this: unknown, ...args: unknown[]): unknown {
      const work = context.getStore();
      if (work) note(work, args);
      return method.apply(this, args);
    };
    this.restore.push(() => (methods[name] = method));
  }
}

function textOf(query: unknown): string {
  const text = typeof query === 'string' ? query : (query as { text: string }).text;
  return text.replace(/\s+/g, ' ').trim();
}
