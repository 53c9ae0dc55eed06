import { Inject, Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import type { RequestSource } from '../core/request-source.js';
import { Transactions } from '../database/unit-of-work.js';
import { Limits } from '../limits/limits.js';
import type { Challenge } from './challenges.js';
import { Otp } from './otp.js';

/** "This wasn't me": ends a challenge that somebody else started. */
@Injectable()
export class Disowning {
  constructor(
    @Inject(Otp) private readonly otp: Otp,
    @Inject(Limits) private readonly limits: Limits,
    @Inject(Audit) private readonly audit: Audit,
    @Inject(Transactions) private readonly transactions: Transactions,
  ) {}

  /** By whoever has the challenge's id: its starter. One that has ended already stays as it is. */
  async disown(challenge: Challenge, source: RequestSource): Promise<void> {
    await this.end(challenge, source, 'request');
  }

  /** By whoever has its mail. Who asked for it is slowed down then. */
  async disownByMail(challenge: Challenge, source: RequestSource): Promise<void> {
    const ended = await this.end(challenge, source, 'mail');
    if (ended && challenge.requester !== null) await this.limits.slowDown(challenge.requester);
  }

  private async end(challenge: Challenge, source: RequestSource, by: 'request' | 'mail'): Promise<boolean> {
    return this.transactions.run(async (unit) => {
      const ended = await this.otp.disown(challenge, unit);
      if (ended) {
        const { purpose, requester } = challenge;
        const target = { kind: 'challenge', id: challenge.id };
        await this.audit.record({ action: 'code.disowned', result: 'done', actor: { kind: 'anonymous' }, target, source, details: { purpose, by, requester } }, unit);
      }
      return ended;
    });
  }
}
