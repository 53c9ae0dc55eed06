import { Injectable } from '@nestjs/common';
import type { Lane } from '../../core/lanes.js';
import { quote } from '../../core/mask.js';
import { PrismaService } from '../../database/prisma.service.js';
import { type EmailEvent, type OutboundEmail, Prisma } from '../../generated/prisma/client.js';
import type { EmailStatus } from '../../generated/prisma/enums.js';
import { SUBSCRIBER_OF_MESSAGE } from '../subscribers/subscribers.js';
import { ALIVE_WITHIN_MS } from '../../queue/worker-registry.js';
import { type KeptEmail, type Recipient, recipientsOf } from './email-rows.js';

/** A message without its content. */
export type MessageRow = Omit<OutboundEmail, 'sealedVariables'>;

/** The same, and what happened to it, oldest first. */
export type EmailRecord = MessageRow & { events: EmailEvent[]; fates: RecipientFate[] };

/** A message with its content. */
export interface KeptRecord extends KeptEmail {
  secret: boolean;
  maxAttempts: number;
  tags: string[];
  metadata: Record<string, string> | null;
  apiKeyId: string | null;
  createdAt: Date;
  scheduledAt: Date | null;
  sentAt: Date | null;
}

/** How one recipient of a message fares. */
export interface RecipientFate {
  kind: Recipient['kind'];
  address: string;
  name: string;
  status: EmailStatus;
  /** Of the message, or of what was split off it. */
  emailId: string;
}

type OutboundRow = Pick<OutboundEmail, 'id' | 'status' | 'toAddress' | 'recipients'>;

/** What could go out now, by lane. */
export interface DueMail {
  lane: Lane;
  /** Up to as many as were to be counted. */
  due: number;
  /** 0 when none is due. */
  oldestDueSeconds: number;
  /** By an operator. */
  paused: boolean;
}

export interface LaneFacts extends Omit<DueMail, 'paused'> {
  /** Scheduled or deferred for later. */
  later: number;
  sending: number;
  pausedAt: Date | null;
  pauseReason: string | null;
  /** Live workers that work it. */
  workers: number;
}

export interface AttemptFacts {
  transport: string;
  status: EmailStatus;
  errorCode: string | null;
  /** The server's words on one line, without addresses; null when it said nothing or took the message. */
  reply: string | null;
  at: Date;
}

/** Messages that a worker has had in its hands for long. */
export interface SlowHandovers {
  count: number;
  oldestSeconds: number;
  /** Those whose last byte was released, and whose final reply has not come. */
  awaitingReply: number;
}

export interface HandOverRate {
  lane: Lane;
  /** Messages that all workers together hand over. */
  perSecond: number;
}

/** Attempts that health looks through for those of each transport; the check must not grow with what is sent. */
const ATTEMPTS_LOOKED_AT = 500;
/** Attempts by which a transport is judged: one address that does not exist is no outage, five in a row are. */
const ATTEMPTS_JUDGED = 5;
/** Seconds after which a hand-over is slow: a thing of moments mostly, though its final reply may take 10 minutes. */
const SLOW_AFTER_S = 30;
/** Seconds that the rate of hand-overs looks back. */
const RATE_WINDOW_S = 60;
/** Attempts that the rate looks at. Where there were more in the window, the time that these took is the window. */
const RATE_ATTEMPTS = 2_000;

/** `lanes (lane)`: every lane there is. */
const LANES = Prisma.sql`unnest(enum_range(NULL::lane)) AS lanes (lane)`;
const PENDING = Prisma.sql`m.lane = lanes.lane AND status IN ('queued', 'scheduled', 'deferred')`;

/** Of one of LANES, read off the partial index of what is pending. @param most rows counted at most, null for all */
const dueOf = (most: number | null): Prisma.Sql => Prisma.sql`
  SELECT count(*)::int AS count, coalesce(extract(epoch FROM now() - min(next_attempt_at)), 0)::float8 AS seconds
  FROM (
    SELECT next_attempt_at FROM outbound_emails m WHERE ${PENDING} AND next_attempt_at <= now()
    ORDER BY next_attempt_at, id LIMIT ${most}::bigint
  ) AS first`;

