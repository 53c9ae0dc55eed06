import { ApiProperty } from '@nestjs/swagger';
import { MOMENT, WORD } from '../../core/shapes.js';
import type { Account, Session } from '../../generated/prisma/client.js';
import type { AccountRole } from '../../generated/prisma/enums.js';
import { deviceWords } from '../notices/notices.js';
import type { IssuedTokens } from '../sessions/refresh-tokens.js';
import { endOf } from '../tokens/session-policy.js';

export class AccountView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ format: 'email' })
  email!: string;

  @ApiProperty(WORD)
  name!: string | null;

  @ApiProperty({ ...WORD, description: 'BCP 47' })
  locale!: string | null;

  @ApiProperty({ enum: ['user', 'viewer', 'operator', 'admin'] })
  role!: AccountRole;

  @ApiProperty({ description: 'Without one, codes sign in' })
  hasPassword!: boolean;

  @ApiProperty({ format: 'date-time' })
  emailVerifiedAt!: string;

  @ApiProperty({ ...WORD, description: 'A verified number in E.164' })
  phone!: string | null;

  @ApiProperty(MOMENT)
  phoneVerifiedAt!: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  static of(account: Account): AccountView {
    const { id, email, name, locale, role, passwordHash, emailVerifiedAt, phone, phoneVerifiedAt, createdAt } = account;
    const moments = {
      emailVerifiedAt: emailVerifiedAt.toISOString(),
      phoneVerifiedAt: phoneVerifiedAt?.toISOString() ?? null,
      createdAt: createdAt.toISOString(),
    };
    return { id, email, phone, name, locale, role, hasPassword: passwordHash !== null, ...moments };
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

  @ApiProperty({
    description: 'Show it again in the header Otpost-Device: the device then has limits of its own. It opens nothing',
  })
  deviceToken!: string;

  static of(account: Account, tokens: IssuedTokens, deviceToken: string): SignedInView {
    return { account: AccountView.of(account), ...tokens, deviceToken };
  }
}

export class SessionView {
  @ApiProperty({ format: 'uuid' })
  id!: string;

  @ApiProperty({ description: 'The one that asks' })
  current!: boolean;

  @ApiProperty({ enum: ['code', 'link', 'password'], description: 'How it began' })
  method!: string;

  @ApiProperty(WORD)
  userAgent!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'Firefox on Linux',
    description: 'As far as the user agent tells',
  })
  device!: string | null;

  @ApiProperty({ ...WORD, description: 'Where it began' })
  ip!: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt!: string;

  @ApiProperty({ format: 'date-time' })
  lastUsedAt!: string;

  @ApiProperty({
    format: 'date-time',
    description: 'Unless it is used again before, and 90 days after it began at the latest',
  })
  expiresAt!: string;

  static of(session: Session, currentId: string): SessionView {
    const { id, method, userAgent, ip, createdAt, lastUsedAt } = session;
    const device = deviceWords(userAgent);
    const moments = { createdAt: createdAt.toISOString(), lastUsedAt: lastUsedAt.toISOString() };
    return {
      id,
      current: id === currentId,
      method,
      userAgent,
      device,
      ip,
      ...moments,
      expiresAt: endOf(session).toISOString(),
    };
  }
}

export class SessionListView {
  @ApiProperty({ type: [SessionView] })
  items!: SessionView[];

  @ApiProperty({ ...WORD, description: 'Always null: the list is whole' })
  nextCursor!: null;
}
