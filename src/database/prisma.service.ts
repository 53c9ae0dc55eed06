import { Injectable } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import { PrismaClient } from '../generated/prisma/client.js';
import { openPool, type PoolUse, STATEMENT_TIMEOUT_MS, useOf } from './pool.js';
import { UTC, withSessionOptions } from './session-options.js';

export interface DatabaseOptions {
  url: string;
  /** Connections of this process's pool; BullMQ on Postgres has its own. */
  poolSize: number;
}

/** Milliseconds to get a connection before a request is answered 503. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Milliseconds a transaction may take. */
const TRANSACTION_TIMEOUT_MS = 10_000;

/**
 * Prisma's client. It has no shutdown hook on purpose: Nest's hooks have no order across modules, and the pool must
 * outlive the deliveries that still record what happened. `main` disconnects it last.
 */
@Injectable()
export class PrismaService extends PrismaClient {
  /** How much of the pool is taken at this moment. */
  readonly poolUse: () => PoolUse;

  constructor({ url, poolSize }: DatabaseOptions) {
    const pool = openPool({
      connectionString: withSessionOptions(url, { ...UTC, statement_timeout: String(STATEMENT_TIMEOUT_MS) }),
      max: poolSize,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      application_name: 'otpost',
    });
    pool.on('error', () => undefined); // of an idle client; the pool replaces it
    super({
      adapter: new PrismaPg(pool, { disposeExternalPool: true }),
      transactionOptions: { maxWait: CONNECT_TIMEOUT_MS, timeout: TRANSACTION_TIMEOUT_MS },
    });
    this.poolUse = () => useOf(pool);
  }
}
