import { ApiProperty, ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsDefined,
  IsIn,
  IsInt,
  IsObject,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../../core/email-address.js';
import { UUID } from '../../core/ids.js';
import { IsMailAddress, IsMoment, IsOneLine, MayBeLeftOut } from '../../core/input.js';
import { type Lane, LANES } from '../../core/lanes.js';
import { PageQuery } from '../../core/page.js';
import { EmailStatus } from '../../generated/prisma/enums.js';
import { type ActionKind, type ActionRecord, ACTIONS } from '../outbox/actions.js';
import { type AskedFilter, statusesIn } from '../outbox/asked-filter.js';
import { type Resolution, RESOLUTIONS } from '../outbox/changes.js';
import type { FoundEmail } from '../outbox/search.js';
import { MOMENT, STATUSES, WORD } from './shapes.js';

const ADDRESS = { format: 'email', maxLength: MAX_ADDRESS_LENGTH } as const;
const ID = { type: String, format: 'uuid', nullable: true } as const;
/** Characters of what is looked for. */
const MAX_WORD = 200;
/** As an integer of Postgres. */
const MOST = 2_147_483_647;

function AreStatuses(): PropertyDecorator {
  return ValidateBy({
    name: 'status',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'string' &&
        value.length <= MAX_WORD &&
        statusesIn(value).every((one) => STATUSES.includes(one)),
      defaultMessage: () => `must be one or several of ${STATUSES.join(', ')}, with commas between them`,
    },
  });
}

/** Which messages. Of filters that are given, all must hold. */
export class EmailFilterFields implements AskedFilter {
  @ApiPropertyOptional({ example: 'failed,deferred', description: `One or several of ${STATUSES.join(', ')}` })
  @MayBeLeftOut()
  @AreStatuses()
  status?: string;

  @ApiPropertyOptional({ ...ADDRESS, description: 'To this address, in To, Cc or Bcc' })
  @MayBeLeftOut()
  @IsMailAddress()
  to?: string;

  @ApiPropertyOptional({ ...ADDRESS, description: 'From this address; of what API keys sent' })
  @MayBeLeftOut()
  @IsMailAddress()
  from?: string;

  @ApiPropertyOptional({ minLength: 1, maxLength: MAX_WORD })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_WORD)
  template?: string;

  @ApiPropertyOptional({ minLength: 1, maxLength: MAX_WORD })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_WORD)
  tag?: string;

  @ApiPropertyOptional({ enum: LANES })
  @MayBeLeftOut()
  @IsIn(LANES)
  lane?: Lane;

  @ApiPropertyOptional({ minLength: 1, maxLength: MAX_WORD, description: 'Which took it last' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_WORD)
  transport?: string;

  @ApiPropertyOptional({ minLength: 1, maxLength: MAX_WORD, example: 'smtp_550', description: 'lastErrorCode' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_WORD)
  errorCode?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Sent by this API key' })
  @MayBeLeftOut()
  @IsString()
  @Matches(UUID, { message: 'must be the id of an API key' })
  apiKey?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Of this broadcast' })
  @MayBeLeftOut()
  @IsString()
  @Matches(UUID, { message: 'must be the id of a broadcast' })
  broadcast?: string;

  @ApiPropertyOptional({
    minLength: 1,
    maxLength: MAX_WORD,
    description: 'A part of the subject, or of what the server said last, in whatever case',
  })
  @MayBeLeftOut()
  @IsString()
  @Length(1, MAX_WORD)
  q?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Accepted at or after' })
  @MayBeLeftOut()
  @IsMoment()
  since?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Accepted before' })
  @MayBeLeftOut()
  @IsMoment()
  until?: string;
}

export class EmailListQuery extends IntersectionType(EmailFilterFields, PageQuery) {}

export class EmailItemView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: STATUSES })
  status!: EmailStatus;

  @ApiProperty({ format: 'email', description: 'The first recipient' })
  to!: string;

  @ApiProperty({ type: [String], description: 'Addresses of all whom it is for' })
  recipients!: string[];

  @ApiProperty({ ...WORD, description: 'Of content that was given whole' })
  subject!: string | null;

  @ApiProperty(WORD)
  template!: string | null;

  @ApiProperty({ enum: LANES })
  lane!: Lane;

  @ApiProperty({ type: [String] })
  tags!: string[];

  @ApiProperty(WORD)
  transport!: string | null;

  @ApiProperty()
  attempts!: number;

  @ApiProperty(WORD)
  lastErrorCode!: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty(MOMENT)
  sentAt!: string | null;

  @ApiProperty(MOMENT)
  scheduledAt!: string | null;

  @ApiProperty(ID)
  apiKeyId!: string | null;

  @ApiProperty({ ...ID, description: 'The message it was split off, when its recipient fared differently' })
  splitFrom!: string | null;

  static of({ createdAt, sentAt, scheduledAt, nextAttemptAt: _next, ...email }: FoundEmail): EmailItemView {
    return {
      ...email,
      createdAt: createdAt.toISOString(),
      sentAt: sentAt?.toISOString() ?? null,
      scheduledAt: scheduledAt?.toISOString() ?? null,
    };
  }
}

