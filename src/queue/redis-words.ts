import { networkWords } from '../core/network-words.js';
import { refusalOf } from './redis-memory.js';

/** What the first word of a refusal means (Redis, its documentation of errors). */
const REFUSALS: Record<string, string> = {
  OOM: 'it is full and refuses writes; give it more memory',
  MISCONF: 'it cannot save to its disk and refuses writes',
  READONLY: 'it is a replica and refuses writes',
  LOADING: 'it is starting up',
  NOAUTH: 'it wants a password',
  WRONGPASS: 'the password is refused',
  NOPERM: 'the user lacks a right',
  MASTERDOWN: 'it is a replica without its primary',
  CLUSTERDOWN: 'its cluster is down',
  BUSY: 'a script keeps it busy',
};

export const NO_CONNECTION = 'no connection';

/**
 * Why Redis was of no use, for operators: such as `connection refused (ECONNREFUSED)`. Undefined where the client only says
 * that it has no connection. Never the text of an error, which may quote addresses, and never the name of a class.
 */
export function redisWords(error: Error): string | undefined {
  const refusal = refusalOf(error);
  if (refusal !== undefined) return `${REFUSALS[refusal] ?? 'it refuses writes'} (${refusal})`;
  const { code, errors } = error as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  const words = networkWords(code ?? errors?.[0]?.code ?? '');
  if (words !== undefined) return words;
  // ioredis and our own clocks have no codes for these.
  return /timed out|no answer within/i.test(error.message) ? 'no answer in time' : undefined;
}
