import { ApiProperty } from '@nestjs/swagger';
import { type Lane, LANES } from '../../core/lanes.js';
import { EmailStatus } from '../../generated/prisma/enums.js';
import type { EmailRecord } from '../email-records.js';

const STATUSES = Object.values(EmailStatus);
const MOMENT = { type: String, format: 'date-time', nullable: true } as const;
const WORD = { type: String, nullable: true } as const;

export class EmailStatusView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: STATUSES })
  status!: EmailStatus;
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

  static of({ at, status, attempt, transport, reply, errorCode, worker }: EmailRecord['events'][number]): EmailEventView {
    return { at: at.toISOString(), status, attempt, transport, reply, errorCode, worker };
  }
}

/** Everything but the content, which is read by nobody but the recipient. */
export class EmailView extends EmailStatusView {
  @ApiProperty({ format: 'email' })
  to!: string;

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

  @ApiProperty({ ...MOMENT, description: 'Of a message that still waits' })
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

  @ApiProperty({ ...WORD, description: 'What the server said last, verbatim; of `suppressed`, since when the address is' })
  lastReply!: string | null;

  @ApiProperty({ description: 'Sent again after an unknown outcome: the recipient may have it twice' })
  possibleDuplicate!: boolean;

  @ApiProperty({ type: [EmailEventView], description: 'Oldest first, one for each change of state' })
  events!: EmailEventView[];

  static of(record: EmailRecord): EmailView {
    const { id, status, lane, attempts, maxAttempts, transport, messageId, providerMessageId, lastErrorCode, lastReply, possibleDuplicate } = record;
    const waits = status === 'scheduled' || status === 'queued' || status === 'deferred';
    return {
      id,
      to: record.toAddress,
      status,
      lane,
      attempts,
      maxAttempts,
      createdAt: record.createdAt.toISOString(),
      scheduledAt: record.scheduledAt?.toISOString() ?? null,
      expiresAt: record.expiresAt?.toISOString() ?? null,
      nextAttemptAt: waits ? record.nextAttemptAt.toISOString() : null,
      sentAt: record.sentAt?.toISOString() ?? null,
      transport,
      messageId,
      providerMessageId,
      lastErrorCode,
      lastReply,
      possibleDuplicate,
      events: record.events.map((event) => EmailEventView.of(event)),
    };
  }
}
