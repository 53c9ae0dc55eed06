import { networkWords } from '../core/outage-policy.js';
import { Problem } from '../core/problems.js';

/** Prisma: cannot reach, timed out, closed the connection, pool timeout, transaction API. */
const PRISMA_AWAY = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028']);
/**
 * Sockets; names, because an orchestrator publishes them with the service; PostgreSQL's own (class 57: operator
 * intervention, 57014: it took longer than a statement may, 25P03: a transaction was silent for longer than it may, 08:
 * connection exception, 53300: too many connections).
 */
const AWAY =
  /^(E(CONNREFUSED|CONNRESET|TIMEDOUT|HOSTUNREACH|NETUNREACH|PIPE|AI_AGAIN)|ENOTFOUND|25P03|57014|57P0[1-3]|08\w{3}|53300)$/;
/**
 * How Prisma's adapter calls the same where it passes a statement of ours on: its error then has P2010 and no other
 * code.
 */
const ADAPTER_AWAY = new Set(['DatabaseNotReachable', 'ConnectionClosed', 'SocketTimeout', 'TooManyConnections']);
/** node-postgres gives these no code. */
const PG_AWAY =
  /^(Connection terminated|Client was closed|timeout expired|timeout exceeded when trying to connect|Client has encountered a connection error)/;

/**
 * Text that Postgres cannot hold (class 22): a NUL, or bytes that are no UTF-8; an escape in JSON that stands for no
 * text.
 */
const UNSTORABLE = new Set(['22021', '22P05']);

/** Postgres did not answer and may yet, as opposed to refusing a statement or a login. */
export function isDatabaseAway(error: unknown): boolean {
  return layersOf(error).some(({ name, codes, kind, message }) => {
    if (name === DATABASE_SILENT) return true;
    if (codes.some((one) => PRISMA_AWAY.has(one) || AWAY.test(one))) return true;
    return (
      (typeof kind === 'string' && ADAPTER_AWAY.has(kind)) || (typeof message === 'string' && PG_AWAY.test(message))
    );
  });
}

/** Postgres answered with an error of the statement, so that nothing came of it, and it would not help to wait. */
export function wasStatementRefused(error: unknown): boolean {
  return !isDatabaseAway(error) && layersOf(error).some(({ codes }) => codes.some((code) => SQLSTATE.test(code)));
}

/** All but `P0…`, which Prisma's own codes look like. */
const SQLSTATE = /^(?!P\d)[0-9A-Z]{5}$/;

const DATABASE_SILENT = 'DatabaseSilent';

/** For whoever knows that Postgres does not answer, where the class of the cause does not show whose fault it is. */
export class DatabaseSilent extends Error {
  override readonly name = DATABASE_SILENT;
}

/** Of Postgres, as its class tells: refused connections are those of Redis, of SMTP servers and of web hooks, too. */
export function isOfDatabase(error: unknown): boolean {
  return layersOf(error).some(
    ({ name, byPrisma }) =>
      byPrisma ||
      (typeof name === 'string' && /^(PrismaClient|DriverAdapterError|DatabaseSilent|StatementError)/.test(name)),
  );
}

/** What a caller is told of an error of the database; undefined where the fault is ours. */
export function databaseProblemOf(error: unknown): Problem | undefined {
  if (isDatabaseAway(error)) return new Problem('unavailable', { cause: error, headers: { 'retry-after': '2' } });
  // The last line: text from outside is refused where it comes in, and a statement makes storable what it is given.
  if (layersOf(error).some(({ codes }) => codes.some((one) => UNSTORABLE.has(one)))) {
    return new Problem('validation_failed', {
      cause: error,
      detail: 'A field holds text that cannot be stored.',
      remedy: 'Send text without NUL and halves of surrogate pairs.',
    });
  }
  return undefined;
}

