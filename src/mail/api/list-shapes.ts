import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsDefined, IsIn, IsInt, IsObject, IsString, Length, Matches, Max, Min, ValidateNested } from 'class-validator';
import { IsMoment, IsOneLine, MayBeLeftOut } from '../../core/input.js';
import { type Channel, CHANNELS, type Lane, LANES } from '../../core/lanes.js';
import { MOMENT, WORD } from '../../core/shapes.js';
import { EmailStatus } from '../../generated/prisma/enums.js';
import { type ActionKind, type ActionRecord, ACTIONS } from '../outbox/actions.js';
import type { AskedFilter } from '../outbox/asked-filter.js';
import { type Resolution, RESOLUTIONS } from '../outbox/changes.js';
import type { FoundEmail } from '../outbox/search.js';
import { EmailFilterFields, MAX_WORD } from './filter-shapes.js';
import { STATUSES } from './shapes.js';

const ID = { type: String, format: 'uuid', nullable: true } as const;
/** As an integer of Postgres. */
const MOST = 2_147_483_647;

export class EmailItemView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ enum: STATUSES })
  status!: EmailStatus;

  @ApiProperty({ description: 'The first recipient; of an SMS its number' })
  to!: string;

  @ApiProperty({ type: [String], description: 'Addresses of all whom it is for; of an SMS its number' })
  recipients!: string[];

  @ApiProperty({ ...WORD, description: 'Of content that was given whole' })
  subject!: string | null;

  @ApiProperty(WORD)
  template!: string | null;

  @ApiProperty({ enum: CHANNELS })
  channel!: Channel;

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
