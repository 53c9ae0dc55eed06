import {
  applyDecorators,
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiExtension } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { Doer } from '../audit/audit.js';
import { bearerOf, type Doorkeeper, sourceOf } from '../core/credentials.js';
import { Logger } from '../core/logger.js';
import { ACCESS_EXTENSION } from '../core/problem-docs.js';
import { Problem } from '../core/problems.js';
import { type ApiKeyRecord, ApiKeys, KEY_START, type KeyCheck } from './api-keys.js';
import { allows, reaches, type AccountRole, type Scope, type StaffRole } from './access-policy.js';

/** A person who is signed in, whatever their role. */
export interface Member {
  accountId: string;
  sessionId: string;
  role: AccountRole;
}

/** Who is behind an access token. What an account is, the rooms above know; src/accounts/staff.module.ts tells. */
export abstract class Staff {
  /** By what Postgres says at this moment: undefined from the moment the session was revoked. */
  abstract authenticate(token: string): Promise<Member | undefined>;
}

/** A back end that was let in by its key. */
export interface KeyCaller {
  kind: 'api_key';
  key: ApiKeyRecord;
  /** Ids of its keys, this one and all that rotating made of them; looked up once, when it is first asked for. */
  line: () => Promise<readonly string[]>;
}

/** Who was let in: a back end by its key, or a person by their session. */
export type CallerIdentity = KeyCaller | { kind: 'member'; member: Member };

interface AuthenticatedRequest extends FastifyRequest {
  caller?: CallerIdentity;
}

/**
 * What a route behind {@link AccessGuard} asks for: a key with the scope, or a person with the role (admin where it
 * names none).
 */
interface Permission {
  scope: Scope;
  /** Lets a key in too, to what is its own alone: the route asks {@link ownerOf}. */
  own?: Scope;
  role?: StaffRole;
}

/** For the description of a route. */
export function inWords({ scope, role = 'admin' }: Permission): string {
  return `Scope ${scope}, or ${role === 'viewer' ? 'a' : 'an'} ${role}.`;
}

const Allowed = Reflector.createDecorator<Permission>();

/** On a call that is carried out once for each `Idempotency-Key`. */
export const Keyed = Reflector.createDecorator<true>();

/** A route that says nothing is for admins. */
export function Allow(permission: Permission): ClassDecorator & MethodDecorator {
  return applyDecorators(Allowed(permission), ApiExtension(ACCESS_EXTENSION, permission));
}

/** The same for a route whose bodies are large: none of it is read before it is known who sends it. */
export function AllowBeforeBody(
  permission: Permission,
  config: { bodyLimit: number; rawBody?: boolean; large?: 'held' | 'streamed'; types?: readonly string[] },
): MethodDecorator {
  return applyDecorators(Allow(permission), RouteConfig({ ...config, doorkeeper: AccessGuard, permission }));
}

const REALM = { 'www-authenticate': 'Bearer realm="api"' };

/** Lets a request in that carries an API key with the route's scope, or the access token of a person with its role. */
@Injectable()
export class AccessGuard implements CanActivate, Doorkeeper {
  constructor(
    private readonly keys: ApiKeys,
    private readonly staff: Staff,
    private readonly reflector: Reflector,
    private readonly log: Logger,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    if (!request.caller) {
      await this.letIn(
        request,
        this.reflector.getAllAndOverride(Allowed, [context.getHandler(), context.getClass()]) ?? { scope: 'admin' },
      );
    } // else let in before its body was read
    if (!this.reflector.get(Keyed, context.getHandler())) refuseKey(request);
    return true;
  }

  /** On a route of {@link AllowBeforeBody}. */
  async admit(request: AuthenticatedRequest): Promise<void> {
    await this.letIn(request, (request.routeOptions.config as unknown as { permission: Permission }).permission);
  }

  /**
   * Whether somebody would be let in at this moment, for what outlives its request.
   * @param authorization as the request had it
   */
  async stillOpens(authorization: string | undefined, { scope, role = 'admin' }: Permission): Promise<boolean> {
    try {
      return refusalOf(await this.identify(bearerOf(authorization)), [scope], role) === undefined;
    } catch (error) {
      if (error instanceof Problem) return false;
      throw error;
    }
  }

  private async letIn(request: AuthenticatedRequest, { scope, own, role = 'admin' }: Permission): Promise<void> {
    const caller = await this.identify(bearerOf(request.headers.authorization));
    const refusal = refusalOf(caller, own === undefined ? [scope] : [scope, own], role);
    if (refusal) {
      this.log.info(
        { requestId: request.id, actor: doerOf(caller, request).actor, scope, role },
        'refused: the right is missing',
      );
      throw refusal;
    }
    request.caller = caller;
  }

  private async identify(token: string | undefined): Promise<CallerIdentity> {
    if (token === undefined)
      throw unauthorized('This call needs an API key, or the access token of a member of staff.');
    if (token.startsWith(KEY_START)) {
      const key = goodKey(await this.keys.authenticate(token));
      let line: Promise<readonly string[]> | undefined;
      return { kind: 'api_key', key, line: () => (line ??= this.keys.line(key.id)) };
    }
    const member = await this.staff.authenticate(token);
    if (!member) throw unauthorized('This is neither an API key nor an access token that is still good.');
    return { kind: 'member', member };
  }
}

/** Whoever sends the key of a request counts on it. @throws Problem `validation_failed` where it would mean nothing */
function refuseKey({ method, headers }: FastifyRequest): void {
  if (method === 'GET' || method === 'HEAD' || headers['idempotency-key'] === undefined) return;
  const message =
    'means nothing to this call: leave it out, and look at what became of the request before you repeat it';
  throw new Problem('validation_failed', {
    errors: [{ field: 'Idempotency-Key', code: 'not_for_this', message }],
  });
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

/** @param scopes one of them is enough; the first is what a key that has none is told to get */
function refusalOf(caller: CallerIdentity, scopes: [Scope, ...Scope[]], role: StaffRole): Problem | undefined {
  if (caller.kind === 'member') return reaches(caller.member.role, role) ? undefined : roleMissing(role);
  return scopes.some((scope) => allows(caller.key.scopes, scope)) ? undefined : scopeMissing(scopes[0]);
}

/** Of a call whose body decides what it takes. @throws Problem `role_missing` for a person without the role */
export function requireRole(caller: CallerIdentity, role: StaffRole): void {
  if (caller.kind === 'member' && !reaches(caller.member.role, role)) throw roleMissing(role);
}

/**
 * Who may see its own alone: what its line of keys sent. Undefined for whoever may see all, and for who holds neither
 * scope.
 */
export function ownerOf(caller: CallerIdentity, scope: Scope, own: Scope): KeyCaller | undefined {
  if (caller.kind === 'member' || allows(caller.key.scopes, scope)) return undefined;
  return allows(caller.key.scopes, own) ? caller : undefined;
}

function unauthorized(detail: string): Problem {
  return new Problem('unauthorized', {
    detail,
    remedy:
      'Send "Authorization: Bearer otp_live_…" (an operator makes a key with: otpost keys create), or an access token from signing in.',
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
  const actor =
    caller.kind === 'api_key'
      ? { kind: 'api_key' as const, id: caller.key.id }
      : { kind: 'account' as const, id: caller.member.accountId };
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
