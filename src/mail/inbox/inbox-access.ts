import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { bearerOf, sameSecret } from '../../core/credentials.js';
import { Keyring } from '../../core/keyring.js';
import { Problem } from '../../core/problems.js';
import { factsOf, isFromOurPage, isOurHost } from '../../http/pages/origin.js';
import type { Cookie } from '../../http/pages/page-frame.js';

/** What has to be known of the deployment. */
export interface InboxSetting {
  production: boolean;
  mail: { transports: { kind: string }[] };
  sms: { transports: { kind: string }[] };
  inboxToken: string | undefined;
}

/** The inbox exists where mail or texts are captured; in production only behind a token. */
export function inboxExists({ mail, sms, production, inboxToken }: InboxSetting): boolean {
  return (captures(mail) || captures(sms)) && (!production || inboxToken !== undefined);
}

export function capturesMail({ mail }: Pick<InboxSetting, 'mail'>): boolean {
  return captures(mail);
}

function captures({ transports }: InboxSetting['mail']): boolean {
  return transports.some(({ kind }) => kind === 'capture');
}

const COOKIE = 'otpost_inbox';
const LIFETIME_SECONDS = 12 * 60 * 60;

/**
 * What a browser holds once somebody entered INBOX_TOKEN: the end of the session and a keyed hash of it,
 * never the token. It ends early when INBOX_TOKEN or APP_SECRET changes.
 */
@Injectable()
export class InboxSession {
  constructor(
    private readonly settings: Settings,
    private readonly keyring: Keyring,
    private readonly clock: Clock,
  ) {}

  /** Begins a session. */
  begin(token: string): Cookie {
    const end = Math.floor(this.clock.now().getTime() / 1000) + LIFETIME_SECONDS;
    const secure = this.settings.production || this.settings.http.appUrl.startsWith('https:');
    const options = { path: '/inbox', maxAge: LIFETIME_SECONDS, httpOnly: true, sameSite: 'strict', secure } as const;
    return { name: COOKIE, value: this.value(end, token), options };
  }

  /** Whether the cookies hold a session of this token that has not ended. */
  isOpen({ [COOKIE]: value }: Record<string, string | undefined>, token: string): boolean {
    const end = Number(value?.split('.')[0]);
    if (value === undefined || !Number.isSafeInteger(end) || end * 1000 <= this.clock.now().getTime()) return false;
    return sameSecret(value, this.value(end, token));
  }

  private value(end: number, token: string): string {
    const hash = this.keyring.hash(this.keyring.currentId, ['inbox session', token, String(end)]);
    return `${end}.${Buffer.from(hash).toString('base64url')}`;
  }
}

/** Thrown where somebody without the token opens a page; the filter answers with the form. */
export class InboxLocked extends Error {
  override readonly name = 'InboxLocked';
}

/**
 * What a route does without the token: `ask` for it, or `serve` (nothing in it is anyone's mail). Otherwise it refuses.
 */
export const WithoutToken = Reflector.createDecorator<'ask' | 'serve'>();

/**
 * Mail that was captured holds live codes: whoever reads it can sign in as anybody.
 * INBOX_TOKEN, once set, is asked for in development as well.
 */
@Injectable()
export class InboxGuard implements CanActivate {
  constructor(
    private readonly settings: Settings,
    private readonly session: InboxSession,
    private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { method, headers } = request;
    const { settings } = this;

    if (!inboxExists(settings)) throw new Problem('not_found');
    if (!settings.production && !isOurHost(headers.host, settings)) {
      throw new Problem('not_found', { detail: 'The inbox answers under localhost and the host of APP_URL only.' });
    }
    if (method !== 'GET' && method !== 'HEAD' && !isFromOurPage(factsOf(request), settings))
      throw new Problem('forbidden');

    const token = settings.inboxToken;
    const lock = this.reflector.get(WithoutToken, context.getHandler());
    if (token === undefined || lock === 'serve') return true;
    const bearer = bearerOf(headers.authorization);
    if (bearer !== undefined ? sameSecret(bearer, token) : this.session.isOpen(request.cookies, token)) return true;
    if (lock === 'ask') throw new InboxLocked('the inbox asks for its token');
    throw new Problem('unauthorized', {
      detail: 'The inbox needs "Authorization: Bearer <INBOX_TOKEN>".',
      headers: { 'WWW-Authenticate': 'Bearer realm="inbox"', 'Cache-Control': 'no-store' },
    });
  }
}

const EVERYWHERE = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** For what the script and other programs read: it is never a document. */
export const FILE_HEADERS = {
  ...EVERYWHERE,
  'Referrer-Policy': 'no-referrer',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
};

/**
 * For the inbox's own pages. `same-origin` tells other sites nothing either, but under `no-referrer` browsers send
 * `Origin: null` with our own forms (Fetch standard, "append a request Origin header"), and Clear could not be told
 * from a stranger's form.
 */
export const PAGE_HEADERS = {
  ...EVERYWHERE,
  'Referrer-Policy': 'same-origin',
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "frame-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
};
