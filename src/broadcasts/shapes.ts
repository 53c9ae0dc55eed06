import { ApiProperty, ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { IsInt, IsString, Length, Matches, Max, MaxLength, Min } from 'class-validator';
import { UUID } from '../core/ids.js';
import { MayBeLeftOut } from '../core/input.js';
import { parseRate } from '../core/rate.js';
import { MOMENT, WORD } from '../core/shapes.js';
import { IsOpenObject } from '../core/validation.js';
import { EmailStatus } from '../generated/prisma/enums.js';
import { LONGEST_ENTRY, SendRequest } from '../mail/api/send-request.js';
import type { StatusCounts } from '../mail/outbox/broadcast-messages.js';
import { DEFAULT_MAX_ATTEMPTS } from '../mail/outbox/retry-policy.js';
import { BROADCAST_STATUSES, type BroadcastStatus, statusOf } from './broadcast-policy.js';
import type { BroadcastRecord } from './broadcasts.js';
import { estimatedEnd } from './pace-policy.js';

const TEXTS = { type: 'object', additionalProperties: { type: 'string' } } as const;

/** As POST /v1/emails has them; the words may name what each subscriber has, in Liquid. */
export class BroadcastRequest extends OmitType(SendRequest, [
  'to',
  'cc',
  'bcc',
  'headers',
  'attachments',
  'lane',
  'expiresAt',
  'unsubscribe',
  'maxAttempts',
] as const) {
  @ApiProperty({ format: 'uuid', description: 'All who are active in it when it begins' })
  @IsString()
  @Matches(UUID, { message: 'must be the id of an audience' })
  audience!: string;

  @ApiPropertyOptional({ ...TEXTS, example: { plan: 'pro' }, description: 'Only to those with these attributes' })
  @MayBeLeftOut()
  @IsOpenObject()
  filter?: Record<string, unknown>;

  @ApiPropertyOptional({ maxLength: 20, example: '50/min', description: 'Messages that begin their way, at most' })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(20)
  rate?: string;

  @ApiPropertyOptional({ minimum: 1, maximum: 50, default: DEFAULT_MAX_ATTEMPTS.bulk, description: 'Of each message' })
  @MayBeLeftOut()
  @IsInt()
  @Min(1)
  @Max(50)
  maxAttempts?: number;
}

export class BroadcastTestRequest {
  @ApiProperty({ maxLength: LONGEST_ENTRY, example: 'ada@example.com', description: 'One address' })
  @IsString()
  @Length(3, LONGEST_ENTRY)
  to!: string;
}

export class BroadcastView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: BROADCAST_STATUSES })
  status!: BroadcastStatus;

  @ApiProperty({ format: 'uuid' })
  audience!: string;

  @ApiProperty({ description: 'As it was written' })
  subject!: string;

  @ApiProperty(WORD)
  template!: string | null;

  @ApiProperty()
  from!: string;

  @ApiProperty(TEXTS)
  filter!: Record<string, string>;

  @ApiProperty({ ...WORD, example: '50/min' })
  rate!: string | null;

  @ApiProperty()
  maxAttempts!: number;

  @ApiProperty({ type: [String] })
  tags!: string[];

  @ApiProperty(TEXTS)
  metadata!: Record<string, string>;

  @ApiProperty({ type: Number, nullable: true, description: 'Active subscribers that it was for when it began' })
  total!: number | null;

  @ApiProperty({ description: 'Messages that were made; those who left before have none' })
  expanded!: number;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty(MOMENT)
  scheduledAt!: string | null;

  @ApiProperty(MOMENT)
  startedAt!: string | null;

  @ApiProperty({ ...MOMENT, description: 'All messages were made' })
  expandedAt!: string | null;

  @ApiProperty(MOMENT)
  pausedAt!: string | null;

  @ApiProperty(MOMENT)
  cancelledAt!: string | null;

  @ApiProperty({ ...MOMENT, description: 'No message of it is left to go out' })
  finishedAt!: string | null;

  static of(record: BroadcastRecord): BroadcastView {
    const {
      id,
      audienceId: audience,
      subject,
      template,
      fromAddress: from,
      rate,
      maxAttempts,
      tags,
      total,
      expanded,
    } = record;
    return {
      ...{ id, status: statusOf(record), audience, subject, template, from },
      ...{ rate, maxAttempts, tags, total, expanded },
      filter: record.filter as Record<string, string>,
      metadata: (record.metadata ?? {}) as Record<string, string>,
      createdAt: record.createdAt.toISOString(),
      scheduledAt: record.scheduledAt?.toISOString() ?? null,
      startedAt: record.startedAt?.toISOString() ?? null,
      expandedAt: record.expandedAt?.toISOString() ?? null,
      pausedAt: record.pausedAt?.toISOString() ?? null,
      cancelledAt: record.cancelledAt?.toISOString() ?? null,
      finishedAt: record.finishedAt?.toISOString() ?? null,
    };
  }
}

export class BroadcastList {
  @ApiProperty({ type: [BroadcastView] })
  items!: BroadcastView[];

  @ApiProperty(WORD)
  nextCursor!: string | null;
}

const WAITING: readonly EmailStatus[] = ['queued', 'scheduled', 'deferred', 'sending'];

export class BroadcastDetails extends BroadcastView {
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'integer' },
    example: { sent: 1200, queued: 3 },
    description: 'Its messages by status; GET /v1/emails?broadcast= lists them',
  })
  counts!: Record<string, number>;

  @ApiProperty({ ...MOMENT, description: 'As it goes on now' })
  estimatedEndAt!: string | null;

  static with(record: BroadcastRecord, counts: StatusCounts, now: Date): BroadcastDetails {
    const view = BroadcastView.of(record);
    const over = Object.values(EmailStatus)
      .filter((status) => !WAITING.includes(status))
      .reduce((sum, status) => sum + (counts[status] ?? 0), 0);
    const { total, startedAt } = record;
    const rate = record.rate === null ? undefined : parseRate(record.rate);
    const end = view.status === 'sending' ? estimatedEnd({ total, over, startedAt, rate }, now) : undefined;
    return { ...view, counts: { ...counts }, estimatedEndAt: end?.toISOString() ?? null };
  }
}
