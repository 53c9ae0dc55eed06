import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsString, Length, Matches, Max, Min, MinLength, ValidateIf } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../../core/email-address.js';
import { IsMailAddress } from '../../core/is-mail-address.js';
import { IsMoment } from '../../core/is-moment.js';
import { type Lane, LANES } from '../../core/lanes.js';
import { MayBeLeftOut } from '../../core/left-out.js';

/** Bytes of a whole request to send; what a message of text and HTML may need, its pictures linked and not inlined. */
export const SEND_BODY_LIMIT = 1024 * 1024;

export const DEFAULT_MAX_ATTEMPTS = 8;

export const RESOLUTIONS = ['sent', 'not_sent', 'failed'] as const;

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
  @ValidateIf(({ text, html }: SendRequest) => text !== undefined || html === undefined)
  @IsString({ message: 'must be a string; it is needed where there is no html' })
  @MinLength(1)
  text?: string;

  @ApiPropertyOptional({ description: 'Needed where there is no `text`' })
  @MayBeLeftOut()
  @IsString()
  @MinLength(1)
  html?: string;

  @ApiPropertyOptional({ format: 'email', maxLength: MAX_ADDRESS_LENGTH })
  @MayBeLeftOut()
  @IsMailAddress()
  replyTo?: string;

  @ApiPropertyOptional({ enum: LANES, default: 'default', description: '`critical` for what somebody waits for, `bulk` for fan-out' })
  @MayBeLeftOut()
  @IsIn(LANES)
  lane?: Lane;

  @ApiPropertyOptional({ format: 'date-time', description: 'Not before; at most one year ahead. Now when it is over.' })
  @MayBeLeftOut()
  @IsMoment()
  scheduledAt?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Never handed over after this moment' })
  @MayBeLeftOut()
  @IsMoment()
  expiresAt?: string;

  @ApiPropertyOptional({ minimum: 1, maximum: 50, default: DEFAULT_MAX_ATTEMPTS })
  @MayBeLeftOut()
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
