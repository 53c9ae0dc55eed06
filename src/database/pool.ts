import type { Socket } from 'node:net';
import pg from 'pg';
import { storableParameter } from '../core/input.js';

/**
 * A connection string whose sessions start with these settings, beside those it has already.
 * Sent with the connection (`options`, as in libpq) and not by a later SET, which a transaction pooler would lose.
 */
export function withSessionOptions(url: string, settings: Record<string, string>): string {
  const parsed = new URL(url);
  const given = parsed.searchParams.get('options');
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  parsed.searchParams.set('options', [...(given ? [given] : []), ...ours].join(' '));
  // pg decodes percent-escapes only; URLSearchParams writes a space as +.
  parsed.search = parsed.search.replaceAll('+', '%20');
  return parsed.href;
}

/**
 * Prisma's driver adapter writes times without their offset and drops it when it reads (measured on 7.10.0): in a
 * session of another zone all times shift.
 */
export const UTC = { TimeZone: 'UTC' };

/** Milliseconds a statement may take; Postgres ends it then (`statement_timeout`), and its connection lives on. */
export const STATEMENT_TIMEOUT_MS = 9_000;
/**
 * Milliseconds without a byte from a server that owes an answer, after which its connection is given up: the network
 * lost it, or the machine hangs, and nobody is there to end the statement. TCP alone takes a quarter of an hour to
 * notice.
 */
const SILENCE_TIMEOUT_MS = 10_000;

/** What node-postgres has and does not declare. */
interface Wire {
  connection: { stream: Socket };
  /** False while an answer is due. */
  readyForQuery: boolean;
}

/** The ways to ask that callers use: text and values, or one object of both. */
interface Queries {
  query: (config: unknown, values: unknown, ...rest: unknown[]) => unknown;
}

/** Connections of a pool. */
export interface PoolUse {
  inUse: number;
  idle: number;
  /** Callers that wait for one. */
  waiting: number;
  most: number;
}

/**
 * A pool whose clients always have somebody to tell of a broken connection. pg-pool takes its own listener off when it
 * hands a client out, and whoever gets it may listen a moment later: an error in between ended the process (seen under
 * load, with `pg_terminate_backend`). The error is told again by the next query, so here it is only heard.
 */
export function openPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(config);
  pool.on('connect', (client) => {
    client.on('error', () => undefined);
    giveUpWhenSilent(client as unknown as Wire);
    takeStorableOnly(client);
  });
  return pool;
}

export function useOf({ totalCount, idleCount, waitingCount, options: { max } }: pg.Pool): PoolUse {
  return { inUse: totalCount - idleCount, idle: idleCount, waiting: waitingCount, most: max };
}

/**
 * The one gate that every statement passes: what Postgres cannot hold in a parameter is made storable, for the words of
 * a hostile server must not keep the outcome of its message, and of those recorded with it, from being recorded. Here
 * and not above, for whatever opens a pool passes it, and JSON has been written by then.
 */
function takeStorableOnly(client: Queries): void {
  const query = client.query.bind(client);
  client.query = (config, values, ...rest) => {
    if (isPrepared(config) && config.values) config.values = config.values.map(storableParameter);
    return query(config, Array.isArray(values) ? values.map(storableParameter) : values, ...rest);
  };
}

function isPrepared(config: unknown): config is { values?: unknown[] } {
  return typeof config === 'object' && config !== null && 'values' in config && Array.isArray(config.values);
}

/**
 * node-postgres's own `query_timeout` leaves the connection of a transaction in the pool, and the next caller waits
 * behind the dead statement.
 */
function giveUpWhenSilent(client: Wire): void {
  const { stream } = client.connection;
  stream.setTimeout(SILENCE_TIMEOUT_MS, () => {
    if (!client.readyForQuery) stream.destroy();
  });
}

/** Milliseconds until a host that does not answer counts as unreachable. */
const CONNECT_TIMEOUT_MS = 5_000;
/** What a timer of Node holds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Milliseconds to get a connection: `connect_timeout` of the URL, in seconds as in libpq (PostgreSQL manual §34.1.2; 0:
 * no bound), else 5,000. A database that sleeps while nobody asks, or a host with a tenth of a processor, may want
 * more.
 */
export function connectTimeoutOf(url: string): number {
  const given = new URL(url).searchParams.get('connect_timeout');
  if (given === null || !/^\d{1,6}$/.test(given)) return CONNECT_TIMEOUT_MS;
  return Number(given) * 1_000 || LONGEST_TIMER_MS;
}

/**
 * Does `work` over a connection of its own, closed afterwards; a transaction left open is thereby rolled back.
 * @param purpose shown to operators in pg_stat_activity
 * @throws what Postgres, the network or `work` throws
 */
export async function withClient<T>(url: string, purpose: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutOf(url),
    application_name: `otpost ${purpose}`,
  });
  // A connection that breaks while idle is told here and again by the next query; only the latter is of use.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
