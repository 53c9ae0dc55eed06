import { Inject, Injectable } from '@nestjs/common';
import { type Member, Staff } from '../../access/staff.js';
import { AccessTokens } from '../tokens/access-tokens.js';
import { Sessions } from '../sessions/sessions.js';

/** Session and role as Postgres has them now, never as the token says: a revoked one opens nothing from that moment on. */
@Injectable()
export class AccountStaff extends Staff {
  constructor(
    @Inject(AccessTokens) private readonly tokens: AccessTokens,
    @Inject(Sessions) private readonly sessions: Sessions,
  ) {
    super();
  }

  async authenticate(token: string): Promise<Member | undefined> {
    const claims = await this.tokens.read(token);
    const found = claims && (await this.sessions.find(claims.sessionId));
    return found && { accountId: found.account.id, sessionId: found.session.id, role: found.account.role };
  }
}
