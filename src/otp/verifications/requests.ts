import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsLocale, IsString, Matches, Max, MaxLength, Min } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../../core/email-address.js';
import { IsMailAddress } from '../../core/is-mail-address.js';
import { MayBeLeftOut } from '../../core/left-out.js';
import { IsCode } from '../is-code.js';
import { CODE_LENGTH, PURPOSE, TTL_SECONDS, VERIFICATION_TEMPLATES, type VerificationTemplate } from './verification-policy.js';

export class VerificationRequest {
  @ApiProperty({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com', description: 'Whoever it is: no account is made or looked for' })
  @IsMailAddress()
  to!: string;

  @ApiProperty({ pattern: PURPOSE.source, example: 'checkout', description: 'Your name for it. A code for one purpose never works for another.' })
  @Matches(PURPOSE, { message: 'must be 1 to 40 of a-z, 0-9, _ and -' })
  purpose!: string;

  @ApiPropertyOptional({ minimum: TTL_SECONDS.least, maximum: TTL_SECONDS.most, default: TTL_SECONDS.most })
  @MayBeLeftOut()
  @IsInt()
  @Min(TTL_SECONDS.least)
  @Max(TTL_SECONDS.most)
  ttlSeconds?: number;

  @ApiPropertyOptional({ minimum: CODE_LENGTH.least, maximum: CODE_LENGTH.most, default: CODE_LENGTH.least, description: 'Digits' })
  @MayBeLeftOut()
  @IsInt()
  @Min(CODE_LENGTH.least)
  @Max(CODE_LENGTH.most)
  length?: number;

  @ApiPropertyOptional({ enum: VERIFICATION_TEMPLATES, default: VERIFICATION_TEMPLATES[0] })
  @MayBeLeftOut()
  @IsIn(VERIFICATION_TEMPLATES)
  template?: VerificationTemplate;

  @ApiPropertyOptional({ description: 'BCP 47; the language of the mail, English where there is none', example: 'en' })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(35)
  @IsLocale({ message: 'must be a language tag such as en or de-AT' })
  locale?: string;
}

export class CheckRequest {
  @ApiProperty({ maxLength: 64, example: '042137', description: 'Digits of any script; blanks, dashes and invisible characters between them do not matter' })
  @IsCode(/^[0-9]{6,10}$/, 'the digits')
  code!: string;
}
