import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsLocale, IsOptional, IsString, Length, Matches, MaxLength, ValidateBy, ValidateIf } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../core/email-address.js';
import { IsMailAddress } from '../core/is-mail-address.js';

/** Present at all is too much. */
function IsNotSupported(message: string): PropertyDecorator {
  return ValidateBy({ name: 'not_supported', validator: { validate: () => false, defaultMessage: () => message } });
}

export class RegisterRequest {
  @ApiProperty({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com' })
  @IsMailAddress()
  email!: string;

  @ApiPropertyOptional({ maxLength: 100, example: 'Ada' })
  @IsOptional()
  @IsString()
  @Length(1, 100)
  @Matches(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, { message: 'must be one line without control characters' })
  name?: string;

  @ApiPropertyOptional({ description: 'BCP 47; the language of mails, English where there is none', example: 'en' })
  @IsOptional()
  @IsString()
  @MaxLength(35)
  @IsLocale({ message: 'must be a language tag such as en or de-AT' })
  locale?: string;

  @ValidateIf((_, value) => value !== undefined)
  @IsNotSupported('is not taken by this version: leave it out, the code signs in')
  password?: never;
}

export class VerifyRequest {
  @ApiProperty({ pattern: '^[0-9]{6}$', example: '042137' })
  @Matches(/^[0-9]{6}$/, { message: 'must be the six digits of the mail, as a string' })
  code!: string;
}

export class RefreshRequest {
  @ApiProperty()
  @IsString()
  @Length(1, 200)
  refreshToken!: string;
}
