import { ApiProperty } from '@nestjs/swagger';
import type { WebhookAttempt } from '../../../generated/prisma/client.js';
import type { EndpointRecord } from '../webhook-endpoints.js';
import { DELIVERY_STATUSES, type DeliveryRecord, type DeliveryStatus } from '../webhook-records.js';

const MOMENT = { type: String, format: 'date-time', nullable: true } as const;
const WORD = { type: String, nullable: true } as const;
const CURSOR = { ...WORD, description: 'Ask with it for the next page; null on the last one' } as const;

export class WebhookEndpointView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'uri' })
  url!: string;

  @ApiProperty(WORD)
  description!: string | null;

  @ApiProperty({ type: [String], description: 'Types it is told of; empty: all' })
  events!: string[];

  @ApiProperty({ ...MOMENT, description: 'Since when it is told nothing; null while it is enabled' })
  disabledAt!: string | null;

  @ApiProperty({ ...WORD, description: 'operator; gone: it answered 410; failing: it took nothing for five days' })
  disabledReason!: string | null;

  @ApiProperty({ description: 'Failed attempts in a row; 0 when the last one worked' })
  failures!: number;

  @ApiProperty({ ...MOMENT, description: 'Since when nothing has got through' })
  failingSince!: string | null;

  @ApiProperty({ ...MOMENT, description: 'Nothing is attempted before' })
  backoffUntil!: string | null;

  @ApiProperty({ ...MOMENT, description: 'The secret before the present one signs too until then' })
  previousSecretUntil!: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  static of(record: EndpointRecord): WebhookEndpointView {
    const { id, url, description, events, disabledReason, failures } = record;
    return {
      id,
      url,
      description,
      events,
      disabledAt: textOf(record.disabledAt),
      disabledReason,
      failures,
      failingSince: textOf(record.failingSince),
      backoffUntil: textOf(record.backoffUntil),
      previousSecretUntil: textOf(record.previousSecretUntil),
      createdAt: record.createdAt.toISOString(),
    };
  }
}

export class CreatedEndpointView extends WebhookEndpointView {
  @ApiProperty({ description: 'What its webhooks are signed with. Shown this once.', example: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' })
  secret!: string;
}

export class RotatedSecretView {
  @ApiProperty({ description: 'The new secret. Shown this once.' })
  secret!: string;

  @ApiProperty({ format: 'date-time', description: 'The former one signs too until then' })
  previousSecretUntil!: string;
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

  @ApiProperty({ enum: DELIVERY_STATUSES })
  status!: DeliveryStatus;
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
  nextAttemptAt!: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty(MOMENT)
  deliveredAt!: string | null;

  static of({ id, endpointId, type, emailId, status, attempts, nextAttemptAt, createdAt, deliveredAt }: DeliveryRecord): WebhookDeliveryView {
    const waits = status === 'queued' || status === 'deferred';
    return {
      id,
      endpointId,
      type,
      emailId,
      status,
      attempts,
      nextAttemptAt: waits ? nextAttemptAt.toISOString() : null,
      createdAt: createdAt.toISOString(),
      deliveredAt: textOf(deliveredAt),
    };
  }
}

export class WebhookDeliveryList {
  @ApiProperty({ type: [WebhookDeliveryView], description: 'Newest first' })
  items!: WebhookDeliveryView[];

  @ApiProperty(CURSOR)
  nextCursor!: string | null;
}

export class WebhookAttemptView {
  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty()
  attempt!: number;

  @ApiProperty({ type: Number, nullable: true, description: 'Of the answer; null when there was none' })
  statusCode!: number | null;

  @ApiProperty({ ...WORD, description: 'Such as http_status, redirect, timeout, connection_refused, private_address; null when it was taken' })
  errorCode!: string | null;

  @ApiProperty({ ...WORD, description: 'The first kilobyte of the answer' })
  response!: string | null;

  @ApiProperty({ description: 'Milliseconds' })
  tookMs!: number;

  @ApiProperty({ ...WORD, description: 'The process that did it' })
  worker!: string | null;

  static of({ at, attempt, statusCode, errorCode, response, tookMs, worker }: WebhookAttempt): WebhookAttemptView {
    return { at: at.toISOString(), attempt, statusCode, errorCode, response, tookMs, worker };
  }
}

export class WebhookDeliveryDetails extends WebhookDeliveryView {
  @ApiProperty({ type: [WebhookAttemptView], description: 'Every attempt, oldest first' })
  log!: WebhookAttemptView[];
}

function textOf(moment: Date | null): string | null {
  return moment?.toISOString() ?? null;
}
