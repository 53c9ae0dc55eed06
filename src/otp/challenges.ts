import { Injectable } from '@nestjs/common';
import type { CompanionRow } from '../database/companion-rows.js';
import { PrismaService, type UnitOfWork } from '../database/prisma.service.js';
import { type OtpChallenge, Prisma } from '../generated/prisma/client.js';
import { type BudgetKey, countFailures } from './failure-budgets.js';

export type Challenge = OtpChallenge;

/** A challenge that a code is compared with, and the budget in which a failure counts. */
export interface Asked extends BudgetKey {
  id: string;
}

/** Rows whose code can still be given back. */
const OPEN = Prisma.sql`consumed_at IS NULL AND voided_at IS NULL AND disowned_at IS NULL`;
/** Rows that the code or the link still opens. */
const OPENS = Prisma.sql`consumed_at IS NULL AND voided_at IS NULL AND (disowned_at IS NULL OR left_to_mailbox)`;

/** A new one, to be committed with the message that carries its code. */
export function companionOf(challenge: Challenge): CompanionRow {
  return {
    table: 'otp_challenges',
    row: {
      id: challenge.id,
      purpose: challenge.purpose,
      channel: challenge.channel,
      destination: challenge.destination,
      destination_canonical: challenge.destinationCanonical,
      template: challenge.template,
      locale: challenge.locale,
      reference: challenge.reference,
      code_hash: challenge.codeHash,
      sealed_code: challenge.sealedCode,
      seal_key_id: challenge.sealKeyId,
      max_attempts: challenge.maxAttempts,
      resend_after: challenge.resendAfter,
      created_at: challenge.createdAt,
      expires_at: challenge.expiresAt,
      decoy: challenge.decoy,
      link_hash: challenge.linkHash,
      requester: challenge.requester,
      api_key_id: challenge.apiKeyId,
    },
  };
}

/** The rows of `otp_challenges` and their conditional updates. */
@Injectable()
export class Challenges {
  constructor(private readonly prisma: PrismaService) {}

  async add(challenge: Challenge, { db }: UnitOfWork): Promise<void> {
    await db.otpChallenge.create({ data: challenge });
  }

  async find(id: string): Promise<Challenge | null> {
    return this.prisma.otpChallenge.findUnique({ where: { id } });
  }

  async findByLink(linkHash: Uint8Array<ArrayBuffer>): Promise<Challenge | null> {
    return this.prisma.otpChallenge.findUnique({ where: { linkHash } });
  }

  /** Locks the row until the transaction ends: two resends cannot pass the same cooldown. */
  async findForUpdate(id: string, unit: UnitOfWork): Promise<Challenge | null> {
    await unit.db.$queryRaw`SELECT 1 FROM otp_challenges WHERE id = ${id} FOR UPDATE`;
    return unit.db.otpChallenge.findUnique({ where: { id } });
  }

  /**
   * Counts a try of the first challenge, and a failure in the budget of each destination. One statement asks whether
   * tries and failures are left and counts them, before anything is compared: parallel guesses cannot be undercounted,
   * and a try that a budget refuses costs the challenge nothing. A code that is compared with several challenges is as
   * many guesses, and counts as such in the budgets.
   * @param asked not empty, each challenge once
   * @returns how many tries of the first challenge were made, this one included, and the ids of the challenges that may
   *   be compared; undefined when the first challenge or its budget allows no more
   */
  async countAttempt(asked: readonly Asked[], now: Date): Promise<{ attempts: number; ids: string[] } | undefined> {
    const first = asked[0]!.id;
    const failures = Prisma.sql`
      SELECT destination, purpose, device, count(*)::int AS failures FROM asked JOIN open USING (id)
      WHERE EXISTS (SELECT FROM open WHERE id = ${first}) GROUP BY 1, 2, 3`;
    const allowed = await this.prisma.statements.query<{ id: string; attempts: number }[]>`
      WITH asked AS MATERIALIZED (
        SELECT * FROM unnest(${asked.map(({ id }) => id)}::text[], ${asked.map(({ destination }) => destination)}::text[],
          ${asked.map(({ purpose }) => purpose)}::text[], ${asked.map(({ device }) => device ?? '')}::text[]) AS a (id, destination, purpose, device)
      ), open AS MATERIALIZED (
        SELECT id FROM otp_challenges
        WHERE id = ANY(${asked.map(({ id }) => id)}::text[]) AND ${OPEN} AND expires_at > ${now} AND attempts < max_attempts
        ORDER BY id FOR UPDATE
      ), budgets AS (${countFailures(failures, now)}
      ), compared AS (
        SELECT asked.id FROM asked JOIN open USING (id) JOIN budgets USING (destination, purpose, device)
      ), counted AS (
        UPDATE otp_challenges SET attempts = attempts + 1
        WHERE id = ${first} AND EXISTS (SELECT FROM compared WHERE id = ${first}) RETURNING attempts
      )
      SELECT compared.id, counted.attempts FROM compared, counted`;
    return allowed.length === 0 ? undefined : { attempts: allowed[0]!.attempts, ids: allowed.map(({ id }) => id) };
  }

