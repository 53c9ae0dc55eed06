import { Injectable } from '@nestjs/common';
import { parseEmailAddress } from '../../core/email-address.js';
import { besideUuidv7, UUID } from '../../core/ids.js';
import { cut } from '../../core/input.js';
import { PrismaService, Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import { recipientsOf } from '../outbox/email-rows.js';
import type { ProviderEvent } from '../providers/hook.js';
import {
  changeReported,
  eventsOfSettledMessages,
  liftAndSuppress,
  lockBearing,
  lockReported,
  type ReportedMessage,
  type ReportedRecipient,
  splitReported,
  WITH_BRACKETS,
} from '../outbox/reported.js';
import type { NewSuppression } from '../suppressions/suppressions.js';
import {
  type Consequence,
  consequenceOf,
  type EventSource,
  type HeardEvent,
  messagesFor,
  type Naming,
} from './event-policy.js';

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
  /** Their message is not known yet, still under way in our own record, or somebody works on it at this moment. */
  waiting: number;
}

interface EventRow extends HeardEvent, Naming {
  id: bigint;
  detail: string | null;
}

/** What an event makes of its message, as that was found. */
interface Step {
  event: EventRow;
  message: ReportedMessage;
  consequence: Extract<Consequence, { kind: 'applies' }>;
  /** It begins the row of one recipient of several. */
  apart?: ReportedRecipient;
}

/**
 * What providers told. An event is written down first, once; then it is applied to its message, together with whatever
 * else waits, in one transaction. Rows that somebody works on at that moment are passed over, and the sweep finds them
 * seconds later: nobody waits for anybody.
 */
@Injectable()
export class ProviderEvents {
  constructor(
    private readonly prisma: PrismaService,
    private readonly transactions: Transactions,
  ) {}

  /** Commits what is new. */
  async record(source: EventSource, events: readonly ProviderEvent[]): Promise<Recorded> {
    if (events.length === 0) return { ids: [], duplicates: 0 };
    const made = await this.prisma.statements.query<{ id: bigint }[]>`
      INSERT INTO provider_events (provider, dedupe_key, kind, provider_message_id, message_id, recipient_canonical, reason,
        detail, email_id, occurred_at, matched_at)
      SELECT ${source}, dedupe_key, kind, provider_message_id, message_id, recipient_canonical, reason, detail, email_id,
        occurred_at, CASE kind WHEN 'ignored' THEN now() END
      FROM json_to_recordset(${JSON.stringify(events.map(recordOf))}::json) AS input (dedupe_key text, kind text,
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
   * newest is cheap enough for every few seconds.
   */
  async due(seconds: number, which: 'newer' | 'older', limit: number): Promise<bigint[]> {
    const newer = which === 'newer';
    const waiting = Prisma.sql`
      SELECT id, email_id, provider_message_id, ${WITH_BRACKETS} AS message_id, recipient_canonical FROM provider_events
      WHERE matched_at IS NULL
        AND received_at > now() - CASE WHEN ${newer} THEN ${seconds}::int ELSE ${WAITS_HOURS * 3_600}::int END * interval '1 second'
        AND (${newer} OR received_at <= now() - ${seconds}::int * interval '1 second')`;
    const rows = await this.prisma.statements.query<{ id: bigint }[]>(eventsOfSettledMessages(waiting, limit));
    return rows.map(({ id }) => id);
  }

  /** Removes up to `limit` that no message came for within a day. Returns how many. */
  async removeUnmatched(limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM provider_events WHERE id IN (
        SELECT id FROM provider_events
        WHERE (matched_at IS NULL OR email_id IS NULL) AND received_at < now() - ${WAITS_HOURS}::int * interval '1 hour'
        LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  /** Removes up to `limit` that came longer ago than so many days. Returns how many. */
  async removeOld(days: number, limit: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM provider_events WHERE id IN (
        SELECT id FROM provider_events WHERE received_at < now() - make_interval(days => ${days}::int)
        ORDER BY received_at LIMIT ${limit} FOR UPDATE SKIP LOCKED)`;
  }