/**
 * What a message is made of, `m` {@link WITH_CONTENT}: a {@link KeptEmail}, and what stands beside it wherever that is
 * read.
 */
export const KEPT_COLUMNS = Prisma.sql`m.id, lane, from_address AS "from", to_address AS "to", recipients, reply_to AS "replyTo",
  template, locale, expires_at AS "expiresAt", message_id AS "messageId", sealed_variables AS "sealedVariables",
  m.seal_key_id AS "sealKeyId", content_id AS "contentId", c.sealed AS "sealedContent", c.seal_key_id AS "contentKeyId",
  m.secret, max_attempts AS "maxAttempts", m.broadcast_id AS "broadcastId", m.subscriber_id AS "subscriberId",
  ${SUBSCRIBER_OF_MESSAGE} AS subscriber`;
export const WITH_CONTENT = Prisma.sql`LEFT JOIN email_contents c ON c.id = m.content_id`;

/** Reading the outbox, for the API, the commands, health, metrics, and whoever looks for something to deliver. */
@Injectable()
export class OutboxRecords {
  constructor(private readonly prisma: PrismaService) {}

  /** With what was split off it, all of one moment: a recipient is in the message or beside it, and never in both. */
  async find(id: string): Promise<EmailRecord | undefined> {
    const rows = await this.prisma.outboundEmail.findMany({
      where: { OR: [{ id }, { splitFrom: id }] },
      omit: { sealedVariables: true },
      orderBy: { id: 'asc' },
    });
    const record = rows.find((row) => row.id === id);
    if (!record) return undefined;
    const events = await this.prisma.emailEvent.findMany({ where: { emailId: id }, orderBy: { id: 'asc' } });
    const fates = [record, ...rows.filter((row) => row !== record)].flatMap(fatesOf);
    return { ...record, events, fates };
  }

  /** Those that there are, newest first. */
  async list(ids: readonly string[]): Promise<MessageRow[]> {
    return this.prisma.outboundEmail.findMany({
      where: { id: { in: [...ids] } },
      omit: { sealedVariables: true },
      orderBy: { id: 'desc' },
    });
  }

  /** A message with its content, as it is sealed. */
  async findKept(id: string): Promise<KeptRecord | undefined> {
    const [record] = await this.prisma.statements.query<KeptRecord[]>`
      SELECT ${KEPT_COLUMNS}, tags, metadata, api_key_id AS "apiKeyId", m.created_at AS "createdAt", scheduled_at AS "scheduledAt", sent_at AS "sentAt"
      FROM outbound_emails m ${WITH_CONTENT} WHERE m.id = ${id}::uuid`;
    return record;
  }

  /** By lane, however much waits. @param most rows of a lane that are counted at most */
  async due(most: number): Promise<DueMail[]> {
    return this.prisma.statements.query<DueMail[]>`
      SELECT lanes.lane, due.count AS due, due.seconds AS "oldestDueSeconds",
        EXISTS (SELECT FROM lane_pauses p WHERE p.lane = lanes.lane) AS paused
      FROM ${LANES} CROSS JOIN LATERAL (${dueOf(most)}) AS due`;
  }

  /** The lanes with mail that is due and that nobody has claimed, but for those that an operator paused. */
  async dueLanes(): Promise<Lane[]> {
    return (await this.due(1)).filter(({ due, paused }) => due > 0 && !paused).map(({ lane }) => lane);
  }

  /** All lanes, in one snapshot. Grows with what is not over yet, not with history: partial indexes hold just that. */
  async lanes(): Promise<LaneFacts[]> {
    return this.prisma.statements.query<LaneFacts[]>`
      SELECT lanes.lane, due.count AS due, later.count AS later, sending.count AS sending,
        round(due.seconds)::int AS "oldestDueSeconds", p.paused_at AS "pausedAt", p.reason AS "pauseReason",
        (SELECT count(*)::int FROM workers w WHERE lanes.lane::text = ANY(w.lanes)
          AND w.heartbeat_at > now() - ${ALIVE_WITHIN_MS} * interval '1 millisecond') AS workers
      FROM ${LANES}
      LEFT JOIN lane_pauses p ON p.lane = lanes.lane
      CROSS JOIN LATERAL (${dueOf(null)}) AS due
      CROSS JOIN LATERAL (
        SELECT count(*)::int FROM outbound_emails m WHERE ${PENDING} AND next_attempt_at > now()
      ) AS later
      CROSS JOIN LATERAL (
        SELECT count(*)::int FROM outbound_emails m WHERE m.lane = lanes.lane AND status = 'sending'
      ) AS sending
      ORDER BY lanes.lane`;
  }

