import { Inject, Injectable } from '@nestjs/common';
import { bearerOf } from '../../core/credentials.js';
import { AccessTokens } from '../tokens/access-tokens.js';
import { type LiveSession, Sessions } from './sessions.js';

/** Who is signed in, for calls that strangers may make as well; where nobody may else, that is bearer.guard.ts. */
@Injectable()
export class SessionHolders {
  constructor(
    @Inject(AccessTokens) private readonly tokens: AccessTokens,
    @Inject(Sessions) private readonly sessions: Sessions,
  ) {}

  async of(authorization: string | undefined): Promise<LiveSession | undefined> {
    const token = bearerOf(authorization);
    const claims = token === undefined ? undefined : await this.tokens.read(token);
    return claims && this.sessions.find(claims.sessionId);
  }
}
