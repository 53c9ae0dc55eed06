import pg from 'pg';
import type { Logger } from '../core/logger.js';
import { type Dependency, tellOutage, withoutOutages } from '../core/outage-log.js';
import { OutagePolicy, placeOf } from '../core/outage-policy.js';
import { databaseWords, isDatabaseAway, isOfDatabase } from './database-errors.js';

interface OutageTiming {
  /** Milliseconds between two looks whether it is back. */
  lookEvery: number;
  /** Milliseconds that it has to answer before it counts as back. */
  settle: number;
  /** Milliseconds between two lines about an outage that goes on. */
  remindEvery: number;
}

const TIMING: OutageTiming = { lookEvery: 1_000, settle: 3_000, remindEvery: 60_000 };
/** Milliseconds that one look may take. */
const ANSWER_WITHIN_MS = 5_000;

/**
 * The one that tells the log that Postgres is away. Everything that logs an error with `err` tells it without knowing:
 * `hear` takes what Prisma says of a database that does not answer. While it is away this looks by itself whether it is
 * back, over a connection of its own, for a pool that is used up is another matter.
 */
export class DatabaseOutage {
  private readonly policy: OutagePolicy;
  private readonly dependency: Dependency;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly url: string,
    private readonly log: Logger,
    private readonly timing = TIMING,
  ) {
    this.policy = new OutagePolicy(timing.settle, timing.remindEvery);
    this.dependency = {
      name: 'Postgres',
      place: placeOf(url, 5432),
      meanwhile: 'Accepting stops until it is back; mail in the outbox is kept.',
      level: 'error',
    };
  }

  /** The log of a process, from which this takes what an outage makes everybody say. */
  hear(): Logger {
    return withoutOutages(this.log, (error) => this.takes(error));
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private takes(error: unknown): boolean {
    if (!isOfDatabase(error) || !isDatabaseAway(error)) return false;
    if (this.policy.away) this.policy.leaveOut();
    tellOutage(this.log, this.dependency, this.policy.failed(performance.now(), databaseWords(error)));
    this.lookLater();
    return true;
  }

  private lookLater(): void {
    if (this.stopped) return;
    this.timer ??= setTimeout(() => void this.look(), this.timing.lookEvery).unref();
  }

  private async look(): Promise<void> {
    const trouble = await troubleOf(this.url);
    this.timer = undefined;
    if (this.stopped) return;
    const now = performance.now();
    const line = trouble === undefined ? this.policy.worked(now) : this.policy.failed(now, databaseWords(trouble));
    tellOutage(this.log, this.dependency, line);
    if (this.policy.away) this.lookLater();
  }
}

/** What is wrong with the database, or undefined when it answers. */
async function troubleOf(url: string): Promise<unknown> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_WITHIN_MS,
    query_timeout: ANSWER_WITHIN_MS,
    application_name: 'otpost outage',
  });
  client.on('error', () => undefined); // told by the query as well
  try {
    await client.connect();
    await client.query('SELECT 1');
    await client.end();
    return undefined;
  } catch (error) {
    // A server that hangs says no goodbye.
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    return error ?? new Error('no answer');
  }
}