  /**
   * The newest few attempts of each transport on any worker, newest first. What failed before it came to a transport,
   * such as a template that does not render, says nothing of any, and nor does what a provider tells later, which has
   * no worker.
   */
  async newestAttempts(): Promise<AttemptFacts[]> {
    const attempts = await this.prisma.statements.query<AttemptFacts[]>`
      SELECT transport, status, "errorCode", reply, at FROM (
        SELECT id, transport, status, error_code AS "errorCode", CASE WHEN status <> 'sent' THEN reply END AS reply, at,
          row_number() OVER (PARTITION BY transport ORDER BY id DESC) AS nth
        FROM (
          SELECT * FROM email_events
          WHERE transport IS NOT NULL AND transport <> 'none' AND worker IS NOT NULL AND status IN ('sent', 'deferred', 'failed', 'unknown')
          ORDER BY id DESC LIMIT ${ATTEMPTS_LOOKED_AT}
        ) AS recent
      ) AS attempts WHERE nth <= ${ATTEMPTS_JUDGED} ORDER BY id DESC`;
    return attempts.map((attempt) => ({ ...attempt, reply: attempt.reply === null ? null : quote(attempt.reply) }));
  }

  /** As many as all workers have slots, whatever was sent before. */
  async slowHandovers(): Promise<SlowHandovers> {
    const [slow] = await this.prisma.statements.query<SlowHandovers[]>`
      SELECT count(*)::int AS count, coalesce(round(max(extract(epoch FROM now() - begun.at))), 0)::int AS "oldestSeconds",
        count(m.offered_at)::int AS "awaitingReply"
      FROM outbound_emails m
      CROSS JOIN LATERAL (SELECT at FROM email_events e WHERE e.email_id = m.id AND e.status = 'sending' ORDER BY e.id DESC LIMIT 1) AS begun
      WHERE m.status = 'sending' AND begun.at < now() - make_interval(secs => ${SLOW_AFTER_S})`;
    return slow!;
  }

  /**
   * How fast mail leaves, by lane, read off the newest attempts in the timelines; the cost does not grow with history.
   */
  async handOverRates(): Promise<HandOverRate[]> {
    return this.prisma.statements.query<HandOverRate[]>`
      WITH newest AS MATERIALIZED (
        SELECT id, at, status, worker, email_id FROM email_events WHERE transport IS NOT NULL ORDER BY id DESC LIMIT ${RATE_ATTEMPTS}
      ), span AS (
        SELECT CASE WHEN count(*) < ${RATE_ATTEMPTS} THEN ${RATE_WINDOW_S}::float8
          ELSE least(${RATE_WINDOW_S}::float8, greatest(extract(epoch FROM now() - min(at)), 0.001)::float8) END AS seconds
        FROM newest
      ), handed_over AS (
        SELECT m.lane FROM newest JOIN outbound_emails m ON m.id = newest.email_id
        WHERE newest.status = 'sent' AND newest.worker IS NOT NULL AND newest.at > now() - ${RATE_WINDOW_S} * interval '1 second'
      )
      SELECT lanes.lane, (SELECT count(*) FROM handed_over h WHERE h.lane = lanes.lane) / span.seconds AS "perSecond"
      FROM ${LANES} CROSS JOIN span`;
  }
}

function fatesOf({ id: emailId, status, toAddress: to, recipients }: OutboundRow): RecipientFate[] {
  return recipientsOf({ to, recipients: recipients as Recipient[] | null }).map(({ kind, address, name }) => ({
    ...{ kind, address, name, status, emailId },
  }));
}