export class EmailList {
  @ApiProperty({ type: [EmailItemView] })
  items!: EmailItemView[];

  @ApiProperty({
    ...WORD,
    description: 'A page may hold fewer than `limit`, and none, and there is more as long as this is not null',
  })
  nextCursor!: string | null;
}

export class EmailStats {
  @ApiProperty({ format: 'date-time' })
  since!: string;

  @ApiProperty({ format: 'date-time' })
  until!: string;

  @ApiProperty()
  total!: number;

  @ApiProperty({
    type: 'object',
    properties: Object.fromEntries(STATUSES.map((status) => [status, { type: 'integer' }])),
    required: STATUSES,
    selfRequired: true,
    description: 'How many are in each state now',
  })
  counts!: Record<EmailStatus, number>;
}

export class EmailActionRequest {
  @ApiProperty({ enum: ACTIONS })
  @IsIn(ACTIONS)
  action!: ActionKind;

  @ApiPropertyOptional({
    enum: RESOLUTIONS,
    description: 'Of `resolve`: what you know of them; `not_sent` sends them again',
  })
  @MayBeLeftOut()
  @IsIn(RESOLUTIONS)
  as?: Resolution;

  @ApiProperty({ type: EmailFilterFields, description: 'Of what it finds, those in a state that the action is for' })
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => EmailFilterFields)
  filter!: EmailFilterFields;

  @ApiProperty({
    minLength: 1,
    maxLength: MAX_WORD,
    example: 'the server was away, ticket 4711',
    description: 'Why, for the audit record; it must name no address',
  })
  @IsString()
  @Length(1, MAX_WORD)
  @IsOneLine()
  @Matches(/\S/, { message: 'must say why' })
  @Matches(/^(?!.*\S@\S)/, { message: 'must name no address: it stays in the audit record' })
  reason!: string;

  @ApiProperty({
    type: 'integer',
    minimum: 0,
    maximum: MOST,
    description: 'How many messages that will be; where it is off by more than 10 %, nothing is done',
  })
  @IsInt()
  @Min(0)
  @Max(MOST)
  expected!: number;
}

export class EmailActionView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: ACTIONS })
  action!: ActionKind;

  @ApiProperty({ ...WORD, enum: [...RESOLUTIONS, null] })
  as!: Resolution | null;

  @ApiProperty({ type: EmailFilterFields })
  filter!: AskedFilter;

  @ApiProperty(WORD)
  reason!: string | null;

  @ApiProperty({ description: 'Messages that it is about' })
  found!: number;

  @ApiProperty({
    description: 'Messages that it changed so far; others had changed meanwhile, or would have been sent in vain',
  })
  done!: number;

  @ApiProperty({ enum: ['running', 'done'] })
  status!: 'running' | 'done';

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty(MOMENT)
  finishedAt!: string | null;

  static of({ id, action, as, filter, reason, found, done, createdAt, finishedAt }: ActionRecord): EmailActionView {
    return {
      ...{ id, action, as, filter, reason, found, done },
      status: finishedAt ? 'done' : 'running',
      createdAt: createdAt.toISOString(),
      finishedAt: finishedAt?.toISOString() ?? null,
    };
  }
}

export class RescheduleRequest {
  @ApiProperty({ format: 'date-time', description: 'Not before; at most one year ahead. Now when it is over.' })
  @IsMoment()
  scheduledAt!: string;
}
