import { Inject, Injectable } from '@nestjs/common';
import { Audit } from '../audit/audit.js';
import { domainOf, type EmailAddress } from '../core/email-address.js';
import { Problem } from '../core/problems.js';
import type { RequestSource } from '../core/request-source.js';
import { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import { requesterOf } from '../limits/requester.js';
import { Admission } from '../otp/admission.js';
import { type Issued, Otp } from '../otp/otp.js';
import { DEFAULT_LOCALE } from './locale.js';
import { Passwords } from './passwords/passwords.js';

export interface RegistrationRequest {
  email: EmailAddress;
  password: string | null;
  name: string | null;
  locale: string | null;
  source: RequestSource;
  /** Of the challenge, where the caller chooses it; see otp.ts. */
  challengeId?: string | undefined;
}

/**
 * Asking for an account. None exists until the code comes back; password, name and locale wait on the challenge. A known
 * address takes the same steps, the hashing too, and gets the same answer, and its owner a code that signs in; what the
 * stranger typed is dropped.
 */
@Injectable()
export class Registration {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(Otp) private readonly otp: Otp,
    @Inject(Audit) private readonly audit: Audit,
  ) {}

  async start({ email, password, name, locale, source, challengeId }: RegistrationRequest): Promise<Issued> {
    const passwordHash = async () => (password === null ? null : this.passwords.hash(password, requesterOf(source.ip)));
    if (password !== null) this.refuseWeak(password, email, name);
    await this.admission.ask(source, email.canonical);
    const typed = { name, locale, passwordHash: await passwordHash() };
    const known = await this.prisma.account.findUnique({ where: { emailCanonical: email.canonical } });
    return this.transactions.run(async (unit) => {
      const issued = await this.otp.issue(
        {
          ...(challengeId === undefined ? {} : { id: challengeId }),
          purpose: 'register',
          destination: { stored: known?.email ?? email.stored, canonical: email.canonical },
          template: known ? 'account-exists-code' : 'register-code',
          locale: known?.locale ?? locale ?? DEFAULT_LOCALE,
          origin: source,
        },
        unit,
      );
      const { id } = issued.challenge;
      const waiting = known ? { name: null, locale: null, passwordHash: null } : typed;
      await unit.db.pendingRegistration.createMany({ data: [{ challengeId: id, ...waiting }] });
      const details = { purpose: 'register', domain: domainOf(email.canonical) };
      await this.audit.record({ action: 'code.requested', result: 'done', actor: { kind: 'anonymous' }, target: { kind: 'challenge', id }, source, details }, unit);
      return issued;
    });
  }

  private refuseWeak(password: string, { stored }: EmailAddress, name: string | null): void {
    const fault = this.passwords.fault(password, { email: stored, name });
    if (fault) throw new Problem('validation_failed', { errors: [{ field: 'password', ...fault }] });
  }
}
