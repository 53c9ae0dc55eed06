import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type PipeTransform,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { bearerOf } from '../../core/credentials.js';
import { uuidPipe } from '../../core/ids.js';
import { Problem } from '../../core/problems.js';
import type { Session } from '../../generated/prisma/client.js';
import { AccessTokens } from '../tokens/access-tokens.js';
import { isFormer } from '../tokens/session-policy.js';
import { type LiveSession, Sessions } from './sessions.js';

interface AuthenticatedRequest extends FastifyRequest {
  session?: Session;
}

/**
 * Lets a request in that carries a good access token (RFC 6750) of a session that has not ended, nor was proven anew
 * since (ASVS 5.0, 7.2.4, 7.4.1).
 */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    private readonly tokens: AccessTokens,
    private readonly sessions: Sessions,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const claims = await this.tokens.read(bearerOf(request.headers.authorization));
    const session = claims && (await this.sessions.live(claims.sessionId));
    if (!session || isFormer(claims.authTime, session)) throw unauthorized();
    request.session = session;
    return true;
  }
}

export function unauthorized(): Problem {
  return new Problem('unauthorized', { headers: { 'www-authenticate': 'Bearer' } });
}

/** The session that {@link BearerGuard} found. */
export const CurrentSession = createParamDecorator((_: unknown, context: ExecutionContext): Session => {
  return context.switchToHttp().getRequest<AuthenticatedRequest>().session!;
});

/** With its account: `@CurrentSession(HolderPipe)`. */
@Injectable()
export class HolderPipe implements PipeTransform<Session, Promise<LiveSession>> {
  constructor(private readonly sessions: Sessions) {}

  async transform({ id }: Session): Promise<LiveSession> {
    const holder = await this.sessions.find(id);
    if (!holder) throw unauthorized(); // it ended meanwhile
    return holder;
  }
}

/** Who is signed in, for calls that strangers may make as well; where nobody may else, that is bearer.guard.ts. */
@Injectable()
export class SessionHolders {
  constructor(
    private readonly tokens: AccessTokens,
    private readonly sessions: Sessions,
  ) {}

  async of(authorization: string | undefined): Promise<LiveSession | undefined> {
    const found = await this.evenFormer(authorization);
    return found?.former === false ? found : undefined;
  }

  /**
   * Also by a token from before the last proof: whoever gives that proof a second time, for its answer was lost, has no
   * other.
   */
  async evenFormer(authorization: string | undefined): Promise<(LiveSession & { former: boolean }) | undefined> {
    const claims = await this.tokens.read(bearerOf(authorization));
    const found = claims && (await this.sessions.find(claims.sessionId));
    return found && { ...found, former: isFormer(claims.authTime, found.session) };
  }
}

export const SessionIdPipe = uuidPipe('session_not_found');
