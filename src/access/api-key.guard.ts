import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Problem } from '../core/problems.js';
import { type ApiKeyRecord, ApiKeys } from './api-keys.js';
import { allows, type Scope } from './scopes.js';

interface AuthenticatedRequest extends FastifyRequest {
  apiKey?: ApiKeyRecord;
}

/** The scope that a route behind {@link ApiKeyGuard} asks for; `admin` where it names none. */
export const Scopes = Reflector.createDecorator<Scope>();

/** Lets a request in that carries an API key with the route's scope. */
@Injectable()
export class ApiKeyGuard implements CanActivate {
  constructor(
    @Inject(ApiKeys) private readonly keys: ApiKeys,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const key = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    const record = key === undefined ? undefined : await this.keys.authenticate(key);
    if (!record) throw keyNeeded(key !== undefined);
    const needed = this.reflector.get(Scopes, context.getHandler()) ?? 'admin';
    if (!allows(record.scopes, needed)) throw scopeMissing(needed);
    request.apiKey = record;
    return true;
  }
}

function keyNeeded(given: boolean): Problem {
  return new Problem('unauthorized', {
    detail: given ? 'This API key is not valid: it is unknown or was revoked.' : 'This call needs an API key.',
    remedy: 'Send "Authorization: Bearer otp_live_…"; an operator makes a key with: otpost keys create.',
    headers: { 'www-authenticate': 'Bearer realm="api"' },
  });
}

function scopeMissing(scope: Scope): Problem {
  return new Problem('scope_missing', {
    detail: `The API key lacks the scope ${scope}.`,
    extensions: { scope },
    // RFC 6750 §3.1
    headers: { 'www-authenticate': `Bearer realm="api", error="insufficient_scope", scope="${scope}"` },
  });
}

/** The key that {@link ApiKeyGuard} let in. */
export const ApiKey = createParamDecorator((_: unknown, context: ExecutionContext): ApiKeyRecord => {
  return context.switchToHttp().getRequest<AuthenticatedRequest>().apiKey!;
});
