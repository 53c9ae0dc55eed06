import { Injectable } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { type Prisma, PrismaClient } from '../generated/prisma/client.js';
import {
  connectTimeoutOf,
  openPool,
  type PoolUse,
  STATEMENT_TIMEOUT_MS,
  useOf,
  UTC,
  withSessionOptions,
} from './pool.js';
import { Statements } from './statements.js';

export interface DatabaseOptions {
  url: string;
  /** Connections of this process's pool; BullMQ on Postgres has its own. */
  poolSize: number;
  /** Milliseconds; as {@link IDLE_IN_TRANSACTION_MS} unless given. */
  idleInTransactionMs?: number;
}

/**
 * Seconds after which a connection is not used again, and with it what Postgres planned when its tables were of another
 * size.
 */
const CONNECTION_LIFE_S = 600;
/**
 * What Postgres would compile, it would compile anew for each statement that is not prepared: counting 60,000 messages
 * took 300 to 470 ms with it, and 130 without (measured; Debian and most providers have it on).
 */
const NO_JIT = { jit: 'off' };
/** Milliseconds a transaction may take. */
const TRANSACTION_TIMEOUT_MS = 10_000;
/**
 * Milliseconds without a word in a transaction, after which Postgres ends its session
 * (`idle_in_transaction_session_timeout`): the host has lost power or its network, and its locks would hold until TCP
 * notices, two hours later. Longer than a transaction may take, so that it never meets one whose host is there.
 */
const IDLE_IN_TRANSACTION_MS = TRANSACTION_TIMEOUT_MS + 5_000;

/**
 * Prisma's client. It has no shutdown hook on purpose: Nest's hooks have no order across modules, and the pool must
 * outlive the deliveries that still record what happened. `main` disconnects it last.
 */
@Injectable()
export class PrismaService extends PrismaClient {
  /** How much of the pool is taken at this moment. */
  readonly poolUse: () => PoolUse;
  /** Past Prisma's engine, over the same pool: SQL outside of a transaction, above all what is hot or carries bytes. */
  readonly statements: Statements;
  private readonly endPool: () => Promise<void>;

  constructor({ url, poolSize, idleInTransactionMs = IDLE_IN_TRANSACTION_MS }: DatabaseOptions) {
    const connectTimeout = connectTimeoutOf(url); // then a request is answered 503
    const pool = openPool({
      connectionString: withSessionOptions(url, {
        ...UTC,
        ...NO_JIT,
        statement_timeout: String(STATEMENT_TIMEOUT_MS),
        idle_in_transaction_session_timeout: String(idleInTransactionMs),
      }),
      max: poolSize,
      connectionTimeoutMillis: connectTimeout,
      maxLifetimeSeconds: CONNECTION_LIFE_S,
      application_name: 'otpost',
    });
    pool.on('error', () => undefined); // of an idle client; the pool replaces it
    super({
      adapter: new PrismaPg(pool),
      errorFormat: 'minimal', // another one looks for the line that called, at each call
      transactionOptions: { maxWait: connectTimeout, timeout: TRANSACTION_TIMEOUT_MS },
    });
    this.poolUse = () => useOf(pool);
    this.statements = new Statements(pool);
    let ended: Promise<void> | undefined;
    this.endPool = () => (ended ??= pool.end());
  }

  /** For good: resolves when no connection is left. An engine that nothing asked would leave the pool as it is. */
  override async $disconnect(): Promise<void> {
    await super.$disconnect();
    await this.endPool();
  }
}

/** What must be atomic takes one of these: the caller's transaction, and what is to happen once it holds. */
export interface UnitOfWork {
  readonly db: Prisma.TransactionClient;
  /** Runs after the commit, never after a rollback; must not throw and is not awaited by the caller's answer. */
  afterCommit(effect: () => void): void;
}

@Injectable()
export class Transactions {
  constructor(private readonly prisma: PrismaService) {}

  /** Commits when `work` resolves; a 2xx may be sent only after this resolved. */
  async run<T>(work: (unit: UnitOfWork) => Promise<T>): Promise<T> {
    const effects: (() => void)[] = [];
    const result = await this.prisma.$transaction((db) =>
      work({ db, afterCommit: (effect) => void effects.push(effect) }),
    );
    for (const effect of effects) effect();
    return result;
  }
}

/**
 * Repeats a statement that handles up to `limit` rows until it finds fewer, so that a long backlog neither holds locks
 * for long nor makes one huge transaction. Returns how many it handled in all.
 */
export async function inBatches(
  signal: AbortSignal,
  step: (limit: number) => Promise<number>,
  limit = 1_000,
): Promise<number> {
  let all = 0;
  while (!signal.aborted) {
    const handled = await step(limit);
    all += handled;
    if (handled < limit) break;
  }
  return all;
}
