import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../database/prisma.service.js';
import type { EmailEvent, OutboundEmail } from '../generated/prisma/client.js';
import type { EmailStatus } from '../generated/prisma/enums.js';

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

  /** The state of the newest copy under a key, and when it changed. */
  async newestCopy(key: string): Promise<{ status: EmailStatus; updatedAt: Date } | undefined> {
    const [newest] = await this.prisma.$queryRaw<{ status: EmailStatus; updatedAt: Date }[]>`
      SELECT m.status, coalesce((SELECT max(at) FROM email_events WHERE email_id = m.id), m.created_at) AS "updatedAt"
      FROM outbound_emails m WHERE supersede_key = ${key} ORDER BY id DESC LIMIT 1`;
    return newest;
  }
}
