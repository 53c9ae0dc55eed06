import { Problem } from '../core/problems.js';

/** Prisma: cannot reach, timed out, closed the connection, pool timeout, transaction API. */
const PRISMA_AWAY = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028']);
/**
 * Sockets; names, because an orchestrator publishes them with the service; PostgreSQL's own (class 57: operator
 * intervention, 57014: it took longer than a statement may, 08: connection exception, 53300: too many connections).
 */
const AWAY = /^(E(CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH|PIPE|AI_AGAIN)|ENOTFOUND|57014|57P0[1-3]|08\w{3}|53300)$/;
/** How Prisma's adapter calls the same where it passes a statement of ours on: its error then has P2010 and no other code. */
const ADAPTER_AWAY = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections']);
/** node-postgres gives these no code. */
const PG_AWAY = /^(Connection terminated|Client was closed|timeout expired|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/** Text that Postgres cannot hold (class 22): a NUL, or bytes that are no UTF-8; an escape in JSON that stands for no text. */
const UNSTORABLE = new Set(['22021', '22P05']);

/** Postgres did not answer and may yet, as opposed to refusing a statement or a login. */
export function isDatabaseAway(error: unknown): boolean {
  return layersOf(error).some(({ name, codes, kind, message }) => {
    if (name === DATABASE_SILENT) return true;
    if (codes.some((one) => PRISMA_AWAY.has(one) || AWAY.test(one))) return true;
    return (typeof kind === 'string' && ADAPTER_AWAY.has(kind)) || (typeof message === 'string' && PG_AWAY.test(message));
  });
}

const DATABASE_SILENT = 'DatabaseSilent';

/** For whoever knows that Postgres does not answer, where the class of the cause does not show whose fault it is. */
export class DatabaseSilent extends Error {
  override readonly name = DATABASE_SILENT;
}

/** Of Postgres, as its class tells: refused connections are those of Redis, of SMTP servers and of web hooks, too. */
export function isOfDatabase(error: unknown): boolean {
  return layersOf(error).some(({ name, byPrisma }) => byPrisma || (typeof name === 'string' && /^(PrismaClient|DriverAdapterError|DatabaseSilent)/.test(name)));
}

/** What a caller is told of an error of the database; undefined where the fault is ours. */
export function databaseProblemOf(error: unknown): Problem | undefined {
  if (isDatabaseAway(error)) return new Problem('unavailable', { cause: error, headers: { 'retry-after': '2' } });
  // The last line: text from outside is refused where it comes in, and a statement makes storable what it is given.
  if (layersOf(error).some(({ codes }) => codes.some((one) => UNSTORABLE.has(one)))) {
    return new Problem('validation_failed', { cause: error, detail: 'A field holds text that cannot be stored.', remedy: 'Send text without NUL and halves of surrogate pairs.' });
  }
  return undefined;
}

/** One error of a chain. */
export interface Layer {
  name: unknown;
  /** Prisma passes on what the driver throws as it is, and writes its own version on it. */
  byPrisma: boolean;
  codes: string[];
  kind: unknown;
  message: unknown;
  /** Of the server, where the adapter tells what it could not reach. */
  host: unknown;
  port: unknown;
}

/** The error, and what Prisma wraps around the driver's; the outermost first. */
export function layersOf(error: unknown): Layer[] {
  if (typeof error !== 'object' || error === null) return [];
  const { name, code, originalCode, kind, message, host, port, cause, meta, clientVersion } = error as Record<string, unknown>;
  const wrapped = typeof meta === 'object' && meta !== null ? (meta as Record<string, unknown>)['driverAdapterError'] : undefined;
  const codes = [code, originalCode].filter((one) => typeof one === 'string');
  return [{ name, byPrisma: clientVersion !== undefined, codes, kind, message, host, port }, ...layersOf(cause), ...layersOf(wrapped)];
}

/** A row of this key is there already, as Prisma's own statements say it. */
export function isUniqueViolation(error: unknown): boolean {
  return error instanceof Error && (error as { code?: unknown }).code === 'P2002';
}
