import type { Redis } from 'ioredis';
import type { Logger } from '../core/logger.js';
import { networkWords } from '../core/outage-policy.js';

/** The only `maxmemory-policy` under which a full Redis forgets nothing. */
const KEEPS_ALL = 'noeviction';
/** Milliseconds after which it is read again: operators change it while Redis runs. */
const LOOK_EVERY_MS = 60_000;

/**
 * What Redis does when its memory is full, and a warning unless it is to refuse writes. Persistence is not looked at:
 * what Redis forgets when it dies is in Postgres.
 */
export class MemoryPolicy {
  /** Undefined while it is not known, or not told. */
  value: string | undefined;
  private told: string | undefined;
  private nextLook = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly redis: Redis,
    private readonly log: Logger,
  ) {}

  /** Whether wake-ups may be thrown away. */
  get forgets(): boolean {
    return this.value !== undefined && this.value !== KEEPS_ALL;
  }

  /** Cheap when it was read lately. Rejects when Redis does not answer. */
  async look(): Promise<void> {
    if (performance.now() < this.nextLook) return;
    this.nextLook = performance.now() + LOOK_EVERY_MS;
    try {
      this.value = await readMaxmemoryPolicy(this.redis);
    } catch (error) {
      this.nextLook = Number.NEGATIVE_INFINITY;
      throw error;
    }
    this.tell(this.value ?? 'not told');
  }

  private tell(policy: string): void {
    if (policy === this.told) return;
    this.told = policy;
    if (this.value === undefined) this.log.info(`Redis does not tell its maxmemory-policy; it should be ${KEEPS_ALL}`);
    if (!this.forgets) return;
    this.log.warn(
      { maxmemoryPolicy: policy },
      `the maxmemory-policy of Redis is ${policy}: when its memory is full it may throw wake-ups away, and mail then waits ` +
        `for the timer of a worker. Set it to ${KEEPS_ALL}, or give Otpost a Redis of its own`,
    );
  }
}

/** Managed Redis often refuses CONFIG; then INFO has it, or nobody. */
export async function readMaxmemoryPolicy(redis: Redis): Promise<string | undefined> {
  const configured = (await unlessRefused(redis.config('GET', 'maxmemory-policy'))) as string[] | undefined;
  if (configured?.[1] !== undefined) return configured[1];
  const info = await unlessRefused(redis.info('memory'));
  return /^maxmemory_policy:(\S+)/m.exec(info ?? '')?.[1];
}

/** Of a refusal that begins with a word which says nothing: `ERR DB index is out of range`. */
const NO_DATABASE = 'NODB';

/**
 * The word a refusal begins with, such as OOM, MISCONF or READONLY, or NODB where there is no database of the number in
 * the URL; undefined when Redis refused nothing.
 */
export function refusalOf(error: Error): string | undefined {
  if (/^ERR .*DB index is out of range/i.test(error.message)) return NO_DATABASE;
  return error.name === 'ReplyError' ? (/^[A-Z]+\b/.exec(error.message)?.[0] ?? 'ERR') : undefined;
}

/** Undefined where Redis refuses, as hosts do that leave a command out. @throws what else goes wrong */
export async function unlessRefused<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (refusalOf(error as Error) === undefined) throw error;
    return undefined;
  }
}

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
  [NO_DATABASE]: 'it has no database of the number in REDIS_URL, and another one is used',
};

export const NO_CONNECTION = 'no connection';

/**
 * Why Redis was of no use, for operators: such as `connection refused (ECONNREFUSED)`. Undefined where the client only
 * says that it has no connection. Never the text of an error, which may quote addresses, and never the name of a class.
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
