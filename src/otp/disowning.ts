import { Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import { Clock } from '../core/clock.js';
import type { RequestSource } from '../core/credentials.js';
import { Transactions } from '../database/prisma.service.js';
import { Limits } from '../limits/limits.js';
import { Mail } from '../mail/mail.js';
import { type Challenge, Challenges } from './challenges.js';
import { supersedeKey } from './code-issuer.js';
import { purposeRow } from './purposes.js';

/** "This wasn't me": ends a challenge that somebody else started. One that has ended already stays as it is. */
@Injectable()
export class Disowning {
  constructor(
    private readonly clock: Clock,
    private readonly challenges: Challenges,
    private readonly mail: Mail,
    private readonly limits: Limits,
    private readonly audit: Audit,
    private readonly transactions: Transactions,
  ) {}

  /**
   * By the starter, who has the challenge's id. Where the mail has a link, it goes out all the same and its link works
   * on: the address was charged for it, and whoever reads it there may need it to get in. By purpose alone, lest the
   * mail's fate tell whether there is an account.
   */
  async disown(challenge: Challenge, source: RequestSource): Promise<void> {
    await this.end(challenge, source, 'request', Boolean(purposeRow(challenge.purpose)?.link));
  }

  /** By the owner of the mailbox, who has the mail. The requester is slowed down then. */
  async disownByMail(challenge: Challenge, source: RequestSource): Promise<void> {
    const ended = await this.end(challenge, source, 'mail', false);
    if (ended && challenge.requester !== null) await this.limits.slowDown(challenge.requester);
  }

  /**
   * Nothing opens the challenge any more, and copies of its mail that have not started are not sent. False: it had
   * ended before.
   * @param leftToMailbox only the code ends: its mail is sent, and the link there works
   */
  private async end(
    { id, purpose, requester }: Challenge,
    source: RequestSource,
    by: 'request' | 'mail',
    leftToMailbox: boolean,
  ): Promise<boolean> {
    return this.transactions.run(async (unit) => {
      if (!(await this.challenges.disown(id, this.clock.now(), leftToMailbox, unit))) return false;
      if (!leftToMailbox) await this.mail.withdraw(supersedeKey(id), unit);
      const details = { purpose, by, requester };
      await this.audit.record(
        { action: 'code.disowned', actor: { kind: 'anonymous' }, target: { kind: 'challenge', id }, source, details },
        unit,
      );
      return true;
    });
  }
}
