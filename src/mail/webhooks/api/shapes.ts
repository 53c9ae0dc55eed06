import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayUnique, IsArray, IsBoolean, IsIn, IsString, Matches, MaxLength } from 'class-validator';
import { MayBeLeftOut, MayBeNull } from '../../../core/input.js';
import { PageQuery } from '../../../core/page.js';
import { MOMENT, WORD } from '../../../core/shapes.js';
import { WebhookFormat } from '../../../generated/prisma/enums.js';
import { EMAIL_EVENT_TYPES, type EmailEventType, type EndpointRecord } from '../webhook-endpoints.js';
import {
  WEBHOOK_DELIVERY_STATUSES,
  type WebhookAttemptRecord,
  type WebhookDeliveryRecord,
  type WebhookDeliveryStatus,
} from '../webhook-records.js';

const MAX_URL_LENGTH = 2_048;
const FORMATS = Object.values(WebhookFormat);

class EndpointFields {
  @ApiPropertyOptional({
    enum: EMAIL_EVENT_TYPES,
    isArray: true,
    description: 'Types to be told of; all when left out or empty, those that are yet to come too',
  })
  @MayBeLeftOut()
  @IsArray()
  @ArrayMaxSize(EMAIL_EVENT_TYPES.length)
  @ArrayUnique()
  @IsIn(EMAIL_EVENT_TYPES, { each: true })
  events?: EmailEventType[];

  @ApiPropertyOptional({ maxLength: 200, nullable: true, type: String })
  @MayBeNull()
  @IsString()
  @MaxLength(200)
  @Matches(/^\P{Cc}*$/u, { message: 'must not contain control characters' })
  description?: string | null;
}

export class CreateEndpointRequest extends EndpointFields {
  @ApiProperty({
    format: 'uri',
    maxLength: MAX_URL_LENGTH,
    example: 'https://shop.example.com/hooks/otpost',
    description: 'https; http in development and to allowed private targets',
  })
  @IsString()
  @MaxLength(MAX_URL_LENGTH)
  url!: string;

  @ApiPropertyOptional({
    enum: FORMATS,
    default: 'otpost',
    description: "Of what it is sent. `resend`: as Resend's own webhooks, and of the events that these have; it stays",
  })
  @MayBeLeftOut()
  @IsIn(FORMATS)
  format?: WebhookFormat;
}

/** What is left out stays as it is; `description: null` removes it. */
export class ChangeEndpointRequest extends EndpointFields {
  @ApiPropertyOptional({ format: 'uri', maxLength: MAX_URL_LENGTH })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(MAX_URL_LENGTH)
  url?: string;

  @ApiPropertyOptional({
    description: 'true: nothing more is queued, and what waits goes on waiting. false: it goes on, with a clean slate.',
  })
  @MayBeLeftOut()
  @IsBoolean()
  disabled?: boolean;
}

export class DeliveriesQuery extends PageQuery {
  @ApiPropertyOptional({ enum: WEBHOOK_DELIVERY_STATUSES })
  @MayBeLeftOut()
  @IsIn(WEBHOOK_DELIVERY_STATUSES)
  status?: WebhookDeliveryStatus;
}

const CURSOR = { ...WORD, description: 'Ask with it for the next page; null on the last one' } as const;

export class WebhookEndpointView implements EndpointRecord {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'uri' })
  url!: string;

  @ApiProperty(WORD)
  description!: string | null;

  @ApiProperty({ type: [String], description: 'Types it is told of; empty: all' })
  events!: string[];

  @ApiProperty({ enum: FORMATS })
  format!: WebhookFormat;

  @ApiProperty({ ...MOMENT, description: 'Since when it is told nothing; null while it is enabled' })
  disabledAt!: Date | null;

  @ApiProperty({ ...WORD, description: 'operator; gone: it answered 410; failing: it took nothing for five days' })
  disabledReason!: string | null;

  @ApiProperty({ description: 'Failed attempts in a row; 0 when the last one worked' })
  failures!: number;

  @ApiProperty({ ...MOMENT, description: 'Since when nothing has got through' })
  failingSince!: Date | null;

  @ApiProperty({ ...MOMENT, description: 'Nothing is attempted before' })
  backoffUntil!: Date | null;

  @ApiProperty({ ...MOMENT, description: 'The secret before the present one signs too until then' })
  previousSecretUntil!: Date | null;

  @ApiProperty({ format: 'date-time' })
  createdAt!: Date;
}

export class CreatedEndpointView extends WebhookEndpointView {
  @ApiProperty({
    description: 'What its webhooks are signed with. Shown this once.',
    example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  })
  secret!: string;
}

export class RotatedSecretView {
  @ApiProperty({ description: 'The new secret. Shown this once.' })
  secret!: string;

  @ApiProperty({ format: 'date-time', description: 'The former one signs too until then' })
  previousSecretUntil!: Date;
}

export class WebhookEndpointList {
  @ApiProperty({ type: [WebhookEndpointView], description: 'Oldest first' })
  items!: WebhookEndpointView[];

  @ApiProperty(CURSOR)
  nextCursor!: string | null;
}

export class QueuedDeliveryView {
  @ApiProperty({ format: 'uuid', description: 'The webhook-id' })
  id!: string;

  @ApiProperty({ enum: WEBHOOK_DELIVERY_STATUSES })
  status!: WebhookDeliveryStatus;
}

export class WebhookDeliveryView extends QueuedDeliveryView {
  @ApiProperty({ format: 'uuid' })
  endpointId!: string;

  @ApiProperty({ example: 'email.sent' })
  type!: string;

  @ApiProperty({ ...WORD, format: 'uuid', description: 'The message it tells of' })
  emailId!: string | null;

  @ApiProperty({ description: 'Since it was queued, or queued again by hand' })
  attempts!: number;

  @ApiProperty({ ...MOMENT, description: 'Of one that still waits; later while its endpoint is down' })
  nextAttemptAt!: Date | null;

  @ApiProperty({ format: 'date-time' })
  createdAt!: Date;

  @ApiProperty(MOMENT)
  deliveredAt!: Date | null;

  static of(record: WebhookDeliveryRecord): WebhookDeliveryView {
    const waits = record.status === 'queued' || record.status === 'deferred';
    return { ...record, nextAttemptAt: waits ? record.nextAttemptAt : null };
  }
}

export class WebhookDeliveryList {
  @ApiProperty({ type: [WebhookDeliveryView], description: 'Newest first' })
  items!: WebhookDeliveryView[];

  @ApiProperty(CURSOR)
  nextCursor!: string | null;
}

class WebhookAttemptView implements WebhookAttemptRecord {
  @ApiProperty({ format: 'date-time' })
  at!: Date;

  @ApiProperty()
  attempt!: number;

  @ApiProperty({ type: Number, nullable: true, description: 'Of the answer; null when there was none' })
  statusCode!: number | null;

  @ApiProperty({
    ...WORD,
    description: 'Such as http_status, redirect, timeout, connection_refused, private_address; null when it was taken',
  })
  errorCode!: string | null;

  @ApiProperty({ ...WORD, description: 'The first kilobyte of the answer' })
  response!: string | null;

  @ApiProperty({ description: 'Milliseconds' })
  tookMs!: number;

  @ApiProperty({ ...WORD, description: 'The process that did it' })
  worker!: string | null;
}

export class WebhookDeliveryDetails extends WebhookDeliveryView {
  @ApiProperty({ type: [WebhookAttemptView], description: 'Every attempt, oldest first' })
  log!: WebhookAttemptView[];
}
