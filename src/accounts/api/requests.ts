import { applyDecorators } from '@nestjs/common';
import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsLocale, IsNotEmpty, IsString, Length, MaxLength, ValidateIf } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../../core/email-address.js';
import { IsMailAddress, IsOneLine, IsPhoneNumber, MayBeLeftOut, MayBeNull } from '../../core/input.js';
import { type Channel, CHANNELS } from '../../core/lanes.js';
import { isOneLine } from '../../core/one-line.js';
import { MAX_NUMBER_LENGTH } from '../../core/phone-number.js';
import { WORD } from '../../core/shapes.js';
import { IsCode } from '../../otp/challenge-view.js';
import { ASKABLE_PURPOSES, type AskablePurpose, purposeRow } from '../../otp/purposes.js';
import { MAX_PASSWORD_INPUT } from '../passwords/password-policy.js';

/** Whether it is a good one is said by passwords/password-policy.ts; this only bounds what is looked at. */
function IsPassword(): PropertyDecorator {
  return applyDecorators(IsString(), MaxLength(MAX_PASSWORD_INPUT), IsNotEmpty());
}

const Email = (example = 'ada@example.com') =>
  applyDecorators(ApiProperty({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example }), IsMailAddress());

const NUMBER = { maxLength: MAX_NUMBER_LENGTH, example: '+639171234567' };

const Token = (description?: string) =>
  applyDecorators(ApiProperty(description === undefined ? {} : { description }), IsString(), Length(1, 200));

export const MAX_NAME_LENGTH = 100;
const NAME = { maxLength: MAX_NAME_LENGTH, example: 'Ada' };
const IsName = () => applyDecorators(IsString(), Length(1, MAX_NAME_LENGTH), IsOneLine());
const Name = () => applyDecorators(ApiPropertyOptional(NAME), MayBeLeftOut(), IsName());

/** The same of a form, where an empty one is none. */
export function isNameFit(typed: string): boolean {
  return typed.length <= MAX_NAME_LENGTH && isOneLine(typed);
}

const LOCALE = { description: 'BCP 47; the language of mails, English where there is none', example: 'en' };
const IsLanguage = () =>
  applyDecorators(IsString(), MaxLength(35), IsLocale({ message: 'must be a language tag such as en or de-AT' }));

/** A password that may be left out. @param bounds of its length, as far as they are told */
const OptionalPassword = (bounds: { minLength?: number; maxLength?: number }, description: string) =>
  applyDecorators(ApiPropertyOptional({ ...bounds, description }), MayBeLeftOut(), IsPassword());
const NEW_PASSWORD = { minLength: 8, maxLength: 128 };
const WITHOUT = 'Without one, codes sign in';

export class RegisterRequest {
  @Email()
  email!: string;

  @Name()
  name?: string;

  @ApiPropertyOptional(LOCALE)
  @MayBeLeftOut()
  @IsLanguage()
  locale?: string;

  @OptionalPassword(NEW_PASSWORD, WITHOUT)
  password?: string;
}

export class CodeRequest {
  @ApiProperty({
    enum: ASKABLE_PURPOSES,
    description: 'reauthenticate: with the access token of whoever is signed in, and without an address',
  })
  @IsIn(ASKABLE_PURPOSES, {
    message: `must be one of ${ASKABLE_PURPOSES.slice(0, -1).join(', ')}, or ${ASKABLE_PURPOSES.at(-1)}`,
  })
  purpose!: AskablePurpose;

  @ApiPropertyOptional({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com' })
  @ValidateIf(
    ({ purpose, email, phone }: CodeRequest) =>
      email !== undefined || (phone === undefined && purposeRow(purpose)?.asked !== 'in_session'),
  )
  @IsMailAddress()
  email?: string;

  @ApiPropertyOptional({
    ...NUMBER,
    description: 'In place of the address, with SMS_SIGN_IN=on: to login and reset_password',
  })
  @MayBeLeftOut()
  @IsPhoneNumber()
  phone?: string;

  @ApiPropertyOptional({ enum: CHANNELS, default: 'email', description: 'Of reauthenticate; sms with SMS_SIGN_IN=on' })
  @MayBeLeftOut()
  @IsIn(CHANNELS)
  channel?: Channel;
}

export class ResendCodeRequest {
  @ApiPropertyOptional({
    enum: ['email'],
    description:
      'Where a code to login, reset_password or reauthenticate went to a number: to the address of its account this time',
  })
  @MayBeLeftOut()
  @IsIn(['email'])
  channel?: 'email';
}

export class ChangePhoneRequest {
  @ApiProperty({ ...NUMBER, description: 'With its country (E.164)' })
  @IsPhoneNumber()
  phone!: string;

  @OptionalPassword({}, 'In place of a recent sign-in or reauthentication')
  currentPassword?: string;
}

export class ChangeEmailRequest {
  @Email('ada@example.org')
  email!: string;

  @OptionalPassword({}, 'In place of a recent sign-in or reauthentication')
  currentPassword?: string;
}

export class VerifyRequest {
  @ApiProperty({
    maxLength: 64,
    example: '042137',
    description: 'Six digits of any script; blanks, dashes and invisible characters between them do not matter',
  })
  @IsCode(/^[0-9]{6}$/, 'the six digits')
  code!: string;

  @OptionalPassword(NEW_PASSWORD, 'With a code of reset_password, and only there')
  newPassword?: string;
}

export class RefreshRequest {
  @Token()
  refreshToken!: string;
}

export class ChangeMeRequest {
  @ApiPropertyOptional({ ...WORD, ...NAME, description: 'null takes it away' })
  @MayBeNull()
  @IsName()
  name?: string | null;

  @ApiPropertyOptional({ ...WORD, ...LOCALE })
  @MayBeNull()
  @IsLanguage()
  locale?: string | null;
}

/** For what a stolen session must not do. */
export class ProofRequest {
  @OptionalPassword({ maxLength: 128 }, 'In place of a recent reauthentication')
  currentPassword?: string;
}

export class ChangePasswordRequest extends ProofRequest {
  @ApiProperty(NEW_PASSWORD)
  @IsPassword()
  newPassword!: string;
}

export class SignInRequest {
  @Email()
  email!: string;

  @ApiProperty({ maxLength: 128 })
  @IsPassword()
  password!: string;
}

export class SetupRequest {
  @Token('The end of the link that the start printed')
  token!: string;

  @Email()
  email!: string;

  @Name()
  name?: string;

  @OptionalPassword(NEW_PASSWORD, WITHOUT)
  password?: string;
}
