import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsString,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { IsMoment, IsOneLine, MayBeLeftOut } from '../../core/input.js';
import { type MailLane, MAIL_LANES } from '../../core/lanes.js';
import { LANGUAGE_TAG } from '../../core/locales.js';
import { IsOpenObject } from '../../core/validation.js';
import { LONGEST_CONTENT, MOST_METADATA, MOST_TAGS, type SubmittedMessage } from '../submission/draft-policy.js';
import { type GivenAttachment, MOST_ATTACHMENTS } from '../files/attachment-policy.js';
import { DEFAULT_MAX_ATTEMPTS } from '../outbox/retry-policy.js';
import { MOST_RECIPIENTS } from '../submission/recipients-policy.js';

const ATTEMPTS_LEFT_OUT =
  `Left out: ${DEFAULT_MAX_ATTEMPTS.critical} of a critical message, ${DEFAULT_MAX_ATTEMPTS.default} of a default one, ` +
  `${DEFAULT_MAX_ATTEMPTS.bulk} of bulk mail`;

/** Characters of one entry: an address, a name and what is around them. */
export const LONGEST_ENTRY = 600;

const ADDRESSES = (description: string) => ({
  description,
  oneOf: [
    { type: 'string', maxLength: LONGEST_ENTRY },
    { type: 'array', maxItems: MOST_RECIPIENTS, items: { type: 'string', maxLength: LONGEST_ENTRY } },
  ],
});

/** One address or a list of them, by its form alone; which are addresses says recipients-policy.ts. */
function IsAddresses(): PropertyDecorator {
  const isEntry = (value: unknown): boolean => typeof value === 'string' && value.length <= LONGEST_ENTRY;
  return ValidateBy({
    name: 'invalid_address',
    validator: {
      validate: (value: unknown) => isEntry(value) || (Array.isArray(value) && value.every(isEntry)),
      defaultMessage: () =>
        'must be an e-mail address such as ada@example.com or Ada <ada@example.com>, or a list of them',
    },
  });
}

export function IsTemplateLocale(): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ example: 'de-AT', default: 'en', description: 'Of the template: the nearest that there is' }),
    MayBeLeftOut(),
    IsString(),
    Matches(LANGUAGE_TAG, { message: 'must be a language tag such as en or pt-BR' }),
  );
}

export class AttachmentRequest implements GivenAttachment {
  @ApiProperty({ minLength: 1, maxLength: 255, example: 'invoice.pdf' })
  @IsString()
  filename!: string;

  @ApiPropertyOptional({
    format: 'byte',
    description: 'Its bytes in base64 (RFC 4648 §4). Needed where there is no `uploadId`',
  })
  @MayBeLeftOut()
  @IsString()
  content?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'From POST /v1/uploads, of the last 24 hours' })
  @MayBeLeftOut()
  @IsString()
  uploadId?: string;

  @ApiPropertyOptional({ example: 'application/pdf', description: 'By the name of the file where it is left out' })
  @MayBeLeftOut()
  @IsString()
  contentType?: string;

  @ApiPropertyOptional({ example: 'logo', description: 'The HTML shows it as `cid:logo`' })
  @MayBeLeftOut()
  @IsString()
  contentId?: string;

  @ApiPropertyOptional({ description: 'Shown in the message; with a `contentId` unless it says otherwise' })
  @MayBeLeftOut()
  @IsBoolean()
  inline?: boolean;
}

export class SendRequest implements SubmittedMessage {
  @ApiProperty({
    ...ADDRESSES(`Recipients: ${MOST_RECIPIENTS} at most with cc and bcc; such as Ada <ada@example.com>`),
    example: 'ada@example.com',
  })
  @IsAddresses()
  to!: string | string[];

  @ApiPropertyOptional(ADDRESSES('Shown as well'))
  @MayBeLeftOut()
  @IsAddresses()
  cc?: string | string[];

