import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import { uuidv7 } from '../core/ids.js';
import { Transactions, type UnitOfWork } from '../database/unit-of-work.js';
import type { Account } from '../generated/prisma/client.js';
import type { Challenge } from '../otp/challenges.js';
import { type CheckResult, Otp } from '../otp/otp.js';
import { type Device, type IssuedTokens, Sessions } from './sessions.js';

export type VerificationResult =
  | { kind: 'signed_in'; account: Account; tokens: IssuedTokens }
  | Exclude<CheckResult, { kind: 'correct' }>;

/** The code came back: use it up, have the account, sign in. All of it or nothing. */
@Injectable()
export class Verification {
  constructor(
    @Inject(Clock) private readonly clock: Clock,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Otp) private readonly otp: Otp,
    @Inject(Sessions) private readonly sessions: Sessions,
  ) {}

  async verify(challengeId: string, code: string, device: Device): Promise<VerificationResult> {
    const checked = await this.otp.check(challengeId, code);
    if (checked.kind !== 'correct') return checked;
    return this.transactions.run(async (unit): Promise<VerificationResult> => {
      if (!(await this.otp.consume(checked.challenge, unit))) return { kind: 'consumed' };
      const account = await this.accountOf(checked.challenge, unit);
      return { kind: 'signed_in', account, tokens: await this.sessions.start(account.id, device, unit) };
    });
  }

  /** Created now if the address is new; two challenges of one address that end together still make one account. */
  private async accountOf(challenge: Challenge, { db }: UnitOfWork): Promise<Account> {
    const waiting = await db.pendingRegistration.findUnique({ where: { challengeId: challenge.id } });
    const now = this.clock.now();
    await db.account.createMany({
      data: [
        {
          id: uuidv7(now),
          email: challenge.destination,
          emailCanonical: challenge.destinationCanonical,
          emailVerifiedAt: now,
          name: waiting?.name ?? null,
          locale: waiting?.locale ?? null,
        },
      ],
      skipDuplicates: true,
    });
    return db.account.findUniqueOrThrow({ where: { emailCanonical: challenge.destinationCanonical } });
  }
}
