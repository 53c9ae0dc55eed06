import { Injectable } from '@nestjs/common';
import { Audit, type Doer } from '../audit/audit.js';
import { domainOf } from '../core/email-address.js';
import { uuidv7 } from '../core/ids.js';
import { Problem } from '../core/problems.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService, Transactions, type UnitOfWork } from '../database/prisma.service.js';
import { Prisma } from '../generated/prisma/client.js';
import type { SubscriberStatus } from '../generated/prisma/enums.js';
import { holdAudience } from './audiences.js';
import type { NewSubscriber } from './subscriber-policy.js';

export interface SubscriberRecord {
  id: string;
  address: string;
  status: SubscriberStatus;
  attributes: Record<string, string>;
  locale: string | null;
  sentCount: number;
  lastSentAt: Date | null;
  statusChangedAt: Date;
  createdAt: Date;
  challengeId: string | null;
}

/** Somebody who was asked to be added; not `created`: they were there. */
export interface AddedSubscriber {
  record: SubscriberRecord;
  created: boolean;
}

/** What is left out matches everything. */
export interface SubscriberFilter {
  status?: SubscriberStatus | undefined;
  /** A part of the address, in whatever case. */
  q?: string | undefined;
}

/** What may be changed by hand; what is left out stays. */
export interface SubscriberChange {
  attributes?: Record<string, string> | undefined;
  locale?: string | null | undefined;
  status?: 'active' | 'unsubscribed' | undefined;
}

/** Subscribers that one page looks at: what it costs does not grow with the audience. */
const WINDOW = 50_000;

const COLUMNS = Prisma.sql`s.id::text, s.address, s.status, s.attributes, s.locale, s.sent_count AS "sentCount",
  s.last_sent_at AS "lastSentAt", s.status_changed_at AS "statusChangedAt", s.created_at AS "createdAt", s.challenge_id AS "challengeId"`;

/**
 * The status of somebody new: of an address that nobody may send newsletters to, why. Of a row `v` with its canonical
 * address.
 */
const STATUS_OF_NEW = Prisma.sql`coalesce((
    SELECT CASE x.reason WHEN 'hard_bounce' THEN 'bounced' WHEN 'complaint' THEN 'complained' ELSE 'unsubscribed' END
    FROM suppressions x WHERE x.address_canonical = v.canonical AND (x.expires_at IS NULL OR x.expires_at > now())
    ORDER BY array_position(ARRAY['hard_bounce', 'manual', 'unsubscribe', 'complaint'], x.reason) DESC LIMIT 1), 'active')::subscriber_status`;

/** Somebody of a file who was there, or was not. */
export interface Written {
  canonical: string;
  created: boolean;
}

/**
 * Writes subscribers of one audience, each address once. Whoever has left stays as they are, whatever a file says;
 * whoever is there keeps what is not said anew.
 * @returns those that were written
 */
export function writingSubscribers(
  audienceId: string,
  rows: readonly (NewSubscriber & { id: string })[],
  importId: string | null,
): Prisma.Sql {
  const input = rows.map(({ id, address, addressCanonical: canonical, attributes, locale }) => ({
    ...{ id, address, canonical, attributes, locale },
  }));
  return Prisma.sql`
    INSERT INTO subscribers AS s (id, audience_id, address, address_canonical, status, attributes, locale, import_id)
    SELECT v.id, ${audienceId}::uuid, v.address, v.canonical, ${STATUS_OF_NEW}, v.attributes, v.locale, ${importId}::uuid
    FROM json_to_recordset(${JSON.stringify(input)}::json) AS v (id uuid, address text, canonical text, attributes jsonb, locale text)
    ORDER BY v.id
    ON CONFLICT (audience_id, address_canonical) DO UPDATE SET
      address = EXCLUDED.address, attributes = s.attributes || EXCLUDED.attributes,
      locale = coalesce(EXCLUDED.locale, s.locale), import_id = coalesce(EXCLUDED.import_id, s.import_id)
    WHERE s.status IN ('active', 'pending')
    RETURNING s.address_canonical AS canonical, s.xmax = 0 AS created`;
}

