import { Injectable } from '@nestjs/common';
import { Clock } from '../../core/clock.js';
import { HOUR_MS } from '../../core/durations.js';
import { Problem } from '../../core/problems.js';
import { PrismaService, type UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { ArrivalFate } from '../outbox/arrivals.js';
import { firstCaller, keepStatement, type KeptAnswer } from '../outbox/insert-statement.js';
import { fingerprintOf, KEPT_HOURS, type KeyedRequest } from './idempotency-policy.js';

/** What a call answers when all goes well. */
export interface Answer<Body extends object = object> {
  /** Of HTTP. */
  status: number;
  /** Kept as JSON. */
  body: Body;
}

/** `replayed`: it was given before, and nothing was done now. */
export type GivenAnswer<Body extends object = object> = Answer<Body> & { replayed: boolean };

/** What stands under a key. */
interface Standing {
  fingerprint: Uint8Array;
  status: number;
  answer: object;
}

/**
 * Requests that are sent again under an `Idempotency-Key` are carried out once, and answered alike. The answer is
 * committed with what the request did: a process that dies between the two has done both or neither. Errors keep
 * nothing, for what was refused may be sent again.
 */
@Injectable()
export class Idempotency {
  constructor(
    private readonly prisma: PrismaService,
    private readonly clock: Clock,
  ) {}

  /**
   * Does work that is one statement, and whose answer is known before, or tells what it came to before: with a key or
   * without, it is all that it takes. Who comes while the same request is under way is not kept waiting.
   * @param commit keeps the answer with what it does
   * @throws Problem idempotency_in_flight, idempotency_mismatch
   */
  async once<Body extends object>(
    request: KeyedRequest,
    answer: Answer<Body>,
    commit: (kept?: KeptAnswer) => Promise<ArrivalFate>,
  ): Promise<GivenAnswer<Body>> {
    const fate = await commit(this.toKeep(request, answer));
    if (fate === 'accepted') return { ...answer, replayed: false };
    const before = fate === 'answered' ? await this.find<Body>(request) : undefined;
    if (!before) throw inFlight();
    return before;
  }

  /**
   * What the request was answered before, read without a lock: for calls that count in limits which a replay must not
   * use up.
   * @throws Problem idempotency_mismatch
   */
  async find<Body extends object>(request: KeyedRequest): Promise<GivenAnswer<Body> | undefined> {
    const { caller, key } = request;
    if (key === undefined) return undefined;
    const [standing] = await this.prisma.statements.query<Standing[]>`
      SELECT k.fingerprint, k.status, k.answer FROM (${firstCaller(Prisma.sql`${caller}::text`)}) AS first
      JOIN idempotency_keys k ON k.caller = first.caller AND k.key = ${key} AND k.expires_at > ${this.clock.now()}::timestamptz`;
    return standing && replayOf<Body>(standing, fingerprintOf(request));
  }

  /**
   * Keeps what a request was answered that locks for itself what it changes: with {@link find} before it, all that it
   * takes.
   * @throws Problem idempotency_in_flight, and all that was done is to be rolled back
   */
  async keep(request: KeyedRequest, answer: Answer, { db }: UnitOfWork): Promise<void> {
    const kept = this.toKeep(request, answer);
    // The row is judged, too: the lock may have become free right after its statement began to look.
    if (kept && (await db.$executeRaw(keepStatement(kept))) === 0) throw inFlight();
  }

  /** Removes up to `limit` answers that are not kept any more. Returns how many. */
  async removeExpired(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM idempotency_keys WHERE (caller, key) IN (
        SELECT caller, key FROM idempotency_keys WHERE expires_at <= ${this.clock.now()}::timestamptz
        ORDER BY expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  private toKeep(request: KeyedRequest, { status, body }: Answer): KeptAnswer | undefined {
    const { caller, key } = request;
    if (key === undefined) return undefined;
    const now = this.clock.now();
    const until = new Date(now.getTime() + KEPT_HOURS * HOUR_MS);
    return { caller, key, fingerprint: fingerprintOf(request), status, answer: body, now, until };
  }
}

/** @throws Problem idempotency_mismatch */
function replayOf<Body extends object>({ fingerprint, status, answer }: Standing, asked: Buffer): GivenAnswer<Body> {
  if (!asked.equals(fingerprint)) throw new Problem('idempotency_mismatch');
  return { status, body: answer as Body, replayed: true };
}

function inFlight(): Problem {
  return new Problem('idempotency_in_flight', { headers: { 'retry-after': '1' } });
}
