import { Injectable } from '@nestjs/common';
import { holdAudience } from '../audiences/audiences.js';
import { Audit, type Doer } from '../audit/audit.js';
import { productOf, Settings } from '../config/settings.js';
import { uuidv7 } from '../core/ids.js';
import { Keyring } from '../core/keyring.js';
import { parseRate } from '../core/rate.js';
import { type FieldError, Problem } from '../core/problems.js';
import { refusalOf } from '../core/validation.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService, Transactions, type UnitOfWork } from '../database/prisma.service.js';
import { sealContext } from '../database/resealing.js';
import { ScheduledTasks } from '../database/scheduled-tasks.js';
import { type Broadcast, Prisma } from '../generated/prisma/client.js';
import { Limits } from '../limits/limits.js';
import { lookAtWords } from '../mail/content/broadcast-words.js';
import { type Fields, SEALED_SHARED_CONTENT, type SharedContent } from '../mail/content/stored-content.js';
import { Templates } from '../mail/content/templates.js';
import { type Drafted, draftOf, type SubmittedMessage } from '../mail/submission/draft-policy.js';
import { type GivenAnswer, Idempotency } from '../mail/submission/idempotency.js';
import { senderFault } from '../mail/submission/sender-policy.js';
import type { Submitter } from '../mail/submission/submission.js';
import { mailboxOf, writeMailbox } from '../mail/transport/mailbox.js';
import { MOST_LOOKED_AT, NOBODY } from './samples.js';
import { filterFaults, lackingFaults, wordsFaults } from './broadcast-policy.js';

/** The scheduled task that makes their messages. */
export const BROADCAST_TASK = 'broadcasts.expansion';

/** What is to be told to an audience: shapes are checked, what they mean is not. */
export interface WantedBroadcast {
  audience: string;
  filter?: Readonly<Record<string, unknown>> | undefined;
  rate?: string | undefined;
  message: Omit<SubmittedMessage, 'to'>;
}

export type BroadcastRecord = Broadcast;

/** One content to all active subscribers of an audience: accepted and steered here, made into messages by Expansion. */
@Injectable()
export class Broadcasts {
  constructor(
    private readonly settings: Settings,
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
    private readonly clock: DatabaseClock,
    private readonly keyring: Keyring,
    private readonly templates: Templates,
    private readonly limits: Limits,
    private readonly idempotency: Idempotency,
    private readonly scheduled: ScheduledTasks,
    private readonly audit: Audit,
  ) {}

  /**
   * Keeps what is said as it is now: a template that changes later changes nothing of it.
   * @throws Problem validation_failed, sender_not_allowed, rate_limited, idempotency_in_flight, idempotency_mismatch
   */
  async accept<Body extends object>(
    wanted: WantedBroadcast,
    { submitter, key, by }: { submitter: Submitter; key: string | undefined; by: Doer },
    asBody: (record: BroadcastRecord) => Body,
  ): Promise<GivenAnswer<Body>> {
    await this.limits.takeKey(submitter.id);
    const request = { caller: submitter.id, key, call: 'POST /v1/broadcasts', body: wanted };
    const before = await this.idempotency.find<Body>(request);
    if (before) return before;
    const { drafted, words } = await this.lookAt(wanted, submitter);
    return this.transactions.run(async (unit) => {
      if (!(await holdAudience(wanted.audience, unit))) throw refusalOf([AUDIENCE_FAULT]);
      const record = await this.write(wanted, drafted, words, submitter, unit);
      const answer = { status: 202, body: asBody(record) };
      await this.idempotency.keep(request, answer, unit);
      const details = { audience: wanted.audience, ...(record.rate === null ? {} : { rate: record.rate }) };
      await this.note('broadcast.created', record.id, by, unit, details);
      await this.scheduled.makeDue(BROADCAST_TASK, unit);
      return { ...answer, replayed: false };
    });
  }

  /** Newest first. */
  async list(limit: number, after: string | undefined): Promise<BroadcastRecord[]> {
    return this.prisma.broadcast.findMany({
      where: after === undefined ? {} : { id: { lt: after } },
      orderBy: { id: 'desc' },
      take: limit,
    });
  }

  /** @throws Problem broadcast_not_found */
  async get(id: string): Promise<BroadcastRecord> {
    const record = await this.prisma.broadcast.findUnique({ where: { id } });
    if (!record) throw new Problem('broadcast_not_found');
    return record;
  }

