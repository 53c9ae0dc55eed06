import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { Keyring } from '../../core/keyring.js';
import { sameSecret } from '../../core/credentials.js';
import { cookieOf } from './inbox-access.js';

const COOKIE = 'otpost_inbox';
const LIFETIME_SECONDS = 12 * 60 * 60;

/**
 * What a browser holds once somebody entered INBOX_TOKEN: the end of the session and a keyed hash of it,
 * never the token. It ends early when INBOX_TOKEN or APP_SECRET changes.
 */
@Injectable()
export class InboxSession {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(Keyring) private readonly keyring: Keyring,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** The value of Set-Cookie that begins a session. */
  begin(token: string): string {
    const end = Math.floor(this.clock.now().getTime() / 1000) + LIFETIME_SECONDS;
    const secure = this.settings.production || this.settings.http.appUrl.startsWith('https:');
    const attributes = ['Path=/inbox', `Max-Age=${LIFETIME_SECONDS}`, 'HttpOnly', 'SameSite=Strict', ...(secure ? ['Secure'] : [])];
    return [`${COOKIE}=${this.value(end, token)}`, ...attributes].join('; ');
  }

  /** Whether a `Cookie` header holds a session of this token that has not ended. */
  isOpen(cookies: string | undefined, token: string): boolean {
    const value = cookieOf(cookies, COOKIE);
    const end = Number(value?.split('.')[0]);
    if (value === undefined || !Number.isSafeInteger(end) || end * 1000 <= this.clock.now().getTime()) return false;
    return sameSecret(value, this.value(end, token));
  }

  private value(end: number, token: string): string {
    const hash = this.keyring.hash(this.keyring.currentId, ['inbox session', token, String(end)]);
    return `${end}.${Buffer.from(hash).toString('base64url')}`;
  }
}
