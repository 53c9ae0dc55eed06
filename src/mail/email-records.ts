import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import type { EmailEvent, OutboundEmail } from '../generated/prisma/client.js';

/** A message without its content, and what happened to it, oldest first. */
export type EmailRecord = Omit<OutboundEmail, 'sealedVariables'> & { events: EmailEvent[] };

/** Reading the record. */
@Injectable()
export class EmailRecords {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async find(id: string): Promise<EmailRecord | undefined> {
    const record = await this.prisma.outboundEmail.findUnique({
      where: { id },
      omit: { sealedVariables: true },
      include: { events: { orderBy: { id: 'asc' } } },
    });
    return record ?? undefined;
  }
}
