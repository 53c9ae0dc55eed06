import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../core/problems.js';
import { type AccessClaims, AccessTokens } from './access-tokens.js';

interface AuthenticatedRequest extends FastifyRequest {
  claims?: AccessClaims;
}

/** Lets a request in that carries a good access token (RFC 6750). Whether its session still lives is asked where it matters. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(@Inject(AccessTokens) private readonly tokens: AccessTokens) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const token = /^Bearer ([\w.-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const claims = token === undefined ? undefined : await this.tokens.read(token);
    if (!claims) throw unauthorized();
    request.claims = claims;
    return true;
  }
}

export function unauthorized(): Problem {
  return new Problem('unauthorized', { headers: { 'www-authenticate': 'Bearer' } });
}

/** The claims that {@link BearerGuard} found. */
export const Claims = createParamDecorator((_: unknown, context: ExecutionContext): AccessClaims => {
  return context.switchToHttp().getRequest<AuthenticatedRequest>().claims!;
});
