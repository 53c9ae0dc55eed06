import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import { type OtpChallenge, Prisma } from '../generated/prisma/client.js';
import { countFailure } from './failure-budgets.js';

export type Challenge = OtpChallenge;

/** What can still be given back. */
const OPEN = Prisma.sql`consumed_at IS NULL AND voided_at IS NULL AND disowned_at IS NULL`;

/** The rows of `otp_challenges` and their conditional updates. */
@Injectable()
export class Challenges {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async insert(challenge: Prisma.OtpChallengeCreateManyInput, unit: UnitOfWork): Promise<Challenge> {
    const [inserted] = await unit.db.otpChallenge.createManyAndReturn({ data: [challenge] });
    return inserted!;
  }

  async find(id: string): Promise<Challenge | null> {
    return this.prisma.otpChallenge.findUnique({ where: { id } });
  }

  async findByLink(linkHash: Uint8Array<ArrayBuffer>): Promise<Challenge | null> {
    return this.prisma.otpChallenge.findUnique({ where: { linkHash } });
  }

  /** Holds the row until the transaction ends, so that two resends do not pass the same cooldown. */
  async findForUpdate(id: string, unit: UnitOfWork): Promise<Challenge | null> {
    await unit.db.$queryRaw`SELECT 1 FROM otp_challenges WHERE id = ${id} FOR UPDATE`;
    return unit.db.otpChallenge.findUnique({ where: { id } });
  }

  /**
   * Counts a try, and a failure in the budget of its destination, in the one statement that asks whether either is left,
   * before anything is compared: parallel guesses cannot be undercounted, and one that the budget refuses costs the
   * challenge nothing. Tries made so far, this one included; undefined when the challenge or the budget allows no more.
   */
  async countAttempt(id: string, device: string | undefined, now: Date): Promise<number | undefined> {
    const open = Prisma.sql`SELECT destination_canonical AS destination, purpose FROM open`;
    const [counted] = await this.prisma.$queryRaw<{ attempts: number }[]>`
      WITH open AS MATERIALIZED (
        SELECT id, destination_canonical, purpose FROM otp_challenges
        WHERE id = ${id} AND ${OPEN} AND expires_at > ${now} AND attempts < max_attempts
        FOR UPDATE
      ), budget AS (${countFailure(open, device, now)})
      UPDATE otp_challenges c SET attempts = c.attempts + 1 FROM open, budget WHERE c.id = open.id
      RETURNING c.attempts`;
    return counted?.attempts;
  }

  async countResend(id: string, resendAfter: Date, unit: UnitOfWork): Promise<Challenge> {
    return unit.db.otpChallenge.update({ where: { id }, data: { resends: { increment: 1 }, resendAfter } });
  }

  /**
   * One success, and its siblings for the same destination and purpose end with it. They are locked in one order first:
   * two siblings verified at the same moment would otherwise wait for each other.
   */
  async consume(challenge: Challenge, now: Date, unit: UnitOfWork): Promise<boolean> {
    const open = await unit.db.$queryRaw<{ id: string }[]>`
      SELECT id FROM otp_challenges
      WHERE destination_canonical = ${challenge.destinationCanonical} AND purpose = ${challenge.purpose}
        AND ${OPEN} AND (expires_at > ${now} OR id = ${challenge.id})
      ORDER BY id FOR UPDATE`;
    const ids = open.map(({ id }) => id);
    if (!ids.includes(challenge.id)) return false;
    await unit.db.otpChallenge.update({ where: { id: challenge.id }, data: { consumedAt: now, sealedCode: null } });
    const siblings = ids.filter((id) => id !== challenge.id);
    await unit.db.otpChallenge.updateMany({ where: { id: { in: siblings } }, data: { voidedAt: now, sealedCode: null } });
    return true;
  }

  /** False when it had ended before. */
  async disown(id: string, now: Date, unit: UnitOfWork): Promise<boolean> {
    const { count } = await unit.db.otpChallenge.updateMany({
      where: { id, consumedAt: null, voidedAt: null, disownedAt: null, expiresAt: { gt: now } },
      data: { disownedAt: now, sealedCode: null },
    });
    return count === 1;
  }
}
