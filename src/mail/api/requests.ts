import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, IsString, isISO8601, Length, Matches, Max, Min, MinLength, ValidateBy, ValidateIf } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../../core/email-address.js';
import { IsMailAddress } from '../../core/is-mail-address.js';
import { type Lane, LANES } from '../../core/lanes.js';

/** Bytes of a whole request to send; what a message of text and HTML may need, its pictures linked and not inlined. */
export const SEND_BODY_LIMIT = 1024 * 1024;

export const DEFAULT_MAX_ATTEMPTS = 8;

export const RESOLUTIONS = ['sent', 'not_sent', 'failed'] as const;

/**
 * RFC 3339, with its offset: a local time means another moment on every machine. Its offset must not carry it past the
 * year 9999 either: Postgres stores that, and no reader of ours could read the row.
 */
function IsMoment(): PropertyDecorator {
  return ValidateBy({
    name: 'date_time',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'string' &&
        /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/.test(value) &&
        isISO8601(value, { strict: true }) &&
        new Date(value).getUTCFullYear() <= 9999,
      defaultMessage: () => 'must be a date and time with its offset, such as 2030-01-31T09:00:00Z',
    },
  });
}

export class SendRequest {
  @ApiProperty({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com', description: 'One recipient' })
  @IsMailAddress()
  to!: string;

  @ApiProperty({ maxLength: 500, example: 'Your invoice' })
  @IsString()
  @Length(1, 500)
  @Matches(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, { message: 'must be one line without control characters' })
  subject!: string;

  @ApiPropertyOptional({ description: 'Needed where there is no `html`' })
  @ValidateIf(({ text, html }: SendRequest) => (text ?? undefined) !== undefined || (html ?? undefined) === undefined)
  @IsString({ message: 'must be a string; it is needed where there is no html' })
  @MinLength(1)
  text?: string;

  @ApiPropertyOptional({ description: 'Needed where there is no `text`' })
  @IsOptional()
  @IsString()
  @MinLength(1)
  html?: string;

  @ApiPropertyOptional({ format: 'email', maxLength: MAX_ADDRESS_LENGTH })
  @IsOptional()
  @IsMailAddress()
  replyTo?: string;

  @ApiPropertyOptional({ enum: LANES, default: 'default', description: '`critical` for what somebody waits for, `bulk` for fan-out' })
  @IsOptional()
  @IsIn(LANES)
  lane?: Lane;

  @ApiPropertyOptional({ format: 'date-time', description: 'Not before; at most one year ahead. Now when it is over.' })
  @IsOptional()
  @IsMoment()
  scheduledAt?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Never handed over after this moment' })
  @IsOptional()
  @IsMoment()
  expiresAt?: string;

  @ApiPropertyOptional({ minimum: 1, maximum: 50, default: DEFAULT_MAX_ATTEMPTS })
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(50)
  maxAttempts?: number;
}

export class ResolveRequest {
  @ApiProperty({ enum: RESOLUTIONS, description: 'What you know of it: `not_sent` sends it again' })
  @IsIn(RESOLUTIONS)
  as!: (typeof RESOLUTIONS)[number];
}
