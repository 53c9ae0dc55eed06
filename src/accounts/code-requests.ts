import { Inject, Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import { domainOf, type EmailAddress } from '../core/email-address.js';
import type { RequestSource } from '../core/request-source.js';
import { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import type { Account } from '../generated/prisma/client.js';
import { Admission } from '../otp/admission.js';
import { type Issued, Otp } from '../otp/otp.js';
import { DEFAULT_LOCALE } from './locale.js';

/** What a stranger may ask a code for. */
export const PUBLIC_PURPOSES = ['login', 'reset_password', 'verify_email'] as const;
export type PublicPurpose = (typeof PUBLIC_PURPOSES)[number];

const TEMPLATES: Record<PublicPurpose, string> = { login: 'login-code', reset_password: 'reset-code', verify_email: 'verify-code' };

/** Codes for accounts that exist. An address without one gets a mail too, which says so, and takes the same steps. */
@Injectable()
export class CodeRequests {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(Otp) private readonly otp: Otp,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  async start(purpose: PublicPurpose, email: EmailAddress, source: RequestSource): Promise<Issued> {
    await this.admission.ask(source, email.canonical);
    const account = await this.prisma.account.findUnique({ where: { emailCanonical: email.canonical } });
    return this.transactions.run(async (unit) => {
      const issued = await this.otp.issue(
        {
          purpose,
          destination: { stored: account?.email ?? email.stored, canonical: email.canonical },
          template: account ? TEMPLATES[purpose] : 'no-account',
          locale: account?.locale ?? DEFAULT_LOCALE,
          decoy: account === null,
          origin: source,
        },
        unit,
      );
      const target = { kind: 'challenge', id: issued.challenge.id };
      const details = { purpose, domain: domainOf(email.canonical) };
      await this.audit.record({ action: 'code.requested', result: 'done', actor: { kind: 'anonymous' }, target, source, details }, unit);
      return issued;
    });
  }

  /** For somebody who is signed in, to show that it is still they. Only the same session may give the code back. */
  async reauthenticate(account: Account, sessionId: string, source: RequestSource): Promise<Issued> {
    await this.admission.ask(source, account.emailCanonical);
    return this.transactions.run(async (unit) => {
      const issued = await this.otp.issue(
        {
          purpose: 'reauthenticate',
          destination: { stored: account.email, canonical: account.emailCanonical },
          template: 'reauthenticate-code',
          locale: account.locale ?? DEFAULT_LOCALE,
          origin: source,
        },
        unit,
      );
      const { id } = issued.challenge;
      await unit.db.pendingConfirmation.createMany({ data: [{ challengeId: id, accountId: account.id, sessionId }] });
      await this.audit.record(
        { action: 'code.requested', result: 'done', actor: { kind: 'account', id: account.id }, target: { kind: 'challenge', id }, source, details: { purpose: 'reauthenticate' } },
        unit,
      );
      return issued;
    });
  }
}
