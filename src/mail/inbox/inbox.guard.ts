import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { bearerOf, sameSecret } from '../../core/credentials.js';
import { Problem } from '../../core/problems.js';
import { inboxExists, isFromOurPage, isOurHost } from './inbox-access.js';
import { InboxSession } from './inbox-session.js';

/** Thrown where somebody without the token opens a page; the filter answers with the form. */
export class InboxLocked extends Error {
  override readonly name = 'InboxLocked';
}

/** What a route does without the token: `ask` for it, or `serve` (nothing in it is anyone's mail). Otherwise it refuses. */
export const WithoutToken = Reflector.createDecorator<'ask' | 'serve'>();

/**
 * Mail that was captured holds live codes: whoever reads it can sign in as anybody.
 * INBOX_TOKEN, once set, is asked for in development as well.
 */
@Injectable()
export class InboxGuard implements CanActivate {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(InboxSession) private readonly session: InboxSession,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const { method, headers } = context.switchToHttp().getRequest<FastifyRequest>();
    const { settings } = this;

    if (!inboxExists(settings)) throw new Problem('not_found');
    if (!settings.production && !isOurHost(headers.host, settings)) {
      throw new Problem('not_found', { detail: 'The inbox answers under localhost and the host of APP_URL only.' });
    }
    const facts = { host: headers.host, origin: headers.origin, site: first(headers['sec-fetch-site']) };
    if (method !== 'GET' && method !== 'HEAD' && !isFromOurPage(facts, settings)) throw new Problem('forbidden');

    const token = settings.inboxToken;
    const lock = this.reflector.get(WithoutToken, context.getHandler());
    if (token === undefined || lock === 'serve') return true;
    const bearer = bearerOf(headers.authorization);
    if (bearer !== undefined ? sameSecret(bearer, token) : this.session.isOpen(headers.cookie, token)) return true;
    if (lock === 'ask') throw new InboxLocked('the inbox asks for its token');
    throw new Problem('unauthorized', {
      detail: 'The inbox needs "Authorization: Bearer <INBOX_TOKEN>".',
      headers: { 'WWW-Authenticate': 'Bearer realm="inbox"', 'Cache-Control': 'no-store' },
    });
  }
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
