import { Inject, Injectable } from '@nestjs/common';
import { parseEmailAddress } from '../../core/email-address.js';
import { cut } from '../../core/storable.js';
import { PrismaService } from '../../database/prisma.service.js';
import { Transactions, type UnitOfWork } from '../../database/unit-of-work.js';
import { liftBounces, type NewSuppression, suppressAll } from '../suppressions/suppressions.js';
import { consequenceOf, type EventSource, type HeardEvent, type ToldMessage } from './event-policy.js';
import type { ProviderEvent } from './provider-event.js';

/** Events that are applied in one transaction. */
const TOGETHER = 100;
/** Characters of a provider's words that are kept, as of a server's reply. */
const DETAIL_LIMIT = 1_000;
/** Hours for which an event waits for its message. */
const WAITS_HOURS = 24;

/** For the log. */
export const LIFTED = 'the message was delivered to an address that had bounced: it is suppressed no longer';

export interface Recorded {
  /** Of those that were not known yet. */
  ids: bigint[];
  duplicates: number;
}

/** What became of events that were looked at. */
export interface Settled {
  changed: { emailId: string; source: EventSource; status: string }[];
  /** Noted in the timeline of their message, which stays in its state. */
  noted: number;
  suppressed: number;
  /** Messages that were delivered to addresses that had bounced: these are suppressed no longer. */
  lifted: string[];
  /** Authentic, and about no message that their source has carried. */
  foreign: number;
  /** Their message is not known yet, or still under way in our own record. */
  waiting: number;
}

interface EventRow extends HeardEvent {
  id: bigint;
  emailId: string | null;
  providerMessageId: string | null;
  detail: string | null;
}

interface MessageRow extends ToldMessage {
  id: string;
  providerMessageId: string | null;
  attempts: number;
}

interface Step {
  eventId: bigint;
  message: MessageRow;
  status: string;
  changes: boolean;
  source: EventSource;
  detail: string | null;
  errorCode: string | null;
  suppress: Pick<NewSuppression, 'scope' | 'reason'> | undefined;
  lives: boolean;
}

/**
 * What providers told. An event is written down first, once; then it is applied to its message, together with whatever
 * else waits, in one transaction. Rows that somebody works on at that moment are passed over, and the sweep finds them
 * seconds later: nobody waits for anybody.
 */
