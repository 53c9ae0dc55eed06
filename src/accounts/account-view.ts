import { ApiProperty } from '@nestjs/swagger';
import type { Account } from '../generated/prisma/client.js';
import type { AccountRole } from '../generated/prisma/enums.js';
import type { IssuedTokens } from './sessions/sessions.js';

export class AccountView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'email' })
  email!: string;

  @ApiProperty({ type: String, nullable: true })
  name!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'BCP 47' })
  locale!: string | null;

  @ApiProperty({ enum: ['user', 'operator', 'admin'] })
  role!: AccountRole;

  @ApiProperty({ description: 'Without one, codes sign in' })
  hasPassword!: boolean;

  @ApiProperty({ format: 'date-time' })
  emailVerifiedAt!: string;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  static of(account: Account): AccountView {
    return {
      id: account.id,
      email: account.email,
      name: account.name,
      locale: account.locale,
      role: account.role,
      hasPassword: account.passwordHash !== null,
      emailVerifiedAt: account.emailVerifiedAt.toISOString(),
      createdAt: account.createdAt.toISOString(),
    };
  }
}

export class TokensView {
  @ApiProperty({ description: 'EdDSA JWT; verify it with /.well-known/jwks.json' })
  accessToken!: string;

  @ApiProperty({ description: 'Opaque, good for one refresh' })
  refreshToken!: string;

  @ApiProperty({ example: 900, description: 'Seconds the access token is good for' })
  expiresIn!: number;
}

export class SignedInView extends TokensView {
  @ApiProperty()
  account!: AccountView;

  @ApiProperty({ description: 'Show it again in the header Otpost-Device: the device then has limits of its own. It opens nothing' })
  deviceToken!: string;

  static of(account: Account, tokens: IssuedTokens, deviceToken: string): SignedInView {
    return { account: AccountView.of(account), ...tokens, deviceToken };
  }
}
