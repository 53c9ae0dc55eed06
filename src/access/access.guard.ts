import { applyDecorators, type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import type { Doer } from '../audit/audit.js';
import { bearerOf } from '../core/credentials.js';
import type { Doorkeeper } from '../core/doorkeeper.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { Problem } from '../core/problems.js';
import { sourceOf } from '../core/request-source.js';
import { type ApiKeyRecord, ApiKeys, KEY_START, type KeyCheck } from './api-keys.js';
import { allows, type Scope } from './scopes.js';
import { type Member, reaches, Staff, type StaffRole } from './staff.js';

/** Who was let in: a back end by its key, or a person by their session. */
export type CallerIdentity = { kind: 'api_key'; key: ApiKeyRecord } | { kind: 'member'; member: Member };

interface AuthenticatedRequest extends FastifyRequest {
  caller?: CallerIdentity;
}

/** What a route behind {@link AccessGuard} asks for: a key with the scope, or a person with the role (admin where it names none). */
export interface Permission {
  scope: Scope;
  role?: StaffRole;
}

/** A route that says nothing is for admins. */
export const Allow = Reflector.createDecorator<Permission>();

/** The same for a route whose bodies are large: none of it is read before it is known who sends it. */
export function AllowBeforeBody(permission: Permission, config: { bodyLimit: number; rawBody?: boolean }): MethodDecorator {
  return applyDecorators(Allow(permission), RouteConfig({ ...config, doorkeeper: AccessGuard, permission }));
}

const REALM = { 'www-authenticate': 'Bearer realm="api"' };

/** Lets a request in that carries an API key with the route's scope, or the access token of a person with its role. */
@Injectable()
export class AccessGuard implements CanActivate, Doorkeeper {
  constructor(
    @Inject(ApiKeys) private readonly keys: ApiKeys,
    @Inject(Staff) private readonly staff: Staff,
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    if (request.caller) return true; // let in before its body was read
    await this.letIn(request, this.reflector.getAllAndOverride(Allow, [context.getHandler(), context.getClass()]) ?? { scope: 'admin' });
    return true;
  }

  /** On a route of {@link AllowBeforeBody}. */
  async admit(request: AuthenticatedRequest): Promise<void> {
    await this.letIn(request, (request.routeOptions.config as unknown as { permission: Permission }).permission);
  }

  private async letIn(request: AuthenticatedRequest, { scope, role = 'admin' }: Permission): Promise<void> {
    const caller = await this.identify(bearerOf(request.headers.authorization));
    const refusal = refusalOf(caller, scope, role);
    if (refusal) {
      this.log.info({ requestId: request.id, actor: doerOf(caller, request).actor, scope, role }, 'refused: the right is missing');
      throw refusal;
    }
    request.caller = caller;
  }

  private async identify(token: string | undefined): Promise<CallerIdentity> {
    if (token === undefined) throw unauthorized('This call needs an API key, or the access token of a member of staff.');
    if (token.startsWith(KEY_START)) return { kind: 'api_key', key: goodKey(await this.keys.authenticate(token)) };
    const member = await this.staff.authenticate(token);
    if (!member) throw unauthorized('This is neither an API key nor an access token that is still good.');
    return { kind: 'member', member };
  }
}

function goodKey(check: KeyCheck): ApiKeyRecord {
  switch (check.kind) {
    case 'good':
      return check.record;
    case 'expired':
      throw unauthorized(`This API key is not valid: it expired at ${check.at.toISOString()}.`);
    case 'revoked':
      throw unauthorized('This API key is not valid: it was revoked.');
    case 'unknown':
      throw unauthorized('This API key is not valid: it is unknown.');
  }
}

function refusalOf(caller: CallerIdentity, scope: Scope, role: StaffRole): Problem | undefined {
  if (caller.kind === 'member') return reaches(caller.member.role, role) ? undefined : roleMissing(role);
  return allows(caller.key.scopes, scope) ? undefined : scopeMissing(scope);
}

function unauthorized(detail: string): Problem {
  return new Problem('unauthorized', {
    detail,
    remedy: 'Send "Authorization: Bearer otp_live_…" (an operator makes a key with: otpost keys create), or an access token from signing in.',
    headers: REALM,
  });
}

function scopeMissing(scope: Scope): Problem {
  return new Problem('scope_missing', {
    detail: `The API key lacks the scope ${scope}.`,
    extensions: { scope },
    // RFC 6750 §3.1
    headers: { 'www-authenticate': `${REALM['www-authenticate']}, error="insufficient_scope", scope="${scope}"` },
  });
}

function roleMissing(role: StaffRole): Problem {
  return new Problem('role_missing', {
    detail: `The account lacks the role ${role}.`,
    extensions: { role },
    headers: { 'www-authenticate': `${REALM['www-authenticate']}, error="insufficient_scope"` },
  });
}

function doerOf(caller: CallerIdentity, request: FastifyRequest): Doer {
  const actor = caller.kind === 'api_key' ? { kind: 'api_key' as const, id: caller.key.id } : { kind: 'account' as const, id: caller.member.accountId };
  return { actor, source: sourceOf(request) };
}

/** Who {@link AccessGuard} let in. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): CallerIdentity => {
  return context.switchToHttp().getRequest<AuthenticatedRequest>().caller!;
});

/** The same, as the audit record names it. */
export const By = createParamDecorator((_: unknown, context: ExecutionContext): Doer => {
  const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
  return doerOf(request.caller!, request);
});
