import { Redis } from 'ioredis';
import { CHECK_KEY, CHECK_KEY_SECONDS } from '../queue/broker.js';
import { readMaxmemoryPolicy, redisWords, refusalOf, unlessRefused } from '../queue/redis-state.js';
import { type BrokerFinding, brokerVerdicts } from './broker-verdict.js';
import type { Check } from './report.js';

/** Milliseconds for a connection, and for each command. */
const TIMEOUT_MS = 3_000;
/** Where the client has no code for what happened. */
const NO_REDIS = 'it hangs up, or does not answer as Redis does';

/** @param redisUrl undefined: the queue runs on Postgres */
export async function brokerChecks(redisUrl: string | undefined): Promise<Check[]> {
  if (redisUrl === undefined) return brokerVerdicts('postgres', { kind: 'postgres' });
  return brokerVerdicts(new URL(redisUrl).host, await probe(redisUrl));
}

async function probe(url: string): Promise<BrokerFinding> {
  const redis = new Redis(url, {
    lazyConnect: true,
    family: 0,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let told: Error | undefined;
  redis.on('error', (error: Error) => (told = error));
  try {
    await redis.connect();
    // The client goes on in another database where there is none of that number.
    await redis.select(redis.options.db ?? 0);
    // A full Redis answers PING and refuses what it is needed for: only a write proves it.
    const startedAt = performance.now();
    await redis.set(CHECK_KEY, '', 'EX', CHECK_KEY_SECONDS);
    const ms = Math.round((performance.now() - startedAt) * 10) / 10;
    const [policy, info, save] = await Promise.all([
      readMaxmemoryPolicy(redis),
      unlessRefused(redis.info()),
      unlessRefused(redis.config('GET', 'save')),
    ]);
    const fact = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info ?? '')?.[1];
    const snapshots = (save as string[] | undefined)?.[1];
    const persistence = [
      ...(fact('aof_enabled') === '1' ? ['an append-only file'] : []),
      ...(snapshots ? ['snapshots'] : []),
    ];
    return {
      kind: 'redis',
      up: true,
      ms,
      version: fact('redis_version'),
      policy,
      persistence,
      maxmemory: fact('maxmemory_human'),
    };
  } catch (error) {
    const cause = told ?? (error as Error);
    return { kind: 'redis', up: false, error: classOf(cause), words: redisWords(cause) ?? NO_REDIS };
  } finally {
    redis.disconnect();
  }
}

/** A class such as ECONNREFUSED: the text names addresses. */
function classOf(error: Error): string {
  const { code, errors } = error as NodeJS.ErrnoException & { errors?: NodeJS.ErrnoException[] };
  return (
    refusalOf(error) ?? code ?? errors?.[0]?.code ?? (/timed? ?out/i.test(error.message) ? 'ETIMEDOUT' : error.name)
  );
}