/** One error of a chain. */
interface Layer {
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
function layersOf(error: unknown): Layer[] {
  if (typeof error !== 'object' || error === null) return [];
  const { name, code, originalCode, kind, message, host, port, cause, meta, clientVersion } = error as Record<
    string,
    unknown
  >;
  const wrapped =
    typeof meta === 'object' && meta !== null ? (meta as Record<string, unknown>)['driverAdapterError'] : undefined;
  const codes = [code, originalCode].filter((one) => typeof one === 'string');
  return [
    { name, byPrisma: clientVersion !== undefined, codes, kind, message, host, port },
    ...layersOf(cause),
    ...layersOf(wrapped),
  ];
}

/** A row of this key is there already, as Prisma says it of its own statements, and Postgres of ours. */
export function isUniqueViolation(error: unknown): boolean {
  return layersOf(error).some(({ codes }) => codes.includes('P2002') || codes.includes('23505'));
}

/** PostgreSQL's own codes (its manual, appendix A). */
const SQLSTATES: Record<string, string> = {
  '25006': 'the database is read-only',
  '25P03': 'it ended a transaction that was silent',
  '28000': 'the login is refused',
  '28P01': 'the password is refused',
  '3D000': 'there is no such database',
  '42501': 'the user lacks a right',
  '53100': 'its disk is full',
  '53200': 'it is out of memory',
  '53300': 'it has too many connections',
  '57014': 'a statement took too long',
  '57P01': 'it shuts down, or ended the connection',
  '57P02': 'it restarts after a crash',
  '57P03': 'it is starting up',
};
/** Prisma's codes, where they say more than that a statement failed (its error reference). */
const PRISMA: Record<string, string> = {
  P1000: 'the login is refused',
  P1001: 'it cannot be reached',
  P1002: 'no answer in time',
  P1003: 'there is no such database',
  P1008: 'no answer in time',
  P1010: 'the user lacks a right',
  P1017: 'the connection broke',
  P2024: 'no connection was free in time',
  P2028: 'a transaction got no connection, or took too long',
};
/** Prisma's adapter keeps no code of a socket, but these stand for one each (its `mapSocketError`). */
function socketCodeOf({ kind, host, port }: Layer): string | undefined {
  switch (kind) {
    case 'DatabaseNotReachable':
      // A name that was not found has no port yet, and neither has the path of a Unix socket.
      return port !== undefined || (typeof host === 'string' && host.startsWith('/')) ? 'ECONNREFUSED' : 'ENOTFOUND';
    case 'ConnectionClosed':
      return 'ECONNRESET';
    case 'SocketTimeout':
      return 'ETIMEDOUT';
    case 'TooManyConnections':
      return '53300';
    default:
      return undefined;
  }
}

/** node-postgres gives these no code. */
const MESSAGES: [RegExp, string][] = [
  [
    /^(timeout expired|timeout exceeded when trying to connect|Query read timeout|no answer within)/,
    'no answer in time',
  ],
  [/^(Connection terminated|Client was closed|Client has encountered a connection error)/, 'the connection broke'],
];

/**
 * Why Postgres was of no use, for operators: such as `connection refused (ECONNREFUSED)`. Of the layers of an error the
 * innermost knows best. Never its text, which may quote addresses and statements, and never the name of a class.
 */
export function databaseWords(error: unknown): string {
  const layers = layersOf(error).reverse();
  const codes = layers.flatMap((layer) => [...layer.codes, ...[socketCodeOf(layer) ?? []].flat()]);
  for (const code of codes) {
    const words = networkWords(code) ?? (SQLSTATES[code] && `${SQLSTATES[code]} (${code})`);
    if (words) return words;
  }
  for (const { message } of layers) {
    const known = MESSAGES.find(([start]) => typeof message === 'string' && start.test(message));
    if (known) return known[1];
  }
  const known = codes.find((code) => code in PRISMA);
  if (known !== undefined) return PRISMA[known]!;
  const sqlstate = codes.find((code) => /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('P'));
  return sqlstate === undefined ? 'a statement failed' : `a statement failed (${sqlstate})`;
}
