import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayUnique, IsArray, IsBoolean, IsIn, IsString, Matches, MaxLength } from 'class-validator';
import { MayBeLeftOut, MayBeNull } from '../../../core/left-out.js';
import { EMAIL_EVENT_TYPES, type EmailEventType } from '../event-types.js';
import { DELIVERY_STATUSES, type DeliveryStatus } from '../webhook-records.js';

const MAX_URL_LENGTH = 2_048;
const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 100;

const EVENTS = {
  enum: EMAIL_EVENT_TYPES,
  isArray: true,
  description: 'Types to be told of; all when left out or empty, those that are yet to come too',
};
const NO_CONTROLS = /^\P{Cc}*$/u;

export class CreateEndpointRequest {
  @ApiProperty({ format: 'uri', maxLength: MAX_URL_LENGTH, example: 'https://shop.example.com/hooks/otpost', description: 'https; http in development and to allowed private targets' })
  @IsString()
  @MaxLength(MAX_URL_LENGTH)
  url!: string;

  @ApiPropertyOptional(EVENTS)
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
  @Matches(NO_CONTROLS, { message: 'must not contain control characters' })
  description?: string | null;
}

/** What is left out stays as it is; `description: null` removes it. */
export class ChangeEndpointRequest {
  @ApiPropertyOptional({ format: 'uri', maxLength: MAX_URL_LENGTH })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(MAX_URL_LENGTH)
  url?: string;

  @ApiPropertyOptional(EVENTS)
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
  @Matches(NO_CONTROLS, { message: 'must not contain control characters' })
  description?: string | null;

  @ApiPropertyOptional({ description: 'true: nothing more is queued, and what waits goes on waiting. false: it goes on, with a clean slate.' })
  @MayBeLeftOut()
  @IsBoolean()
  disabled?: boolean;
}

export class PageQuery {
  @ApiPropertyOptional({ description: 'nextCursor of the page before' })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(200)
  cursor?: string;

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT })
  @MayBeLeftOut()
  @Matches(/^([1-9]\d?|100)$/, { message: `must be a whole number from 1 to ${MAX_LIMIT}` })
  limit?: string;
}

export class DeliveriesQuery extends PageQuery {
  @ApiPropertyOptional({ enum: DELIVERY_STATUSES })
  @MayBeLeftOut()
  @IsIn(DELIVERY_STATUSES)
  status?: DeliveryStatus;
}

export function limitOf({ limit }: PageQuery): number {
  return limit === undefined ? DEFAULT_LIMIT : Number(limit);
}
