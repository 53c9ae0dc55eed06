import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsLocale, IsNotEmpty, IsString, Length, Matches, MaxLength, ValidateIf } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../core/email-address.js';
import { IsMailAddress } from '../core/is-mail-address.js';
import { MayBeLeftOut } from '../core/left-out.js';
import { IsCode } from '../otp/is-code.js';
import { PUBLIC_PURPOSES, type PublicPurpose } from './code-requests.js';

/** Whether it is a good one is said by passwords/password-policy.ts; this only bounds what is looked at. */
export function IsPassword(): PropertyDecorator {
  return applyDecorators(IsString(), MaxLength(1_024), IsNotEmpty());
}

export class RegisterRequest {
  @ApiProperty({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com' })
  @IsMailAddress()
  email!: string;

  @ApiPropertyOptional({ maxLength: 100, example: 'Ada' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, 100)
  @Matches(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, { message: 'must be one line without control characters' })
  name?: string;

  @ApiPropertyOptional({ description: 'BCP 47; the language of mails, English where there is none', example: 'en' })
  @MayBeLeftOut()
  @IsString()
  @MaxLength(35)
  @IsLocale({ message: 'must be a language tag such as en or de-AT' })
  locale?: string;

  @ApiPropertyOptional({ minLength: 8, maxLength: 128, description: 'Without one, codes sign in' })
  @MayBeLeftOut()
  @IsPassword()
  password?: string;
}

export class CodeRequest {
  @ApiProperty({ enum: [...PUBLIC_PURPOSES, 'reauthenticate'], description: 'reauthenticate: with the access token of whoever is signed in, and without an address' })
  @IsIn([...PUBLIC_PURPOSES, 'reauthenticate'], { message: `must be one of ${PUBLIC_PURPOSES.join(', ')}, or reauthenticate` })
  purpose!: PublicPurpose | 'reauthenticate';

  @ApiPropertyOptional({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com' })
  @ValidateIf(({ purpose, email }: CodeRequest) => purpose !== 'reauthenticate' || email !== undefined)
  @IsMailAddress()
  email?: string;
}

export class ChangeEmailRequest {
  @ApiProperty({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.org' })
  @IsMailAddress()
  email!: string;

  @ApiPropertyOptional({ description: 'In place of a recent sign-in or reauthentication' })
  @MayBeLeftOut()
  @IsPassword()
  currentPassword?: string;
}

export class VerifyRequest {
  @ApiProperty({ maxLength: 64, example: '042137', description: 'Six digits of any script; blanks, dashes and invisible characters between them do not matter' })
  @IsCode(/^[0-9]{6}$/, 'the six digits')
  code!: string;

  @ApiPropertyOptional({ minLength: 8, maxLength: 128, description: 'With a code of reset_password, and only there' })
  @MayBeLeftOut()
  @IsPassword()
  newPassword?: string;
}

export class RefreshRequest {
  @ApiProperty()
  @IsString()
  @Length(1, 200)
  refreshToken!: string;
}