  /** Nothing of it is claimed from the commit on. @throws Problem broadcast_not_found, broadcast_over */
  pause(id: string, by: Doer): Promise<BroadcastRecord> {
    const set = Prisma.sql`paused_at = now(), holding = true WHERE paused_at IS NULL`;
    return this.steer(id, set, 'broadcast.paused', by);
  }

  /** @throws Problem broadcast_not_found, broadcast_over */
  resume(id: string, by: Doer): Promise<BroadcastRecord> {
    // What it could have sent meanwhile it does not send at once.
    const set = Prisma.sql`paused_at = NULL, resumed_at = now(), tokens_at = now(), tokens = least(tokens, 1) WHERE paused_at IS NOT NULL`;
    return this.steer(id, set, 'broadcast.resumed', by);
  }

  /** What no worker has taken ends as cancelled. @throws Problem broadcast_not_found, broadcast_over */
  cancel(id: string, by: Doer): Promise<BroadcastRecord> {
    return this.steer(id, Prisma.sql`cancelled_at = now() WHERE cancelled_at IS NULL`, 'broadcast.cancelled', by);
  }

  /** @throws Problem */
  private async lookAt(
    wanted: WantedBroadcast,
    { senders: keySenders }: Submitter,
  ): Promise<{ drafted: Drafted; words: Record<string, Fields> }> {
    const { message, filter = {}, rate, audience } = wanted;
    const looked = draftOf({ ...message, to: NOBODY, lane: 'bulk' }, this.sendable(), this.clock.now());
    const faults = [
      ...('faults' in looked ? looked.faults : []),
      ...filterFaults(filter),
      ...(rate !== undefined && parseRate(rate) === undefined ? [RATE_FAULT] : []),
      ...(await this.audienceFaults(audience)),
    ];
    if ('faults' in looked || faults.length > 0) throw refusalOf(faults);
    const { draft } = looked;
    const { from, senders } = this.settings.mail;
    const address = draft.from === undefined ? from.address : mailboxOf(draft.from).address;
    const refusal = senderFault(address, { mailFrom: from.address, senders, keySenders });
    if (refusal) throw refusal;
    const words = this.wordsOf(draft);
    const needed = await this.checkWords(words);
    await this.checkAttributes(audience, filter as Record<string, string>, needed);
    return { drafted: draft, words };
  }

  /** Those that are for many: none that carries a code, or that says how long it is good. */
  private sendable(): Templates['known'] {
    return new Map([...this.templates.known].filter(([, { secret, tellsExpiry }]) => !secret && !tellsExpiry));
  }

  private async audienceFaults(id: string): Promise<FieldError[]> {
    const there = await this.prisma.audience.count({ where: { id, deletedAt: null } });
    return there > 0 ? [] : [AUDIENCE_FAULT];
  }

  /** By language. Of a template as it is now; its variables may name what each subscriber has. */
  private wordsOf({ content, locale }: Drafted): Record<string, Fields> {
    if (content.kind === 'raw') {
      const { subject, text, html } = content;
      return {
        [locale]: { subject, ...(text === undefined ? {} : { text }), ...(html === undefined ? {} : { html }) },
      };
    }
    if (content.kind !== 'template') throw new Error('a broadcast has no MIME');
    const { template, variables } = content;
    const scope = {
      ...variables,
      product: productOf(this.settings),
      minutes: undefined,
      unsubscribeUrl: '{{ unsubscribeUrl }}',
    };
    const { locales } = this.templates.known.get(template)!;
    const rendered = locales.map((one): [string, Fields] => {
      const { subject, text, html } = this.templates.render(template, one, scope);
      return [one, { subject, text, html: html.replaceAll(/\{\{[^{}]*\}\}/g, unescaped) }];
    });
    return Object.fromEntries(rendered);
  }

  /** @returns attributes that they ask for without a default. @throws Problem `validation_failed` */
  private async checkWords(words: Record<string, Fields>): Promise<string[]> {
    const looked = await Promise.all(Object.values(words).map(lookAtWords));
    const faults = wordsFaults(looked.flatMap((one) => one.faults));
    if (faults.length > 0) throw refusalOf(faults);
    return [...new Set(looked.flatMap((one) => one.needed))];
  }

