import { Injectable } from '@nestjs/common';
import type { Channel, Lane } from '../../core/lanes.js';
import { PrismaService, type UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { EmailStatus } from '../../generated/prisma/enums.js';
import { countStatement, type EmailFilter, searchStatement, type Walk } from './search-statement.js';

/** A message as lists show it. */
export interface FoundEmail {
  id: string;
  status: EmailStatus;
  /** The first recipient. */
  to: string;
  /** Of all whom it is for. */
  recipients: string[];
  subject: string | null;
  template: string | null;
  channel: Channel;
  lane: Lane;
  tags: string[];
  transport: string | null;
  attempts: number;
  lastErrorCode: string | null;
  createdAt: Date;
  nextAttemptAt: Date;
  sentAt: Date | null;
  scheduledAt: Date | null;
  apiKeyId: string | null;
  splitFrom: string | null;
}

export interface FoundPage {
  /** Newest first. May be fewer than asked for, and none, though there are more. */
  items: FoundEmail[];
  /** From where on there may be more; null: there are no more. */
  next: string | null;
}

/** What an action would be about. */
export interface Found {
  count: number;
  /** Null where there is none. */
  firstId: string | null;
  lastId: string | null;
}

/** Addresses as JSON keeps them in `recipients`. */
interface KeptRecipient {
  kind: 'to' | 'cc' | 'bcc';
  address: string;
}

type Row = Omit<FoundEmail, 'to' | 'recipients'> & { toAddress: string; recipients: KeptRecipient[] | null };

export const LIST_COLUMNS = Prisma.sql`m.id, m.status, m.to_address AS "toAddress", m.recipients, m.subject, m.template, m.channel, m.lane, m.tags, m.transport,
  m.attempts, m.last_error_code AS "lastErrorCode", m.created_at AS "createdAt", m.next_attempt_at AS "nextAttemptAt", m.sent_at AS "sentAt",
  m.scheduled_at AS "scheduledAt", m.api_key_id AS "apiKeyId", m.split_from AS "splitFrom"`;

/** Finding messages by what they are, at any size of the record. */
@Injectable()
export class OutboxSearch {
  constructor(private readonly prisma: PrismaService) {}

  /**
   * The newest first. A page looks at 50,000 messages at most; where the filter finds fewer among them than were asked
   * for, `next` goes on from there.
   * @param after the `next` of the page before
   */
  async list(filter: EmailFilter, { limit, after }: { limit: number; after?: string | undefined }): Promise<FoundPage> {
    // One more than the page shows, so that it is known whether there is another page.
    const statement = searchStatement(filter, { direction: 'older', after }, limit + 1, LIST_COLUMNS);
    const { rows, windowEnd } = foundIn(await this.prisma.statements.query<MaybeFound<Row>[]>(statement));
    const items = rows.sort((a, b) => (a.id < b.id ? 1 : -1)).map(emailOf);
    if (items.length <= limit) return { items, next: windowEnd };
    const page = items.slice(0, limit);
    return { items: page, next: page.at(-1)!.id };
  }

  /**
   * The ids next to one, up to `limit` of them and the nearest first, and whether there are more that way. For filters
   * that find whatever they look at: others may find fewer.
   */
  async idsBeside(
    filter: EmailFilter,
    { direction, after, limit }: Pick<Walk, 'direction' | 'after'> & { limit: number },
  ): Promise<{ ids: string[]; more: boolean }> {
    const statement = searchStatement(filter, { direction, after }, limit + 1, Prisma.sql`m.id`);
    const { rows, windowEnd } = foundIn(await this.prisma.statements.query<MaybeFound<{ id: string }>[]>(statement));
    const near = rows.map(({ id }) => id).sort();
    if (direction === 'older') near.reverse();
    return { ids: near.slice(0, limit), more: near.length > limit || windowEnd !== null };
  }

  /** How many of them are in each state; states with none are left out. Grows with what matches. */
  async stats(filter: EmailFilter): Promise<Map<EmailStatus, number>> {
    const counts = await this.prisma.statements.query<{ status: EmailStatus; count: number }[]>(
      countStatement(filter, Prisma.sql`m.status, count(*)::int AS count`, Prisma.sql`GROUP BY m.status`),
    );
    return new Map(counts.map(({ status, count }) => [status, count]));
  }

  /** All that match now. */
  async count(filter: EmailFilter, { db }: UnitOfWork): Promise<Found> {
    const [found] = await db.$queryRaw<Found[]>(
      countStatement(
        filter,
        // Postgres has no min and max of UUIDs before version 18; their text has the same order.
        Prisma.sql`count(*)::int AS count, min(m.id::text) AS "firstId", max(m.id::text) AS "lastId"`,
      ),
    );
    return found!;
  }

  /** The next ids that match, oldest first, and from where on to go on; `next` null: there are no more. */
  async nextIds(
    filter: EmailFilter,
    { after, lastId, limit }: { after: string | undefined; lastId: string; limit: number },
    { db }: UnitOfWork,
  ): Promise<{ ids: string[]; next: string | null }> {
    const statement = searchStatement(filter, { direction: 'newer', after, lastId }, limit, Prisma.sql`m.id`);
    const { rows, windowEnd } = foundIn(await db.$queryRaw<MaybeFound<{ id: string }>[]>(statement));
    const ids = rows.map(({ id }) => id).sort();
    return { ids, next: ids.length === limit ? ids.at(-1)! : windowEnd };
  }
}

type MaybeFound<Row> = (Row | { id: null }) & { windowEnd: string | null };

function foundIn<Row extends { id: string }>(
  answer: MaybeFound<Row>[],
): { rows: (Row & { windowEnd: string | null })[]; windowEnd: string | null } {
  const rows = answer.filter((row): row is Row & { windowEnd: string | null } => row.id !== null);
  return { rows, windowEnd: answer[0]!.windowEnd };
}

function emailOf({
  toAddress,
  recipients,
  windowEnd: _windowEnd,
  ...email
}: Row & { windowEnd: string | null }): FoundEmail {
  return { ...email, to: toAddress, recipients: recipients?.map(({ address }) => address) ?? [toAddress] };
}
