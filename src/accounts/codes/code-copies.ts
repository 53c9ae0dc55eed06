import { Injectable } from '@nestjs/common';
import { Audit } from '../../audit/audit.js';
import type { RequestSource } from '../../core/credentials.js';
import type { Destination } from '../../core/destination.js';
import { Problem } from '../../core/problems.js';
import { PrismaService, type UnitOfWork } from '../../database/prisma.service.js';
import type { AskingAccount } from '../../limits/limit-policy.js';
import type { Challenge } from '../../otp/challenges.js';
import { CodeIssuer, type ResendResult } from '../../otp/code-issuer.js';
import { ASKABLE_PURPOSES, purposeRow } from '../../otp/purposes.js';
import { SmsGuard } from '../../otp/sms/sms-guard.js';
import { RequestedMailLimit } from '../sessions/known-devices.js';

const MAILBOX_OF_NUMBER = 'SELECT email, email_canonical AS canonical FROM accounts WHERE phone = $1';

/** Asking for a code once more, which was asked for in code-requests.ts. */
@Injectable()
export class CodeCopies {
  constructor(
    private readonly prisma: PrismaService,
    private readonly sms: SmsGuard,
    private readonly mailLimit: RequestedMailLimit,
    private readonly issuer: CodeIssuer,
    private readonly audit: Audit,
  ) {}

  /**
   * The same code once more, to where it went. A code that went to a number may go to the address of its account
   * instead, for texts get lost: whoever gives it back has one of the two, and the account opens by either. A number
   * without an account gets its text again, and both ways the limits are those of a text to it: the answer shows no
   * difference. Nor is it told what became of that copy (otp/delivery/told-deliveries.ts).
   * @throws Problem rate_limited, validation_failed where the code shows who has the number, same_channel, those of
   *   SmsGuard
   */
  async again(challenge: Challenge, source: RequestSource, { byMail = false } = {}): Promise<ResendResult> {
    const { channel, destinationCanonical } = challenge;
    const mailbox = byMail && channel === 'sms' ? await this.mailboxOf(challenge) : undefined;
    const takeLimits = async () => {
      await this.mailLimit.take(source, destinationCanonical, await this.askerOf(challenge));
      if (mailbox) await this.sms.take(destinationCanonical, 'copy');
    };
    const target = { kind: 'challenge', id: challenge.id };
    const entry = {
      ...{ action: 'code.resent', actor: { kind: 'anonymous' as const }, target, source },
      details: { purpose: challenge.purpose, channel: byMail ? 'email' : channel },
    };
    const record = async ({ id }: Challenge, unit: UnitOfWork) => {
      if (channel === 'sms') await unit.db.otpChallenge.update({ where: { id }, data: { askedByMail: byMail } });
      await this.audit.record(entry, unit);
    };
    return this.issuer.resend(challenge, source.requestId, takeLimits, record, mailbox);
  }

  /** Of whoever has the number that the code went to; a decoy has nobody. */
  private async mailboxOf({ purpose, decoy, destinationCanonical }: Challenge): Promise<Destination | undefined> {
    if (!mayGoByMail(purpose)) {
      const message = 'the code shows who has the number, and goes there alone';
      throw new Problem('validation_failed', { errors: [{ field: 'channel', code: 'not_supported', message }] });
    }
    type Mailbox = { email: string; canonical: string };
    const [mailbox] = await this.prisma.statements.run<Mailbox>(MAILBOX_OF_NUMBER, [destinationCanonical]);
    return mailbox && !decoy ? { stored: mailbox.email, canonical: mailbox.canonical } : undefined;
  }

  /** Who is signed in, of a code that belongs to a session; whether its mail carries a code does not matter. */
  private async askerOf({ id, purpose }: Challenge): Promise<AskingAccount | undefined> {
    const row = purposeRow(purpose);
    if (!row?.session) return undefined;
    const waiting = await this.prisma.pendingConfirmation.findUnique({ where: { challengeId: id } });
    return waiting ? { id: waiting.accountId, owns: row.finishing === 'nothing_more' } : undefined;
  }
}

/** Of a code that went to a number: its account is opened by the address as well. */
export function mayGoByMail(purpose: string): boolean {
  return ASKABLE_PURPOSES.some((name) => name === purpose);
}
