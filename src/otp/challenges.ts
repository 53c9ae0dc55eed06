import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import type { UnitOfWork } from '../database/unit-of-work.js';
import type { OtpChallenge, Prisma } from '../generated/prisma/client.js';

export type Challenge = OtpChallenge;

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

  /** Holds the row until the transaction ends, so that two resends do not pass the same cooldown. */
  async findForUpdate(id: string, unit: UnitOfWork): Promise<Challenge | null> {
    await unit.db.$queryRaw`SELECT 1 FROM otp_challenges WHERE id = ${id} FOR UPDATE`;
    return unit.db.otpChallenge.findUnique({ where: { id } });
  }

  /**
   * Counts a try in the same statement that asks whether one is left, before anything is compared: parallel guesses
   * cannot be undercounted. Undefined when the challenge is unknown or cannot be used any more.
   */
  async countAttempt(id: string, now: Date): Promise<Challenge | undefined> {
    const [counted] = await this.prisma.otpChallenge.updateManyAndReturn({
      where: {
        id,
        consumedAt: null,
        voidedAt: null,
        expiresAt: { gt: now },
        attempts: { lt: this.prisma.otpChallenge.fields.maxAttempts },
      },
      data: { attempts: { increment: 1 } },
    });
    return counted;
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
        AND consumed_at IS NULL AND voided_at IS NULL AND (expires_at > ${now} OR id = ${challenge.id})
      ORDER BY id FOR UPDATE`;
    const ids = open.map(({ id }) => id);
    if (!ids.includes(challenge.id)) return false;
    await unit.db.otpChallenge.update({ where: { id: challenge.id }, data: { consumedAt: now, sealedCode: null } });
    const siblings = ids.filter((id) => id !== challenge.id);
    await unit.db.otpChallenge.updateMany({ where: { id: { in: siblings } }, data: { voidedAt: now, sealedCode: null } });
    return true;
  }
}
