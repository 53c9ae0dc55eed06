import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { Channel } from '../../core/lanes.js';
import { PrismaService } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import { EmailStatus } from '../../generated/prisma/enums.js';
import { newestCopy } from '../../mail/outbox/reported.js';
import { supersedeKey } from '../code-issuer.js';
import { RESEND_COOLDOWN_MS } from '../otp-policy.js';
import {
  DELIVERY_FAULTS,
  CODE_DELIVERY_STATUSES,
  type DeliveryFault,
  deliveryFault,
  type CodeDeliveryStatus,
  deliveryStatusOf,
} from './delivery-status.js';

/** What is told of the mail that carries a code: of its newest copy, so that a resend begins anew. */
export interface ToldDelivery {
  status: CodeDeliveryStatus;
  /** Whose it is that the mail has not arrived, where it is known. */
  fault: DeliveryFault | undefined;
  /** Since when it is told so. */
  updatedAt: Date;
  /** Names this very state; another copy, or the same status at another time, has another one. Gives nothing away. */
  stateId: string;
  /** When the code ends or ended: used up, voided, disowned or expired. */
  overAt: Date;
}

interface Row {
  id: string;
  copy: string;
  status: CodeDeliveryStatus;
  updatedAt: Date;
  overAt: Date;
  emailStatus: EmailStatus;
  errorCode: string | null;
  enhanced: string | null;
  /** When the newest copy was asked for by mail; null: it was not. */
  byMailAt: Date | null;
}

const STATUSES = Object.values(EmailStatus);
const TOLD = STATUSES.map(deliveryStatusOf);

/** Reading what became of codes' mails, many in one look. */
@Injectable()
export class ToldDeliveries {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * By challenge; those that are unknown are left out. A copy that was asked for by mail, of a code that went to a
   * number, stays `queued`: it goes by mail or by SMS as the number has an account or not, and its fate would tell.
   * @param channel whose newest copy it is, and not the newest of
   * all
   */
  async find(challengeIds: readonly string[], channel?: Channel): Promise<Map<string, ToldDelivery>> {
    const keys = challengeIds.map(supersedeKey);
    // What changes without being told (a complaint, a provider's "delayed") neither moves the time nor makes a new
    // state. Each challenge is looked up by itself (OFFSET 0): a plan that reads all of them once would grow with
    // history.
    const rows = await this.prisma.statements.query<Row[]>`
      WITH told AS MATERIALIZED (
        SELECT status, told, array_agg(status) OVER (PARTITION BY told) AS alike
        FROM unnest(${STATUSES}::text[]::email_status[], ${TOLD}::text[]) AS t (status, told)
      )
      SELECT c.id, m.id AS copy, t.told AS status, coalesce(since.at, m.created_at) AS "updatedAt", c.over_at AS "overAt",
        c.by_mail_at AS "byMailAt",
        m.status AS "emailStatus", m.last_error_code AS "errorCode",
        substring(m.last_reply FROM '^[45][0-9][0-9][ -]([45]\\.[0-9]{1,3}\\.[0-9]{1,3})') AS enhanced
      FROM unnest(${challengeIds}::text[], ${keys}::text[]) AS w (id, key)
      JOIN LATERAL (
        SELECT id, least(consumed_at, voided_at, disowned_at, expires_at) AS over_at,
          CASE WHEN asked_by_mail THEN resend_after - ${RESEND_COOLDOWN_MS} * interval '1 millisecond' END AS by_mail_at
        FROM otp_challenges WHERE id = w.id OFFSET 0
      ) c ON true
      JOIN LATERAL (${newestCopy(Prisma.sql`w.key`, channel)}) m ON true
      JOIN told t ON t.status = m.status
      LEFT JOIN LATERAL (
        SELECT min(e.at) AS at FROM email_events e
        WHERE e.email_id = m.id AND e.id > coalesce((
          SELECT max(o.id) FROM email_events o WHERE o.email_id = m.id AND o.status <> ALL(t.alike)), 0)
      ) since ON true`;
    return new Map(
      rows.map(({ id, copy, emailStatus, errorCode, enhanced, byMailAt, ...told }) => {
        const seen = byMailAt === null ? told : { ...told, status: 'queued' as const, updatedAt: byMailAt };
        const fault = byMailAt === null ? deliveryFault({ status: emailStatus, errorCode, enhanced }) : undefined;
        return [id, { ...seen, fault, stateId: stateIdOf(copy, seen) }];
      }),
    );
  }
}

/** A hash, because the copy's id tells when it was made, and it is the Message-ID of somebody's mail. */
function stateIdOf(copy: string, { status, updatedAt }: { status: CodeDeliveryStatus; updatedAt: Date }): string {
  return createHash('sha256').update(`${copy} ${status} ${updatedAt.getTime()}`).digest('base64url').slice(0, 16);
}

export class DeliveryView {
  @ApiProperty({
    enum: CODE_DELIVERY_STATUSES,
    description: 'Of the newest copy. `sent`: the mail server took it; it may still bounce.',
  })
  status!: CodeDeliveryStatus;

  @ApiProperty({ format: 'date-time', description: 'Since when it is so' })
  updatedAt!: string;

  @ApiPropertyOptional({
    enum: DELIVERY_FAULTS,
    description:
      'With deferred, failed, expired and bounced: `ours`, the sender and the servers that carry its mail; `recipient`, the address takes no mail',
  })
  fault?: DeliveryFault;

  static of({ status, updatedAt, fault }: Pick<ToldDelivery, 'status' | 'updatedAt' | 'fault'>): DeliveryView {
    return { status, updatedAt: updatedAt.toISOString(), ...(fault ? { fault } : {}) };
  }
}
