import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';

/** `bulk`: no newsletters; codes and ordinary mail still go there. */
export type SuppressionScope = 'all' | 'bulk';

export interface NewSuppression {
  addressCanonical: string;
  scope: SuppressionScope;
  reason: 'hard_bounce' | 'complaint' | 'unsubscribe' | 'manual';
  /** What told us: smtp, a provider, one_click, a person. */
  source: string;
  emailId: string | null;
}

/** Addresses that get no mail, or no bulk mail; asked when a message is claimed. */
@Injectable()
export class Suppressions {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** The first reason stays. */
  async add(suppression: NewSuppression): Promise<void> {
    await this.prisma.suppression.createMany({ data: suppression, skipDuplicates: true });
  }

  /** Takes back what its owner said, and nothing that others did. */
  async resubscribe(addressCanonical: string): Promise<void> {
    await this.prisma.suppression.deleteMany({ where: { addressCanonical, scope: 'bulk', reason: 'unsubscribe' } });
  }
}
