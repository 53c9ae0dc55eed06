import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsIn, IsString, Length, Matches, MaxLength } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../core/email-address.js';
import { IsMailAddress, IsOneLine, MayBeLeftOut, MayBeNull } from '../core/input.js';
import { LANGUAGE_TAG } from '../core/locales.js';
import { PageQuery } from '../core/page.js';
import { MOMENT, WORD } from '../core/shapes.js';
import { IsOpenObject } from '../core/validation.js';
import { SubscriberStatus } from '../generated/prisma/enums.js';
import type { Challenge } from '../otp/challenges.js';
import type { AudienceRecord, SubscriberCounts } from './audiences.js';
import { LONGEST_VALUE, MOST_ATTRIBUTES } from './subscriber-policy.js';
import type { SubscriberRecord } from './subscribers.js';

const STATUSES = Object.values(SubscriberStatus);
const LOCALE_WORDS = { message: 'must be a language tag such as en or pt-BR' };
const ATTRIBUTES = {
  type: 'object',
  additionalProperties: { type: 'string', maxLength: LONGEST_VALUE },
  example: { name: 'Ada' },
} as const;

export class AudienceRequest {
  @ApiProperty({ minLength: 1, maxLength: 200, example: 'Drivers', description: 'People see it where they leave' })
  @IsString()
  @Length(1, 200)
  @IsOneLine()
  @Matches(/\S/, { message: 'must not be blank' })
  name!: string;
}

export class AudienceView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  static of({ id, name, createdAt }: AudienceRecord): AudienceView {
    return { id, name, createdAt: createdAt.toISOString() };
  }
}

export class AudienceList {
  @ApiProperty({ type: [AudienceView] })
  items!: AudienceView[];

  @ApiProperty(WORD)
  nextCursor!: string | null;
}

class CountsView implements SubscriberCounts {
  @ApiProperty()
  active!: number;

  @ApiProperty()
  pending!: number;

  @ApiProperty()
  unsubscribed!: number;

  @ApiProperty()
  bounced!: number;

  @ApiProperty()
  complained!: number;
}

export class AudienceDetails extends AudienceView {
  @ApiProperty({ description: 'How many are in each state' })
  subscribers!: CountsView;

  static with(record: AudienceRecord, subscribers: SubscriberCounts): AudienceDetails {
    return { ...AudienceView.of(record), subscribers };
  }
}

export class SubscriberRequest {
  @ApiProperty({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com' })
  @IsMailAddress()
  email!: string;

  @ApiPropertyOptional({
    ...ATTRIBUTES,
    description: `At most ${MOST_ATTRIBUTES}, each a text in one line; the words of broadcasts name them \`{{ subscriber.name }}\``,
  })
  @MayBeLeftOut()
  @IsOpenObject()
  attributes?: Record<string, unknown>;

  @ApiPropertyOptional({ example: 'en', description: 'The language of what they get' })
  @MayBeLeftOut()
  @IsString()
  @Matches(LANGUAGE_TAG, LOCALE_WORDS)
  locale?: string;

  @ApiPropertyOptional({
    default: false,
    description: 'They are asked by mail first, and `pending` until they say yes: by its link, or by its code',
  })
  @MayBeLeftOut()
  @IsBoolean()
  confirm?: boolean;
}

export class SubscriberChangeRequest {
  @ApiPropertyOptional({ ...ATTRIBUTES, description: 'In place of all that they have' })
  @MayBeLeftOut()
  @IsOpenObject()
  attributes?: Record<string, unknown>;

  @ApiPropertyOptional({ ...WORD, example: 'en' })
  @MayBeNull()
  @IsString()
  @Matches(LANGUAGE_TAG, LOCALE_WORDS)
  locale?: string | null;

  @ApiPropertyOptional({
    enum: ['active', 'unsubscribed'],
    description:
      '`active` is for those who asked you for it; it is audited, and the suppression list holds all the same',
  })
  @MayBeLeftOut()
  @IsIn(['active', 'unsubscribed'])
  status?: 'active' | 'unsubscribed';
}

export class ConfirmRequest {
  @ApiProperty({ maxLength: 64, example: '042137' })
  @IsString()
  @MaxLength(64)
  code!: string;
}

export class SubscriberQuery extends PageQuery {
  @ApiPropertyOptional({ enum: STATUSES })
  @MayBeLeftOut()
  @IsIn(STATUSES)
  status?: SubscriberStatus;

  @ApiPropertyOptional({ minLength: 1, maxLength: 200, description: 'A part of the address, in whatever case' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, 200)
  q?: string;
}

class ConfirmationView {
  @ApiProperty({ example: 'K7QX', description: 'Shown in the mail; show it too. No secret.' })
  reference!: string;

  @ApiProperty({ format: 'date-time', description: 'The code and the link work until then' })
  expiresAt!: string;
}

export class SubscriberView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'email' })
  email!: string;

  @ApiProperty({ enum: STATUSES })
  status!: SubscriberStatus;

  @ApiProperty(ATTRIBUTES)
  attributes!: Record<string, string>;

  @ApiProperty(WORD)
  locale!: string | null;

  @ApiProperty({ description: 'Messages of broadcasts that were handed over' })
  sentCount!: number;

  @ApiProperty(MOMENT)
  lastSentAt!: string | null;

  @ApiProperty({ format: 'date-time', description: 'Since when they are what they are' })
  statusChangedAt!: string;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  static of(record: SubscriberRecord): SubscriberView {
    const {
      id,
      address: email,
      status,
      attributes,
      locale,
      sentCount,
      lastSentAt,
      statusChangedAt,
      createdAt,
    } = record;
    return {
      ...{ id, email, status, attributes, locale, sentCount },
      lastSentAt: lastSentAt?.toISOString() ?? null,
      statusChangedAt: statusChangedAt.toISOString(),
      createdAt: createdAt.toISOString(),
    };
  }
}

export class AddedSubscriberView extends SubscriberView {
  @ApiProperty({
    type: ConfirmationView,
    nullable: true,
    description: 'Of the mail that asks them, where one was sent',
  })
  confirmation!: ConfirmationView | null;

  static with(record: SubscriberRecord, challenge: Challenge | undefined): AddedSubscriberView {
    const confirmation = challenge && { reference: challenge.reference, expiresAt: challenge.expiresAt.toISOString() };
    return { ...SubscriberView.of(record), confirmation: confirmation ?? null };
  }
}

export class SubscriberList {
  @ApiProperty({ type: [SubscriberView] })
  items!: SubscriberView[];

  @ApiProperty(WORD)
  nextCursor!: string | null;
}