  /**
   * Counts a code that is given once more. False: the challenge was not used after `since`, or was repeated `most`
   * times.
   */
  async countRepeat(id: string, since: Date, most: number): Promise<boolean> {
    const counted = await this.prisma.statements.execute`
      UPDATE otp_challenges SET repeats = repeats + 1 WHERE id = ${id} AND consumed_at >= ${since} AND repeats < ${most}::int`;
    return counted === 1;
  }

  /** Takes back a try that was counted and was none. */
  async takeBackAttempt(id: string, unit: UnitOfWork): Promise<void> {
    await unit.db.$executeRaw`UPDATE otp_challenges SET attempts = attempts - 1 WHERE id = ${id} AND attempts > 0`;
  }

  /** @param otherDestination that a copy went to by the other channel, this one or a former one */
  async countResend(
    id: string,
    resendAfter: Date,
    otherDestination: string | null,
    unit: UnitOfWork,
  ): Promise<Challenge> {
    const data = { resends: { increment: 1 }, resendAfter, otherDestination };
    return unit.db.otpChallenge.update({ where: { id }, data });
  }

  /**
   * Uses the challenge up and voids its siblings, those for the same destination and purpose. All that the transaction
   * changes are locked in one order first, that of {@link countAttempt}: otherwise two that come at the same moment
   * would wait for each other. Undefined: it had ended.
   * @param besides ids of other challenges that the transaction will change
   * @returns the challenge as it is from now on
   */
  async consume(
    challenge: Challenge,
    now: Date,
    unit: UnitOfWork,
    besides: readonly string[] = [],
  ): Promise<Challenge | undefined> {
    const siblings = Prisma.sql`destination_canonical = ${challenge.destinationCanonical} AND purpose = ${challenge.purpose}
        AND ${OPENS} AND (expires_at > ${now} OR id = ${challenge.id})`;
    const locked = await unit.db.$queryRaw<{ id: string; open: boolean }[]>`
      SELECT id, ${siblings} AS open FROM otp_challenges
      WHERE (${siblings}) OR id = ANY(${besides}::text[])
      ORDER BY id FOR UPDATE`;
    const ids = locked.filter(({ open }) => open).map(({ id }) => id);
    if (!ids.includes(challenge.id)) return undefined;
    const data = { consumedAt: now, sealedCode: null };
    const consumed = await unit.db.otpChallenge.update({ where: { id: challenge.id }, data });
    await unit.db.otpChallenge.updateMany({
      where: { id: { in: ids.filter((id) => id !== challenge.id) } },
      data: { voidedAt: now, sealedCode: null },
    });
    return consumed;
  }

  /**
   * Ends the code and its link. False when they had ended before.
   * @param leftToMailbox only the code; its link works on, until it is disowned too
   */
  async disown(id: string, now: Date, leftToMailbox: boolean, unit: UnitOfWork): Promise<boolean> {
    const left = leftToMailbox ? [] : [{ leftToMailbox: true }];
    const { count } = await unit.db.otpChallenge.updateMany({
      where: { id, consumedAt: null, voidedAt: null, OR: [{ disownedAt: null }, ...left], expiresAt: { gt: now } },
      data: { disownedAt: now, leftToMailbox, sealedCode: null },
    });
    return count === 1;
  }
}
