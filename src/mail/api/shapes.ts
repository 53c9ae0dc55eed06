import { ApiProperty } from '@nestjs/swagger';
import { IsIn } from 'class-validator';
import { type Channel, channelOf, CHANNELS, type Lane, LANES } from '../../core/lanes.js';
import { MOMENT, WORD } from '../../core/shapes.js';
import { EmailStatus } from '../../generated/prisma/enums.js';
import { type Resolution, RESOLUTIONS } from '../outbox/changes.js';
import type { EmailRecord } from '../outbox/records.js';
import { isHeld } from '../subscribers/subscribers.js';

/** Bytes of a whole request to send: 25 MB of attachments in base64, and the words. */
export const SEND_BODY_LIMIT = 36 * 1024 * 1024;

export class ResolveRequest {
  @ApiProperty({ enum: RESOLUTIONS, description: 'What you know of it: `not_sent` sends it again' })
  @IsIn(RESOLUTIONS)
  as!: Resolution;
}

export const STATUSES = Object.values(EmailStatus);

export class EmailStatusView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: STATUSES })
  status!: EmailStatus;
}

/** The words of a mail, as it is sent or as its template has them. */
export class WordsView {
  @ApiProperty()
  subject!: string;

  @ApiProperty()
  text!: string;

  @ApiProperty()
  html!: string;
}

export class EmailEventView {
  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ enum: STATUSES, description: 'What the message became' })
  status!: EmailStatus;

  @ApiProperty({ description: 'Attempts so far; 0 before the first' })
  attempt!: number;

  @ApiProperty(WORD)
  transport!: string | null;

  @ApiProperty({ ...WORD, description: 'What the server said, verbatim; of `suppressed`, since when the address is' })
  reply!: string | null;

  @ApiProperty({ ...WORD, example: 'suppressed_hard_bounce' })
  errorCode!: string | null;

  @ApiProperty({ ...WORD, description: 'The process that did it' })
  worker!: string | null;

  static of(event: EmailRecord['events'][number]): EmailEventView {
    const { at, status, attempt, transport, reply, errorCode, worker } = event;
    return { at: at.toISOString(), status, attempt, transport, reply, errorCode, worker };
  }
}

/** Somebody a message is for, and how they fare. */
export class RecipientView {
  @ApiProperty({ enum: ['to', 'cc', 'bcc'] })
  kind!: 'to' | 'cc' | 'bcc';

  @ApiProperty({ description: 'Of an SMS the number' })
  address!: string;

  @ApiProperty({ description: 'Empty where there is none' })
  name!: string;

  @ApiProperty({ enum: STATUSES })
  status!: EmailStatus;

  @ApiProperty({ format: 'uuid', description: 'Of the message that has their timeline' })
  emailId!: string;
}

/** Everything but the content. */
export class EmailView extends EmailStatusView {
  @ApiProperty({ description: 'The first recipient; of an SMS its number' })
  to!: string;

  @ApiProperty({ type: [RecipientView], description: 'All whom it was for, those that were split off it included' })
  recipients!: RecipientView[];

  @ApiProperty()
  from!: string;

  @ApiProperty({ ...WORD, description: 'Of content that was given whole' })
  subject!: string | null;

  @ApiProperty(WORD)
  template!: string | null;

  @ApiProperty({ type: [String] })
  tags!: string[];

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  metadata!: Record<string, string>;

  @ApiProperty({
    ...WORD,
    format: 'uuid',
    description: 'The message it was split off, because its recipient fared otherwise',
  })
  splitFrom!: string | null;

  @ApiProperty({ ...WORD, format: 'uuid', description: 'The broadcast that it is of' })
  broadcast!: string | null;

  @ApiProperty({ enum: CHANNELS, description: 'An SMS is told of as mail is; its address is a number' })
  channel!: Channel;

  @ApiProperty({ enum: LANES })
  lane!: Lane;

  @ApiProperty()
  attempts!: number;

  @ApiProperty()
  maxAttempts!: number;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty(MOMENT)
  scheduledAt!: string | null;

  @ApiProperty(MOMENT)
  expiresAt!: string | null;

  @ApiProperty({ ...MOMENT, description: 'Of a message that still waits; null while its broadcast is paused' })
  nextAttemptAt!: string | null;

  @ApiProperty({ ...MOMENT, description: 'Handed over: the mail server took it. It may still bounce.' })
  sentAt!: string | null;

  @ApiProperty(WORD)
  transport!: string | null;

  @ApiProperty({ description: 'Message-ID of the mail itself, the same on every attempt' })
  messageId!: string;

  @ApiProperty({ ...WORD, description: "The provider's own id of it" })
  providerMessageId!: string | null;

  @ApiProperty(WORD)
  lastErrorCode!: string | null;

  @ApiProperty({
    ...WORD,
    description: 'What the server said last, verbatim; of `suppressed`, since when the address is',
  })
  lastReply!: string | null;

  @ApiProperty({ description: 'Sent again after an unknown outcome: the recipient may have it twice' })
  possibleDuplicate!: boolean;

  @ApiProperty({
    ...WORD,
    description: 'Of the trace (W3C Trace Context) that its acceptance and deliveries are part of',
  })
  traceId!: string | null;

  @ApiProperty({ type: [EmailEventView], description: 'Oldest first, one for each change of state' })
  events!: EmailEventView[];

  static of(record: EmailRecord): EmailView {
    const { id, toAddress: to, status, lane, attempts, maxAttempts, transport, messageId, providerMessageId } = record;
    const { createdAt, scheduledAt, expiresAt, nextAttemptAt, sentAt, lastErrorCode, lastReply } = record;
    const { fromAddress: from, subject, template, tags, metadata, splitFrom, broadcastId: broadcast } = record;
    const waits = status === 'scheduled' || status === 'queued' || status === 'deferred';
    return {
      ...{
        id,
        to,
        status,
        channel: channelOf(lane),
        lane,
        attempts,
        maxAttempts,
        from,
        subject,
        template,
        tags,
        splitFrom,
        broadcast,
      },
      recipients: record.fates.map((fate) => ({ ...fate })),
      metadata: (metadata ?? {}) as Record<string, string>,
      createdAt: createdAt.toISOString(),
      scheduledAt: scheduledAt?.toISOString() ?? null,
      expiresAt: expiresAt?.toISOString() ?? null,
      nextAttemptAt: waits && !isHeld(nextAttemptAt, createdAt) ? nextAttemptAt.toISOString() : null,
      sentAt: sentAt?.toISOString() ?? null,
      ...{ transport, messageId, providerMessageId, lastErrorCode, lastReply },
      possibleDuplicate: record.possibleDuplicate,
      traceId: /^00-([\da-f]{32})-/.exec(record.traceparent ?? '')?.[1] ?? null,
      events: record.events.map((event) => EmailEventView.of(event)),
    };
  }
}
