import { Global, Injectable, Module } from '@nestjs/common';
import { type Member, Staff } from '../access/access.guard.js';
import { PageReader } from '../http/pages/page-frame.js';
import { AccountsModule } from './accounts.module.js';
import { PageSignIn } from './pages/page-cookies.js';
import { Sessions } from './sessions/sessions.js';
import { AccessTokens } from './tokens/access-tokens.js';
import { isFormer } from './tokens/session-policy.js';

/**
 * Session and role as Postgres has them now, never as the token says: a revoked one opens nothing from that moment on.
 */
@Injectable()
class AccountStaff extends Staff {
  constructor(
    private readonly tokens: AccessTokens,
    private readonly sessions: Sessions,
  ) {
    super();
  }

  async authenticate(token: string): Promise<Member | undefined> {
    const claims = await this.tokens.read(token);
    const found = claims && (await this.sessions.find(claims.sessionId));
    if (!found || isFormer(claims.authTime, found.session)) return undefined;
    return { accountId: found.account.id, sessionId: found.session.id, role: found.account.role };
  }
}

/**
 * Tells the rooms below, wherever they ask who is behind an access token or reads a page; they may not import this one.
 */
@Global()
@Module({
  imports: [AccountsModule],
  providers: [
    { provide: Staff, useClass: AccountStaff },
    { provide: PageReader, useExisting: PageSignIn },
  ],
  exports: [Staff, PageReader],
})
export class StaffModule {}
