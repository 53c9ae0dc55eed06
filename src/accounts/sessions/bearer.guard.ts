import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { bearerOf } from '../../core/credentials.js';
import { Problem } from '../../core/problems.js';
import type { Session } from '../../generated/prisma/client.js';
import { AccessTokens } from '../tokens/access-tokens.js';
import { Sessions } from './sessions.js';

interface AuthenticatedRequest extends FastifyRequest {
  session?: Session;
}

/** Lets a request in that carries a good access token (RFC 6750) of a session that has not ended (ASVS 5.0, 7.4.1). */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    @Inject(AccessTokens) private readonly tokens: AccessTokens,
    @Inject(Sessions) private readonly sessions: Sessions,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const token = bearerOf(request.headers.authorization);
    const claims = token === undefined ? undefined : await this.tokens.read(token);
    const session = claims && (await this.sessions.live(claims.sessionId));
    if (!session) throw unauthorized();
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
