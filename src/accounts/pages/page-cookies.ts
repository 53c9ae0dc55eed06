import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { type RequestSource, sourceOf } from '../../core/request-source.js';
import { cookieOf } from '../../mail/inbox/inbox-access.js';
import { LIFETIME_MS } from '../../otp/otp-policy.js';
import { ABSOLUTE_MS } from '../sessions/session-policy.js';

const DEVICE_SECONDS = 365 * 24 * 60 * 60;
/** Codes that one browser may be waiting for at the same time. */
const MAX_ASKED = 3;

/**
 * What our own pages keep in a browser: who is signed in, which device it is, and which codes were asked for in it.
 * Where the service is reached by https the names begin with `__Host-`, and no other host, a subdomain included, can set
 * them (RFC 6265bis §4.1.3.2); plain http, in development, knows no such names.
 */
@Injectable()
export class PageCookies {
  private readonly secure: boolean;

  constructor(@Inject(SETTINGS) { http }: Settings) {
    this.secure = http.appUrl.startsWith('https:');
  }

  /** What `Sessions.byCookie` takes. */
  session({ headers }: FastifyRequest): string | undefined {
    return cookieOf(headers.cookie, this.nameOf('session'));
  }

  /** The codes that this browser asked for, the newest first. */
  asked({ headers }: FastifyRequest): string[] {
    return (cookieOf(headers.cookie, this.nameOf('asked')) ?? '').split('.').filter((id) => id !== '');
  }

  /** A device shows itself here by its cookie, and not by the header of the API. */
  sourceOf(request: FastifyRequest): RequestSource {
    return { ...sourceOf(request), deviceToken: cookieOf(request.headers.cookie, this.nameOf('device')) };
  }

  /** The values of Set-Cookie after a sign-in. */
  signedIn({ cookie, deviceToken }: { cookie: string; deviceToken: string }): string[] {
    return [
      this.make('session', cookie, ABSOLUTE_MS / 1_000),
      this.make('device', deviceToken, DEVICE_SECONDS),
      this.make('asked', '', 0),
    ];
  }

  /** The device stays known. */
  signedOut(): string {
    return this.make('session', '', 0);
  }

  waiting(request: FastifyRequest, challengeId: string): string {
    const ids = [challengeId, ...this.asked(request)].slice(0, MAX_ASKED);
    return this.make('asked', ids.join('.'), LIFETIME_MS / 1_000);
  }

  private make(which: Kept, value: string, maxAge: number): string {
    const attributes = ['Path=/', `Max-Age=${maxAge}`, 'HttpOnly', 'SameSite=Lax', ...(this.secure ? ['Secure'] : [])];
    return [`${this.nameOf(which)}=${value}`, ...attributes].join('; ');
  }

  private nameOf(which: Kept): string {
    return NAMES[which][this.secure ? 'https' : 'http'];
  }
}

type Kept = keyof typeof NAMES;

const NAMES = {
  session: { https: '__Host-otpost', http: 'otpost_session' },
  device: { https: '__Host-otpost-device', http: 'otpost_device' },
  asked: { https: '__Host-otpost-asked', http: 'otpost_asked' },
};
