import { setTimeout as delay } from 'node:timers/promises';
import { createPostgresBackend, type QueueOptions, runMigrations, setDefaultBackendFactory } from 'bullmq';
import { Redis } from 'ioredis';
import type pg from 'pg';
import type { Logger } from '../core/logger.js';
import { type Dependency, tellOutage } from '../core/outage-log.js';
import { OutagePolicy, placeOf } from '../core/outage-policy.js';
import { DatabaseSilent, databaseWords, isDatabaseAway } from '../database/database-errors.js';
import { openPool, withSessionOptions } from '../database/pool.js';
import { untilAnswered } from '../database/waiting.js';
import { MemoryPolicy, NO_CONNECTION, redisWords } from './redis-state.js';

type BrokerKind = 'redis' | 'postgres';

export interface BrokerState {
  kind: BrokerKind;
  up: boolean;
  /** When it went up or down. */
  since: Date;
  /**
   * In plain words, and no more: `connection refused (ECONNREFUSED)`. Health is public, and the text of an error names
   * addresses.
   */
  error?: string;
  /** Of Redis, once it is known. */
  maxmemoryPolicy?: string;
}

/** Milliseconds a wake may take; a producer fails fast, because the commit already holds and the timer delivers. */
const COMMAND_TIMEOUT_MS = 1_000;
/** Milliseconds for taking leave of the broker at the end of a process. */
const END_WITHIN_MS = 2_000;
/** Connections of BullMQ's own pool on Postgres, its LISTEN clients (one a lane) among them. */
export const POSTGRES_POOL = 6;
/** BullMQ on Postgres keeps its tables in a schema of its own. */
const POSTGRES_SCHEMA = 'bullmq';
/**
 * Holds nothing; written to see whether Redis takes writes. Begins like every key of ours, for servers that limit keys.
 */
export const CHECK_KEY = 'otpost-check';
export const CHECK_KEY_SECONDS = 60;

interface Connection {
  /** Rejects when the broker cannot be used. */
  prove(): Promise<unknown>;
  /** Of Redis. */
  memory?: MemoryPolicy;
  end(): Promise<unknown>;
}

/**
 * The engine that wakes workers: Redis where one is configured, otherwise Postgres itself through BullMQ's own backend.
 * Chosen here and nowhere else. It holds wake-ups, never a message; when it is down, only latency changes.
 */
export class Broker {
  private current: BrokerState;
  private readonly outage = new OutagePolicy();

  private constructor(
    private readonly kind: BrokerKind,
    private readonly dependency: Dependency,
    readonly producer: QueueOptions['connection'],
    readonly consumer: QueueOptions['connection'],
    private readonly log: Logger,
    private readonly connection: Connection,
  ) {
    this.current = { kind, up: true, since: new Date() };
  }

  static async open(options: { redisUrl: string | undefined; databaseUrl: string }, log: Logger): Promise<Broker> {
    return options.redisUrl ? Broker.onRedis(options.redisUrl, log) : Broker.onPostgres(options.databaseUrl, log);
  }

  private static onRedis(url: string, log: Logger): Broker {
    setDefaultBackendFactory();
    // family 0: Railway's private network is IPv6 only, most others are not.
    const common = { family: 0, retryStrategy: (tries: number) => Math.min(tries * 100, 2_000) };
    const producer = new Redis(url, {
      ...common,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 1,
      commandTimeout: COMMAND_TIMEOUT_MS,
    });
    const consumer = new Redis(url, { ...common, maxRetriesPerRequest: null });
    const broker = new Broker('redis', dependency('Redis', url, 6379), producer, consumer, log, {
      // A full Redis answers PING and refuses what we need it for (twentyhq/twenty#26219): only a write proves it.
      prove: () => producer.set(CHECK_KEY, '', 'EX', CHECK_KEY_SECONDS),
      memory: new MemoryPolicy(producer, log),
      end: async () => {
        producer.disconnect();
        consumer.disconnect();
      },
    });
    producer.on('error', (error: Error) => broker.wentDown(error));
    // Not awaited by the start: a Redis that is away or hangs delays nobody.
    producer.on('ready', () => void broker.check());
    consumer.on('error', (error: Error) => broker.wentDown(error));
    return broker;
  }

  private static async onPostgres(url: string, log: Logger): Promise<Broker> {
    setDefaultBackendFactory(createPostgresBackend);
    const pool = openPool({
      connectionString: withSessionOptions(url, { search_path: POSTGRES_SCHEMA }),
      max: POSTGRES_POOL,
      application_name: 'otpost-queue',
      keepAlive: true,
    });
    const broker = new Broker('postgres', dependency('The queue on Postgres', url, 5432), pool, pool, log, {
      prove: () => pool.query('SELECT 1'),
      end: () => pool.end(),
    });
    // Each queue and worker of a lane listens; ten of them are no leak.
    pool.setMaxListeners(0);
    pool.on('error', (error) => broker.wentDown(error));
    await untilAnswered(log, () => makeTables(pool));
    return broker;
  }

  get state(): BrokerState {
    const maxmemoryPolicy = this.connection.memory?.value;
    return maxmemoryPolicy === undefined ? this.current : { ...this.current, maxmemoryPolicy };
  }

  /** Whether Redis may throw wake-ups away when its memory is full. */
  get forgets(): boolean {
    return this.connection.memory?.forgets ?? false;
  }

  /** Told by whoever saw the broker take a write. */
  cameUp(): void {
    tellOutage(this.log, this.dependency, this.outage.worked(performance.now()));
    if (this.current.up) return;
    this.current = { kind: this.kind, up: true, since: new Date() };
  }

  /** Told by whoever saw it fail. The log hears of it once, and then each minute, however many commands fail. */
  wentDown(cause: Error): void {
    const error = this.wordsFor(cause);
    this.current = { kind: this.kind, up: false, since: this.current.up ? new Date() : this.current.since, error };
    // Postgres is away for everybody, and whoever tells of that is told: it is one outage and not two.
    if (this.kind === 'postgres' && isDatabaseAway(cause))
      this.log.warn(
        { err: new DatabaseSilent('no answer to the queue', { cause }) },
        'the queue on Postgres cannot be used',
      );
    else tellOutage(this.log, this.dependency, this.outage.failed(performance.now(), error));
  }

  /** What a client says that has given up is not why: the reason before it still holds. */
  private wordsFor(cause: Error): string {
    if (this.kind === 'postgres') return databaseWords(cause);
    return redisWords(cause) ?? this.current.error ?? NO_CONNECTION;
  }

  /** Asks the broker, and remembers the answer. Never rejects; as slow as the connection's own time-out. */
  async check(): Promise<BrokerState> {
    try {
      await this.connection.prove();
      this.cameUp();
      await this.connection.memory?.look();
    } catch (error) {
      this.wentDown(error as Error);
    }
    return this.state;
  }

  /**
   * After every queue and worker was closed. A server that hangs says no goodbye, and the process ends all the same.
   */
  async close(): Promise<void> {
    await Promise.race([this.connection.end(), delay(END_WITHIN_MS, undefined, { ref: false })]);
  }
}

async function makeTables(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await runMigrations(client, POSTGRES_SCHEMA);
  } finally {
    client.release();
  }
}

function dependency(name: string, url: string, port: number): Dependency {
  const meanwhile = 'Accepting goes on; workers drain on their timer.';
  return { name, place: placeOf(url, port), meanwhile, level: 'warn' };
}