/** The people of audiences. */
@Injectable()
export class Subscribers {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly clock: DatabaseClock,
    private readonly audit: Audit,
  ) {}

  /**
   * Adds somebody, or writes what is said anew of who is there. Who has left stays so.
   * @param note what is committed together with it
   * @throws Problem audience_not_found
   */
  async put(
    audienceId: string,
    subscriber: NewSubscriber,
    by: Doer,
    note?: (added: AddedSubscriber, unit: UnitOfWork) => Promise<void>,
  ): Promise<AddedSubscriber> {
    const id = uuidv7(this.clock.now());
    return this.transactions.run(async (unit) => {
      if (!(await holdAudience(audienceId, unit))) throw new Problem('audience_not_found');
      const [written] = await unit.db.$queryRaw<Written[]>(
        writingSubscribers(audienceId, [{ ...subscriber, id }], null),
      );
      const record = (await this.findByAddress(audienceId, subscriber.addressCanonical, unit))!;
      const created = written?.created ?? false;
      if (created) await this.note('subscriber.added', record, { audienceId }, by, unit);
      await note?.({ record, created }, unit);
      return { record, created };
    });
  }

  /** In the order in which they were added, oldest first; a page may hold fewer than `limit`. */
  async list(
    audienceId: string,
    { status, q }: SubscriberFilter,
    { limit, after }: { limit: number; after: string | undefined },
  ): Promise<{ items: SubscriberRecord[]; next: string | null }> {
    const pattern = q === undefined ? '' : `%${q.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
    const rows = await this.prisma.statements.query<(SubscriberRecord & { seen: string | null })[]>`
      WITH looked AS MATERIALIZED (
        SELECT * FROM subscribers WHERE audience_id = ${audienceId}::uuid ${after === undefined ? Prisma.empty : Prisma.sql`AND id > ${after}::uuid`}
        ORDER BY audience_id, id LIMIT ${WINDOW}
      ), found AS (
        SELECT ${COLUMNS} FROM looked s WHERE true
          ${status === undefined ? Prisma.empty : Prisma.sql`AND s.status = ${status}::subscriber_status`}
          ${q === undefined ? Prisma.empty : Prisma.sql`AND s.address_canonical LIKE ${pattern}`}
        ORDER BY s.id LIMIT ${limit + 1}
      )
      SELECT found.*, (SELECT id::text FROM looked ORDER BY id OFFSET ${WINDOW - 1} LIMIT 1) AS seen
      FROM (SELECT) AS always LEFT JOIN found ON true`;
    const found = rows.filter(({ id }) => id !== null);
    const items = found.slice(0, limit);
    const next = found.length > limit ? items.at(-1)!.id : (rows[0]?.seen ?? null);
    return { items, next };
  }

  /** @throws Problem subscriber_not_found */
  async get(audienceId: string, id: string): Promise<SubscriberRecord> {
    const [record] = await this.prisma.statements.query<SubscriberRecord[]>`
      SELECT ${COLUMNS} FROM subscribers s JOIN audiences a ON a.id = s.audience_id
      WHERE s.id = ${id}::uuid AND s.audience_id = ${audienceId}::uuid AND a.deleted_at IS NULL`;
    if (!record) throw new Problem('subscriber_not_found');
    return record;
  }

  /** @throws Problem subscriber_not_found */
  async change(
    audienceId: string,
    id: string,
    { attributes, locale, status }: SubscriberChange,
    by: Doer,
  ): Promise<SubscriberRecord> {
    await this.get(audienceId, id);
    return this.transactions.run(async (unit) => {
      const [record] = await unit.db.$queryRaw<SubscriberRecord[]>`
        UPDATE subscribers s SET
          attributes = coalesce(${attributes === undefined ? null : JSON.stringify(attributes)}::jsonb, attributes),
          locale = CASE WHEN ${locale === undefined} THEN locale ELSE ${locale ?? null}::text END,
          status_changed_at = CASE WHEN ${status ?? null}::text IS DISTINCT FROM status::text AND ${status !== undefined} THEN now() ELSE status_changed_at END,
          status_email_id = CASE WHEN ${status !== undefined} THEN NULL ELSE status_email_id END,
          challenge_id = CASE WHEN ${status !== undefined} THEN NULL ELSE challenge_id END,
          status = coalesce(${status ?? null}::subscriber_status, status)
        WHERE s.id = ${id}::uuid RETURNING ${COLUMNS}`;
      if (!record) throw new Problem('subscriber_not_found');
      await this.note(
        'subscriber.changed',
        record,
        { audienceId, ...(status === undefined ? {} : { status }) },
        by,
        unit,
      );
      return record;
    });
  }

  /**
   * All that is known of them goes; messages that wait for them end when they are claimed. @throws Problem
   * subscriber_not_found
   */
  async remove(audienceId: string, id: string, by: Doer): Promise<void> {
    const record = await this.get(audienceId, id);
    await this.transactions.run(async (unit) => {
      const { count } = await unit.db.subscriber.deleteMany({ where: { id, audienceId } });
      if (count === 0) throw new Problem('subscriber_not_found');
      await this.note('subscriber.removed', record, { audienceId }, by, unit);
    });
  }

  /** → pending, until somebody gives the code of that challenge back. Undefined: they are active, or complained. */
  async await(id: string, challengeId: string, { db }: UnitOfWork): Promise<SubscriberRecord | undefined> {
    const [record] = await db.$queryRaw<SubscriberRecord[]>`
      UPDATE subscribers s SET status = 'pending', challenge_id = ${challengeId}, status_email_id = NULL,
        status_changed_at = CASE status WHEN 'pending' THEN status_changed_at ELSE now() END
      WHERE id = ${id}::uuid AND status IN ('pending', 'unsubscribed', 'bounced') RETURNING ${COLUMNS}`;
    return record;
  }

  /**
   * Somebody new who is not active before they confirm. Who is there has what is said anew, but for their status, and
   * but for whoever complained.
   * @throws Problem audience_not_found
   */
  async addPending(
    audienceId: string,
    subscriber: NewSubscriber,
    challengeId: string,
    by: Doer,
    unit: UnitOfWork,
  ): Promise<AddedSubscriber> {
    const id = uuidv7(this.clock.now());
    const { address, addressCanonical, attributes, locale } = subscriber;
    if (!(await holdAudience(audienceId, unit))) throw new Problem('audience_not_found');
    const [written] = await unit.db.$queryRaw<{ created: boolean }[]>`
      INSERT INTO subscribers AS s (id, audience_id, address, address_canonical, status, attributes, locale, challenge_id)
      VALUES (${id}::uuid, ${audienceId}::uuid, ${address}, ${addressCanonical}, 'pending', ${JSON.stringify(attributes)}::jsonb, ${locale}, ${challengeId})
      ON CONFLICT (audience_id, address_canonical) DO UPDATE SET
        address = EXCLUDED.address, attributes = s.attributes || EXCLUDED.attributes, locale = coalesce(EXCLUDED.locale, s.locale)
      WHERE s.status <> 'complained'
      RETURNING s.xmax = 0 AS created`;
    const created = written?.created ?? false;
    const record = (await this.findByAddress(audienceId, addressCanonical, unit))!;
    if (created) await this.note('subscriber.added', record, { audienceId, pending: true }, by, unit);
    return { record, created };
  }

  private async findByAddress(
    audienceId: string,
    canonical: string,
    { db }: UnitOfWork,
  ): Promise<SubscriberRecord | undefined> {
    const [record] = await db.$queryRaw<SubscriberRecord[]>`
      SELECT ${COLUMNS} FROM subscribers s WHERE s.audience_id = ${audienceId}::uuid AND s.address_canonical = ${canonical}`;
    return record;
  }

  /** The domain alone: the record of who did what outlives the address. */
  private async note(
    action: string,
    { id, address }: SubscriberRecord,
    more: Record<string, string | boolean>,
    by: Doer,
    unit: UnitOfWork,
  ): Promise<void> {
    const details = { domain: domainOf(address), ...more };
    await this.audit.record({ action, ...by, target: { kind: 'subscriber', id }, details }, unit);
  }
}
