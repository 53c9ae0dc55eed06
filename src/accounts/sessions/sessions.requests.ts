import { ApiProperty } from '@nestjs/swagger';
import { MAX_ADDRESS_LENGTH } from '../../core/email-address.js';
import { IsMailAddress } from '../../core/is-mail-address.js';
import { IsPassword } from '../requests.js';

export class SignInRequest {
  @ApiProperty({ format: 'email', maxLength: MAX_ADDRESS_LENGTH, example: 'ada@example.com' })
  @IsMailAddress()
  email!: string;

  @ApiProperty({ maxLength: 128 })
  @IsPassword()
  password!: string;
}