  @ApiPropertyOptional(ADDRESSES('Shown to nobody'))
  @MayBeLeftOut()
  @IsAddresses()
  bcc?: string | string[];

  @ApiPropertyOptional(ADDRESSES('Where answers go'))
  @MayBeLeftOut()
  @IsAddresses()
  replyTo?: string | string[];

  @ApiPropertyOptional({
    maxLength: LONGEST_ENTRY,
    description: 'MAIL_FROM unless given; must be allowed by MAIL_SENDERS, and by the API key where that names senders',
  })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(LONGEST_ENTRY)
  from?: string;

  @ApiPropertyOptional({ maxLength: 500, example: 'Your invoice', description: 'Needed where there is no `template`' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, 500)
  @IsOneLine()
  subject?: string;

  @ApiPropertyOptional({
    maxLength: LONGEST_CONTENT,
    description: 'Needed where there is neither `html` nor `template`',
    example: 'It is attached.',
  })
  @MayBeLeftOut()
  @IsString({ message: 'must be a string; it is needed where there is no html' })
  @Length(1, LONGEST_CONTENT)
  text?: string;

  @ApiPropertyOptional({
    maxLength: LONGEST_CONTENT,
    description: 'Needed where there is neither `text` nor `template`',
  })
  @MayBeLeftOut()
  @IsString()
  @Length(1, LONGEST_CONTENT)
  html?: string;

  @ApiPropertyOptional({
    maxLength: 100,
    example: 'verification-code',
    description: 'In place of subject, text and html',
  })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(100)
  template?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: true,
    description: 'What the template asks for, and nothing else: GET /v1/templates',
  })
  @MayBeLeftOut()
  @IsOpenObject()
  variables?: Record<string, unknown>;

  @IsTemplateLocale()
  locale?: string;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'X-*, References, In-Reply-To, List-* and Importance',
  })
  @MayBeLeftOut()
  @IsOpenObject()
  headers?: Record<string, string>;

  @ApiPropertyOptional({ type: [AttachmentRequest], description: `25 MB together, and ${MOST_ATTACHMENTS} at most` })
  @MayBeLeftOut()
  @IsArray()
  @ArrayMaxSize(MOST_ATTACHMENTS)
  @IsObject({ each: true }) // a list in the list is looked into, and passes for what is in it
  @ValidateNested({ each: true })
  @Type(() => AttachmentRequest)
  attachments?: AttachmentRequest[];

  @ApiPropertyOptional({
    enum: MAIL_LANES,
    description:
      '`critical` for what somebody waits for, `bulk` for fan-out; where it is left out that of the template, else `default`',
  })
  @MayBeLeftOut()
  @IsIn(MAIL_LANES)
  lane?: MailLane;

  @ApiPropertyOptional({ format: 'date-time', description: 'Not before; at most one year ahead. Now when it is over.' })
  @MayBeLeftOut()
  @IsMoment()
  scheduledAt?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Never handed over after this moment' })
  @MayBeLeftOut()
  @IsMoment()
  expiresAt?: string;

  @ApiPropertyOptional({ minimum: 1, maximum: 50, description: ATTEMPTS_LEFT_OUT })
  @MayBeLeftOut()
  @IsInt()
  @Min(1)
  @Max(50)
  maxAttempts?: number;

  @ApiPropertyOptional({ type: [String], maxItems: MOST_TAGS, description: 'Words to find it by' })
  @MayBeLeftOut()
  @IsArray()
  @IsString({ each: true })
  tags?: string[];

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: `At most ${MOST_METADATA} texts of your own, by name; they come back in answers and webhooks`,
  })
  @MayBeLeftOut()
  @IsOpenObject()
  metadata?: Record<string, string>;

  @ApiPropertyOptional({
    description: 'Whether it carries a way to leave (RFC 8058); `true` in lane bulk unless given',
  })
  @MayBeLeftOut()
  @IsBoolean()
  unsubscribe?: boolean;
}