@Injectable()
export class ProviderEvents {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Transactions) private readonly transactions: Transactions,
  ) {}

  /** Commits what is new. */
  async record(source: EventSource, events: readonly ProviderEvent[]): Promise<Recorded> {
    if (events.length === 0) return { ids: [], duplicates: 0 };
    const made = await this.prisma.$queryRaw<{ id: bigint }[]>`
      INSERT INTO provider_events (provider, dedupe_key, kind, provider_message_id, message_id, recipient_canonical, reason,
        detail, email_id, occurred_at, matched_at)
      SELECT ${source}, dedupe_key, kind, provider_message_id, message_id, recipient_canonical, reason, detail, email_id,
        occurred_at, CASE kind WHEN 'ignored' THEN now() END
      FROM jsonb_to_recordset(${JSON.stringify(events.map(recordOf))}::jsonb) AS input (dedupe_key text, kind text,
        provider_message_id text, message_id text, recipient_canonical text, reason text, detail text, email_id uuid,
        occurred_at timestamptz)
      ON CONFLICT (provider, dedupe_key) DO NOTHING
      RETURNING id`;
    return { ids: made.map(({ id }) => id), duplicates: events.length - made.length };
  }

  /** Applies those of the events that have not been applied yet and whose message is known and not under way. */
  async settle(ids: readonly bigint[]): Promise<Settled> {
    const all: Settled = { changed: [], noted: 0, suppressed: 0, lifted: [], foreign: 0, waiting: 0 };
    for (let start = 0; start < ids.length; start += TOGETHER) {
      const part = await this.transactions.run((unit) => this.settleTogether(ids.slice(start, start + TOGETHER), unit));
      all.changed.push(...part.changed);
      all.noted += part.noted;
      all.suppressed += part.suppressed;
      all.lifted.push(...part.lifted);
      all.foreign += part.foreign;
      all.waiting += part.waiting;
    }
    return all;
  }

  /**
   * Events that came in the last so many seconds, or before, and whose message has settled meanwhile. The two are asked
   * apart because a provider's account may be shared: then most of what waits is never ours, and only looking at the
   * newest is cheap enough for every few seconds. The limits of one keep the planner from reading the whole history.
   */
  async due(seconds: number, which: 'newer' | 'older', limit: number): Promise<bigint[]> {
    const newer = which === 'newer';
    const rows = await this.prisma.$queryRaw<{ id: bigint }[]>`
      WITH waiting AS (
        SELECT id, email_id, provider_message_id FROM provider_events
        WHERE matched_at IS NULL
          AND received_at > now() - CASE WHEN ${newer} THEN ${seconds}::int ELSE ${WAITS_HOURS * 3_600}::int END * interval '1 second'
          AND (${newer} OR received_at <= now() - ${seconds}::int * interval '1 second')
      )
      SELECT waiting.id FROM waiting CROSS JOIN LATERAL (
        SELECT FROM outbound_emails m WHERE m.id = waiting.email_id
          AND (m.status NOT IN ('scheduled', 'queued', 'sending', 'deferred')
            OR (m.status = 'deferred' AND m.possible_duplicate AND m.lease_token IS NOT NULL))
        LIMIT 1) AS known
      UNION ALL
      SELECT waiting.id FROM waiting CROSS JOIN LATERAL (
        SELECT FROM outbound_emails m
        WHERE m.provider_message_id IN (waiting.provider_message_id, '<' || waiting.provider_message_id || '>')
          AND m.status NOT IN ('scheduled', 'queued', 'sending', 'deferred')
        LIMIT 1) AS found
      WHERE waiting.email_id IS NULL
      ORDER BY id LIMIT ${limit}`;
    return rows.map(({ id }) => id);
  }

  /** Removes up to `limit` that no message came for within a day. Returns how many. */
  async removeUnmatched(limit: number): Promise<number> {
    return this.prisma.$executeRaw`
      DELETE FROM provider_events WHERE id IN (
        SELECT id FROM provider_events
        WHERE (matched_at IS NULL OR email_id IS NULL) AND received_at < now() - ${WAITS_HOURS}::int * interval '1 hour'
        LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  /** Removes up to `limit` that came longer ago than so many days. Returns how many. */
  async removeOld(days: number, limit: number): Promise<number> {
    return this.prisma.$executeRaw`
      DELETE FROM provider_events WHERE id IN (
        SELECT id FROM provider_events WHERE received_at < now() - make_interval(days => ${days}::int)
        ORDER BY received_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  private async settleTogether(ids: readonly bigint[], { db }: UnitOfWork): Promise<Settled> {
    const events = await db.$queryRaw<EventRow[]>`
      SELECT id, provider AS source, kind, reason, recipient_canonical AS "recipientCanonical", email_id AS "emailId",
        provider_message_id AS "providerMessageId", detail
      FROM provider_events WHERE id = ANY(${[...ids]}::bigint[]) AND matched_at IS NULL
      ORDER BY occurred_at, id FOR UPDATE SKIP LOCKED`;
    const messages = await this.lockMessages(events, db);
    const steps: Step[] = [];
    const foreign: bigint[] = [];
    for (const event of events) {
      const verdicts = messagesFor(event, messages).map((message) => ({ message, consequence: consequenceOf(event, message) }));
      const applies = verdicts.find(({ consequence }) => consequence.kind === 'applies');
      if (applies?.consequence.kind === 'applies') {
        const { message, consequence } = applies;
        steps.push({
          eventId: event.id,
          message: { ...message },
          status: consequence.status ?? message.status,
          changes: consequence.status !== undefined,
          source: event.source,
          detail: event.detail,
          errorCode: consequence.errorCode,
          suppress: consequence.suppress,
          lives: consequence.lives === true,
        });
        // The next event of the same message finds what this one made of it.
        if (consequence.status) Object.assign(message, { status: consequence.status, plannedAfterUnknown: false });
      } else if (verdicts.length > 0 && verdicts.every(({ consequence }) => consequence.kind === 'foreign')) {
        foreign.push(event.id);
      }
    }
    const lifted = await this.write(steps, foreign, db);
    const changed = steps.filter(({ changes }) => changes);
    return {
      changed: changed.map(({ message, source, status }) => ({ emailId: message.id, source, status })),
      noted: steps.length - changed.length,
      suppressed: steps.filter(({ suppress }) => suppress).length,
      lifted,
      foreign: foreign.length,
      waiting: ids.length - steps.length - foreign.length,
    };
  }

  /** A second copy that is planned after an unknown outcome counts as deferred, but its fate is still that attempt's. */
  private async lockMessages(events: readonly EventRow[], db: UnitOfWork['db']): Promise<MessageRow[]> {
    const emailIds = events.flatMap(({ emailId }) => emailId ?? []);
    const providerIds = events.flatMap(({ emailId, providerMessageId: id }) => (emailId === null && id !== null ? [id, `<${id}>`] : []));
    if (emailIds.length + providerIds.length === 0) return [];
    return db.$queryRaw<MessageRow[]>`
      SELECT id, status, lane, to_canonical AS "toCanonical", transport, attempts, provider_message_id AS "providerMessageId",
        status = 'deferred' AND possible_duplicate AND lease_token IS NOT NULL AS "plannedAfterUnknown",
        ARRAY(SELECT DISTINCT e.transport FROM email_events e
          WHERE e.email_id = m.id AND e.transport <> 'none' AND e.worker IS NOT NULL) AS carriers
      FROM outbound_emails m
      WHERE id = ANY(${emailIds}::uuid[]) OR provider_message_id = ANY(${providerIds})
      FOR UPDATE OF m SKIP LOCKED`;
  }

  /** Returns the messages that proved that their address lives. */
  private async write(steps: readonly Step[], foreign: readonly bigint[], db: UnitOfWork['db']): Promise<string[]> {
    let lifted: string[] = [];
    if (steps.length > 0) {
      const last = new Map(steps.filter(({ changes }) => changes).map((step) => [step.message.id, step]));
      await db.$executeRaw`
        UPDATE outbound_emails m SET
          status = input.status, last_reply = input.reply, last_error_code = input.error_code,
          sent_at = coalesce(m.sent_at, m.offered_at, now()), lease_token = NULL, lease_until = NULL,
          possible_duplicate = m.status <> 'deferred' AND m.possible_duplicate,
          sealed_variables = CASE WHEN m.secret THEN NULL ELSE m.sealed_variables END
        FROM jsonb_to_recordset(${JSON.stringify([...last.values()].map(changeOf))}::jsonb)
          AS input (id uuid, status email_status, reply text, error_code text)
        WHERE m.id = input.id`;
      await db.$executeRaw`
        INSERT INTO email_events (email_id, status, attempt, transport, reply, error_code)
        SELECT email_id, status, attempt, transport, reply, error_code
        FROM jsonb_to_recordset(${JSON.stringify(steps.map(noteOf))}::jsonb)
          AS input (n int, email_id uuid, status email_status, attempt int, transport text, reply text, error_code text)
        ORDER BY n`;
      // What bounced after it was delivered is suppressed.
      lifted = await liftBounces(steps.filter(({ lives }) => lives).map(({ message }) => message.id), db);
      await suppressAll(steps.flatMap(suppressionOf), db);
      await db.$executeRaw`
        UPDATE provider_events e SET matched_at = now(), email_id = input.email_id
        FROM jsonb_to_recordset(${JSON.stringify(steps.map(({ eventId, message }) => ({ id: String(eventId), email_id: message.id })))}::jsonb)
          AS input (id bigint, email_id uuid)
        WHERE e.id = input.id`;
    }
    if (foreign.length > 0) {
      await db.$executeRaw`UPDATE provider_events SET matched_at = now(), email_id = NULL WHERE id = ANY(${[...foreign]}::bigint[])`;
    }
    return lifted;
  }
}

/** Our own id where the message carried it, else the provider's. */
function messagesFor({ emailId, providerMessageId: id }: EventRow, messages: readonly MessageRow[]): MessageRow[] {
  if (emailId !== null) return messages.filter((message) => message.id === emailId);
  return messages.filter(({ providerMessageId }) => id !== null && (providerMessageId === id || providerMessageId === `<${id}>`));
}

function recordOf(event: ProviderEvent): object {
  const { recipient } = event;
  return {
    dedupe_key: kept(event.dedupeKey),
    kind: event.kind,
    provider_message_id: kept(event.providerMessageId),
    message_id: kept(event.messageId),
    recipient_canonical: recipient === undefined ? null : (parseEmailAddress(recipient)?.canonical ?? kept(recipient.toLowerCase())),
    reason: event.reason,
    detail: kept(event.detail),
    email_id: uuidIn(event.emailId) ?? uuidIn(event.messageId?.replace(/^<|@.*$/g, '')),
    occurred_at: event.occurredAt.toISOString(),
  };
}

function uuidIn(text: string | undefined): string | undefined {
  return text !== undefined && /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text) ? text.toLowerCase() : undefined;
}

function kept(text: string | undefined): string | undefined {
  return text === undefined ? undefined : cut(text, DETAIL_LIMIT);
}

function changeOf({ message, status, detail, errorCode }: Step): object {
  return { id: message.id, status, reply: detail, error_code: errorCode };
}

function noteOf({ message, status, source, detail, errorCode }: Step, n: number): object {
  return { n, email_id: message.id, status, attempt: message.attempts, transport: source, reply: detail, error_code: errorCode };
}

function suppressionOf({ message, source, suppress }: Step): NewSuppression[] {
  return suppress ? [{ addressCanonical: message.toCanonical, source, emailId: message.id, ...suppress }] : [];
}
