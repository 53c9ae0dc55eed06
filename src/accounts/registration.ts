import { Inject, Injectable } from '@nestjs/common';
import type { EmailAddress } from '../core/email-address.js';
import { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import { type Issued, Otp } from '../otp/otp.js';

export interface RegistrationRequest {
  email: EmailAddress;
  name: string | null;
  locale: string | null;
  requestId: string;
}

const DEFAULT_LOCALE = 'en';

/**
 * Asking for an account. None exists until the code comes back; name and locale wait on the challenge. A known address
 * takes the same steps and gets the same answer, and its owner a code that signs in; what the stranger typed is dropped.
 */
@Injectable()
export class Registration {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Transactions) private readonly transactions: Transactions,
    @Inject(Otp) private readonly otp: Otp,
  ) {}

  async start({ email, name, locale, requestId }: RegistrationRequest): Promise<Issued> {
    const known = await this.prisma.account.findUnique({ where: { emailCanonical: email.canonical } });
    return this.transactions.run(async (unit) => {
      const issued = await this.otp.issue(
        {
          purpose: 'register',
          destination: { stored: known?.email ?? email.stored, canonical: email.canonical },
          template: known ? 'account-exists-code' : 'register-code',
          locale: known?.locale ?? locale ?? DEFAULT_LOCALE,
          requestId,
        },
        unit,
      );
      const waiting = known ? { name: null, locale: null } : { name, locale };
      await unit.db.pendingRegistration.createMany({ data: [{ challengeId: issued.challenge.id, ...waiting }] });
      return issued;
    });
  }
}
