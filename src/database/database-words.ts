import { networkWords } from '../core/network-words.js';
import { type Layer, layersOf } from './database-errors.js';

/** PostgreSQL's own codes (its manual, appendix A). */
const SQLSTATES: Record<string, string> = {
  '25006': 'the database is read-only',
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
  [/^(timeout expired|timeout exceeded when trying to connect|Query read timeout|no answer within)/, 'no answer in time'],
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
