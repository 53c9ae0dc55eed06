import { Injectable } from '@nestjs/common';
import type { PageBounds } from '../../core/page.js';
import { PrismaService } from '../../database/prisma.service.js';
import { Prisma, type WebhookAttempt } from '../../generated/prisma/client.js';
import { WebhookEndpoints } from './webhook-endpoints.js';

export const WEBHOOK_DELIVERY_STATUSES = ['queued', 'sending', 'deferred', 'delivered', 'failed'] as const;
export type WebhookDeliveryStatus = (typeof WEBHOOK_DELIVERY_STATUSES)[number];

export interface WebhookDeliveryRecord {
  id: string;
  endpointId: string;
  type: string;
  /** The message it tells of; null for a test, or when its record was removed. */
  emailId: string | null;
  status: WebhookDeliveryStatus;
  attempts: number;
  nextAttemptAt: Date;
  createdAt: Date;
  deliveredAt: Date | null;
}

/** One row of the log. */
export type WebhookAttemptRecord = Omit<WebhookAttempt, 'id' | 'deliveryId'>;

type Redelivery = 'queued' | 'not_found' | 'under_way' | 'endpoint_disabled' | 'event_erased';

const COLUMNS = Prisma.sql`d.id, d.endpoint_id AS "endpointId", d.type, v.email_id AS "emailId", d.status, d.attempts,
  d.next_attempt_at AS "nextAttemptAt", d.created_at AS "createdAt", d.delivered_at AS "deliveredAt"`;

/** The log of webhooks: reading it, sending one again, and its end. */
@Injectable()
export class WebhookRecords {
  constructor(
    private readonly prisma: PrismaService,
    private readonly endpoints: WebhookEndpoints,
  ) {}

  /**
   * Newest first. @param after the id of the last one of the page before; what came before one that was removed, was
   * too
   */
  async list(
    endpointId: string,
    status: WebhookDeliveryStatus | undefined,
    { limit, after }: PageBounds,
  ): Promise<WebhookDeliveryRecord[]> {
    const only = status === undefined ? Prisma.empty : Prisma.sql`AND d.status = ${status}`;
    const older =
      after === undefined
        ? Prisma.empty
        : Prisma.sql`AND (d.created_at, d.id) < (SELECT created_at, id FROM webhook_deliveries WHERE id = ${after}::uuid)`;
    return this.prisma.statements.query<WebhookDeliveryRecord[]>`
      SELECT ${COLUMNS} FROM webhook_deliveries d LEFT JOIN email_events v ON v.id = d.email_event_id
      WHERE d.endpoint_id = ${endpointId}::uuid ${only} ${older}
      ORDER BY d.created_at DESC, d.id DESC LIMIT ${limit + 1}`;
  }

  /** With its attempts, oldest first. */
  async find(id: string): Promise<{ delivery: WebhookDeliveryRecord; log: WebhookAttemptRecord[] } | undefined> {
    const [delivery] = await this.prisma.statements.query<WebhookDeliveryRecord[]>`
      SELECT ${COLUMNS} FROM webhook_deliveries d LEFT JOIN email_events v ON v.id = d.email_event_id WHERE d.id = ${id}::uuid`;
    const log = await this.prisma.webhookAttempt.findMany({
      where: { deliveryId: id },
      orderBy: { id: 'asc' },
      omit: { id: true, deliveryId: true },
    });
    return delivery && { delivery, log };
  }

  /** Any state but sending → queued and due at once, under the same webhook-id, with all its attempts before it. */
  async redeliver(id: string): Promise<Redelivery> {
    const [found] = await this.prisma.statements.query<{ endpointId: string; disabled: boolean; erased: boolean }[]>`
      SELECT d.endpoint_id AS "endpointId", e.disabled_at IS NOT NULL AS disabled, d.payload IS NULL AND v.id IS NULL AS erased
      FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id
        LEFT JOIN email_events v ON v.id = d.email_event_id
      WHERE d.id = ${id}::uuid`;
    if (!found) return 'not_found';
    if (found.disabled) return 'endpoint_disabled';
    if (found.erased) return 'event_erased';
    await this.endpoints.tryNow(found.endpointId);
    const changed = await this.prisma.statements.execute`
      UPDATE webhook_deliveries SET status = 'queued', attempts = 0, next_attempt_at = now(), delivered_at = NULL
      WHERE id = ${id}::uuid AND status <> 'sending'`;
    return changed === 1 ? 'queued' : 'under_way';
  }

  /** Removes up to `limit` deliveries, whatever became of them, that are older than so many days. Returns how many. */
  async removeOld(days: number, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      WITH old AS (
        SELECT d.id FROM webhook_endpoints e CROSS JOIN LATERAL (
          SELECT id FROM webhook_deliveries d
          WHERE d.endpoint_id = e.id AND d.created_at < now() - make_interval(days => ${days}::int) AND d.status <> 'sending'
          ORDER BY d.created_at, d.id LIMIT ${limit} FOR UPDATE SKIP LOCKED
        ) AS d LIMIT ${limit}
      )
      DELETE FROM webhook_deliveries d USING old WHERE d.id = old.id`;
  }
}