  /** @throws Problem `validation_failed` that names what some of them lack */
  private async checkAttributes(
    audienceId: string,
    filter: Record<string, string>,
    needed: readonly string[],
  ): Promise<void> {
    if (needed.length === 0) return;
    const rows = await this.prisma.statements.query<{ name: string; count: number; all: number }[]>`
      SELECT n.name, count(*) FILTER (WHERE NOT jsonb_exists(s.attributes, n.name))::int AS count, count(*)::int AS "all"
      FROM (
        SELECT attributes FROM subscribers WHERE audience_id = ${audienceId}::uuid AND status = 'active'
          AND attributes @> ${JSON.stringify(filter)}::jsonb LIMIT ${MOST_LOOKED_AT}
      ) AS s CROSS JOIN unnest(${[...needed]}::text[]) AS n (name) GROUP BY n.name ORDER BY n.name`;
    const faults = lackingFaults(
      rows.filter(({ count }) => count > 0),
      rows[0]?.all ?? 0,
    );
    if (faults.length > 0) throw refusalOf(faults);
  }

  private async write(
    { audience: audienceId, filter = {}, rate }: WantedBroadcast,
    { from, replyTo = [], content, locale, scheduledAt, maxAttempts, tags = [], metadata }: Drafted,
    words: Record<string, Fields>,
    { apiKeyId, requestId }: Submitter,
    { db }: UnitOfWork,
  ): Promise<BroadcastRecord> {
    const id = uuidv7(this.clock.now());
    const shared: SharedContent = { broadcast: words, cc: [], replyTo: [...replyTo], headers: {}, attachments: [] };
    const { bytes, keyId } = this.keyring.seal(JSON.stringify(shared), sealContext(SEALED_SHARED_CONTENT, id));
    await db.emailContent.create({ data: { id, sealed: bytes, sealKeyId: keyId } });
    return db.broadcast.create({
      data: {
        ...{ id, audienceId, contentId: id, locale, maxAttempts },
        template: content.kind === 'template' ? content.template : null,
        subject: (words[locale] ?? Object.values(words)[0]!).subject,
        fromAddress: from ?? writeMailbox(this.settings.mail.from),
        filter: filter as Prisma.InputJsonObject,
        rate: rate ?? null,
        tags: [...tags],
        ...(metadata ? { metadata: { ...metadata } } : {}),
        scheduledAt: scheduledAt ?? null,
        apiKeyId: apiKeyId ?? null,
        requestId: requestId ?? null,
      },
    });
  }

  /** @param set what it becomes, and from what: where it is that already, nothing is written */
  private async steer(id: string, set: Prisma.Sql, action: string, by: Doer): Promise<BroadcastRecord> {
    return this.transactions.run(async (unit) => {
      const changed = await unit.db.$executeRaw`
        UPDATE broadcasts SET ${set} AND id = ${id}::uuid AND finished_at IS NULL AND cancelled_at IS NULL`;
      const record = await unit.db.broadcast.findUnique({ where: { id } });
      if (!record) throw new Problem('broadcast_not_found');
      if (changed > 0) {
        await this.note(action, id, by, unit);
        await this.scheduled.makeDue(BROADCAST_TASK, unit);
        return record;
      }
      const isOver = record.cancelledAt !== null || record.finishedAt !== null;
      if (isOver && !(action === 'broadcast.cancelled' && record.cancelledAt)) throw new Problem('broadcast_over');
      return record;
    });
  }

  private async note(
    action: string,
    id: string,
    by: Doer,
    unit: UnitOfWork,
    details?: Record<string, string>,
  ): Promise<void> {
    await this.audit.record(
      { action, ...by, target: { kind: 'broadcast', id }, ...(details ? { details } : {}) },
      unit,
    );
  }
}

const AUDIENCE_FAULT: FieldError = {
  field: 'audience',
  code: 'unknown_audience',
  message: 'is not one that there is: GET /v1/audiences',
};

const RATE_FAULT: FieldError = {
  field: 'rate',
  code: 'invalid_rate',
  message: 'must be so many in a time, such as 50/min, 10/s or 500/day',
};

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&#34;': '"',
};

/** What stood in a variable as Liquid was escaped as text. */
function unescaped(liquid: string): string {
  return liquid.replaceAll(/&(?:amp|lt|gt|quot|#39|#34);/g, (entity) => ENTITIES[entity]!);
}
