import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, Length, Matches } from 'class-validator';
import { MAX_ADDRESS_LENGTH } from '../../core/email-address.js';
import { IsMailAddress } from '../../core/is-mail-address.js';
import { MayBeLeftOut } from '../../core/left-out.js';
import { IsPassword } from '../requests.js';

export class SetupRequest {
  @ApiProperty({ description: 'The end of the link that the start printed' })
  @IsString()
  @Length(1, 200)
  token!: string;

  @ApiProperty({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com' })
  @IsMailAddress()
  email!: string;

  @ApiPropertyOptional({ maxLength: 100, example: 'Ada' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, 100)
  @Matches(/^[^\p{Cc}\p{Zl}\p{Zp}]*$/u, { message: 'must be one line without control characters' })
  name?: string;

  @ApiPropertyOptional({ minLength: 8, maxLength: 128, description: 'Without one, codes sign in' })
  @MayBeLeftOut()
  @IsPassword()
  password?: string;
}