  private async settleTogether(ids: readonly bigint[], { db }: UnitOfWork): Promise<Settled> {
    const events = await db.$queryRaw<EventRow[]>`
      SELECT id, provider AS source, kind, reason, recipient_canonical AS "recipientCanonical", email_id AS "emailId",
        provider_message_id AS "providerMessageId", ${WITH_BRACKETS} AS "messageId", detail
      FROM provider_events WHERE id = ANY(${[...ids]}::bigint[]) AND matched_at IS NULL
      ORDER BY occurred_at, id FOR UPDATE SKIP LOCKED`;
    const messages = await this.lockMessages(events, db);
    const steps: Step[] = [];
    const foreign: bigint[] = [];
    for (const event of events) {
      const candidates = messagesFor(event, messages);
      // Where it names nobody, it may speak of any of all.
      const all = event.recipientCanonical === null ? candidates.flatMap(addressesIn) : undefined;
      const consequences = candidates.map((message): Consequence =>
        message.held ? consequenceOf(event, { ...message, addresses: all ?? addressesIn(message) }) : { kind: 'wait' },
      );
      const at = consequences.findIndex(({ kind }) => kind === 'applies');
      const [message, consequence] = [candidates[at], consequences[at]];
      if (message && consequence?.kind === 'applies') {
        const apart = apartOf(event, message, consequence);
        const own = apart ? alone(apart) : message;
        if (apart) messages.push(own);
        steps.push({ event, message: { ...own }, consequence, ...(apart && { apart }) });
        // The next event of the same message finds what this one made of it.
        if (consequence.status) Object.assign(own, { status: consequence.status, plannedAfterUnknown: false });
      } else if (consequences.length > 0 && consequences.every(({ kind }) => kind === 'foreign')) {
        foreign.push(event.id);
      }
    }
    const lifted = await this.write(steps, foreign, db);
    const changed = steps.flatMap(({ event: { source }, message: { id }, consequence: { status } }) =>
      status ? [{ emailId: id, source, status }] : [],
    );
    return {
      changed,
      noted: steps.length - changed.length,
      suppressed: steps.filter(({ consequence }) => consequence.suppress).length,
      lifted,
      foreign: foreign.length,
      waiting: ids.length - steps.length - foreign.length,
    };
  }

  private async lockMessages(events: readonly EventRow[], db: UnitOfWork['db']): Promise<ReportedMessage[]> {
    const providerIds = events.flatMap(({ emailId, providerMessageId: id }) =>
      emailId === null && id !== null ? [id, `<${id}>`] : [],
    );
    const messages = await lockReported(
      events.flatMap(({ emailId }) => emailId ?? []),
      providerIds,
      db,
    );
    const others = events.filter((event) => messagesFor(event, messages).length === 0);
    const recipients = others.flatMap(({ recipientCanonical }) => recipientCanonical ?? []);
    const bearing = await lockBearing(
      others.flatMap(({ messageId }) => messageId ?? []),
      recipients.length === others.length ? recipients : undefined,
      db,
    );
    return [...messages, ...bearing];
  }

