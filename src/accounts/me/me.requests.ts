import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsLocale, IsString, Length, Matches, MaxLength } from 'class-validator';
import { MayBeLeftOut, MayBeNull } from '../../core/left-out.js';
import { IsPassword } from '../requests.js';

export class ChangeMeRequest {
  @ApiPropertyOptional({ type: String, nullable: true, maxLength: 100, example: 'Ada', description: 'null takes it away' })
  @MayBeNull()
  @IsString()
  @Length(1, 100)
  @Matches(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, { message: 'must be one line without control characters' })
  name?: string | null;

  @ApiPropertyOptional({ type: String, nullable: true, description: 'BCP 47; the language of mails, English where there is none', example: 'en' })
  @MayBeNull()
  @IsString()
  @MaxLength(35)
  @IsLocale({ message: 'must be a language tag such as en or de-AT' })
  locale?: string | null;
}

/** For what a stolen session must not do. */
export class ProofRequest {
  @ApiPropertyOptional({ maxLength: 128, description: 'In place of a recent reauthentication' })
  @MayBeLeftOut()
  @IsPassword()
  currentPassword?: string;
}

export class ChangePasswordRequest extends ProofRequest {
  @ApiProperty({ minLength: 8, maxLength: 128 })
  @IsPassword()
  newPassword!: string;
}