  /** Returns the messages that proved that their address lives. */
  private async write(steps: readonly Step[], foreign: readonly bigint[], db: UnitOfWork['db']): Promise<string[]> {
    let lifted: string[] = [];
    if (steps.length > 0) {
      await splitReported(
        steps.flatMap(({ apart }) => apart ?? []),
        db,
      );
      const told = steps.filter(({ apart }) => apart === undefined);
      const last = new Map(told.filter(({ consequence }) => consequence.status).map((step) => [step.message.id, step]));
      await changeReported([...last.values()].map(changeOf), db);
      await db.$executeRaw`
        INSERT INTO email_events (email_id, status, attempt, transport, reply, error_code)
        SELECT email_id, status, attempt, transport, reply, error_code
        FROM json_to_recordset(${JSON.stringify(told.map(noteOf))}::json)
          AS input (n int, email_id uuid, status email_status, attempt int, transport text, reply text, error_code text)
        ORDER BY n`;
      lifted = await liftAndSuppress(
        steps.filter(({ consequence }) => consequence.lives).map(({ message }) => message.id),
        steps.flatMap(suppressionOf),
        db,
      );
      await db.$executeRaw`
        UPDATE provider_events e SET matched_at = now(), email_id = input.email_id
        FROM json_to_recordset(${JSON.stringify(steps.map(({ event, message }) => ({ id: String(event.id), email_id: message.id })))}::json)
          AS input (id bigint, email_id uuid)
        WHERE e.id = input.id`;
    }
    if (foreign.length > 0) {
      await db.$executeRaw`UPDATE provider_events SET matched_at = now(), email_id = NULL WHERE id = ANY(${[...foreign]}::bigint[])`;
    }
    return lifted;
  }
}

function addressesIn(message: ReportedMessage): string[] {
  return recipientsOf(message).map(({ canonical }) => canonical);
}

/**
 * The row that one recipient of several gets whose state the event changes. They are no longer the message's, and no
 * attempt of its can change their state.
 */
function apartOf(
  event: EventRow,
  message: ReportedMessage,
  { status, errorCode }: Step['consequence'],
): ReportedRecipient | undefined {
  const { recipients } = message;
  const recipient = recipients?.find(({ canonical }) => canonical === event.recipientCanonical);
  if (status === undefined || !recipients || !recipient || recipients.length === 1) return undefined;
  message.recipients = recipients.filter((one) => one !== recipient);
  const { source, detail: reply } = event;
  return { from: message, id: besideUuidv7(message.id), recipient, status, reply, errorCode, source };
}

/** The message of a recipient that was set apart. */
function alone({ from, id, recipient }: ReportedRecipient): ReportedMessage {
  const { address: to, canonical: toCanonical } = recipient;
  return { ...from, id, to, toCanonical, recipients: [recipient], splitFrom: from.splitFrom ?? from.id };
}

function recordOf(event: ProviderEvent): object {
  const { recipient } = event;
  return {
    dedupe_key: kept(event.dedupeKey),
    kind: event.kind,
    provider_message_id: kept(event.providerMessageId),
    message_id: kept(event.messageId),
    recipient_canonical:
      recipient === undefined ? null : (parseEmailAddress(recipient)?.canonical ?? kept(recipient.toLowerCase())),
    reason: event.reason,
    detail: kept(event.detail),
    email_id: uuidIn(event.emailId) ?? uuidIn(event.messageId?.replace(/^<|@.*$/g, '')),
    occurred_at: event.occurredAt.toISOString(),
  };
}

function uuidIn(text: string | undefined): string | undefined {
  return text !== undefined && UUID.test(text) ? text.toLowerCase() : undefined;
}

function kept(text: string | undefined): string | undefined {
  return text === undefined ? undefined : cut(text, DETAIL_LIMIT);
}

function changeOf({ event, message, consequence }: Step) {
  const { status, errorCode } = consequence;
  return { id: message.id, status: status ?? message.status, reply: event.detail, error_code: errorCode };
}

function noteOf(step: Step, n: number): object {
  const { id: email_id, ...change } = changeOf(step);
  return { n, email_id, ...change, attempt: step.message.attempts, transport: step.event.source };
}

function suppressionOf({ event, message, consequence }: Step): NewSuppression[] {
  const { suppress } = consequence;
  const { id: emailId } = message;
  const addressCanonical = event.recipientCanonical ?? message.toCanonical;
  return suppress ? [{ addressCanonical, source: event.source, emailId, ...suppress }] : [];
}
