import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { randomId } from '../../core/ids.js';
import { Keyring } from '../../core/keyring.js';
import { type RequestSource, sourceOf } from '../../core/request-source.js';
import { cookieOf } from '../../mail/inbox/inbox-access.js';
import { LIFETIME_MS } from '../../otp/otp-policy.js';
import { ABSOLUTE_MS } from '../sessions/session-policy.js';
import type { Browser } from '../verification.js';

const DEVICE_SECONDS = 365 * 24 * 60 * 60;
/** Codes that one browser may be waiting for at the same time. */
const MAX_ASKED = 3;
/** Of 128 bits in base64url. */
const ID_LENGTH = 22;

/** What names a browser to us while it signs in, and the codes that were asked for in it. */
interface Waiting {
  /** 128 random bits. */
  browser: string;
  /** Ids of challenges, the newest first. */
  asked: string[];
}

/**
 * What our own pages keep in a browser: who is signed in, which device it is, and which codes were asked for in it.
 * Where the service is reached by https the names begin with `__Host-`, and no other host, a subdomain included, can set
 * them (RFC 6265bis §4.1.3.2); plain http, in development, knows no such names. The codes asked for carry a MAC of ours:
 * nobody can write the code of somebody else into a browser.
 */
@Injectable()
export class PageCookies {
  private readonly secure: boolean;

  constructor(
    @Inject(SETTINGS) { http }: Settings,
    @Inject(Keyring) private readonly keyring: Keyring,
  ) {
    this.secure = http.appUrl.startsWith('https:');
  }

  /** What `Sessions.byCookie` takes. */
  session({ headers }: FastifyRequest): string | undefined {
    return cookieOf(headers.cookie, this.nameOf('session'));
  }

  /** The codes that this browser asked for, the newest first. */
  asked(request: FastifyRequest): string[] {
    return this.waitingIn(request)?.asked ?? [];
  }

  /** Undefined: it opened no page of ours lately, or keeps no cookies. */
  browser(request: FastifyRequest): Browser | undefined {
    const { browser } = this.waitingIn(request) ?? {};
    if (browser === undefined) return undefined;
    // A browser that sends a form twice hears one of the answers, and either has to leave it signed in: derived, not drawn.
    return { sessionCookieFor: (challengeId) => `ots_${this.derived(['session', browser, challengeId])}` };
  }

  /**
   * The id of the challenge that a form asks for: the same however often that form is sent. Undefined where the browser is
   * not known.
   * @param nth counts up where the one before is over
   */
  challengeIdFor(request: FastifyRequest, form: { id: string; email: string }, nth: number): string | undefined {
    const { browser } = this.waitingIn(request) ?? {};
    return browser && this.derived(['challenge', browser, form.id, form.email, String(nth)]).slice(0, ID_LENGTH);
  }

  /** A device shows itself here by its cookie, and not by the header of the API. */
  sourceOf(request: FastifyRequest): RequestSource {
    return { ...sourceOf(request), deviceToken: cookieOf(request.headers.cookie, this.nameOf('device')) };
  }

  /** The values of Set-Cookie with a page that has a form to sign in: none for a browser that we know already. */
  greeting(request: FastifyRequest): string[] {
    return this.waitingIn(request) ? [] : [this.makeWaiting({ browser: randomId(), asked: [] })];
  }

  /** After a sign-in. The browser stays known, for it may press once more. */
  signedIn(request: FastifyRequest, { cookie, deviceToken }: { cookie: string; deviceToken: string }): string[] {
    const { browser } = this.waitingIn(request) ?? {};
    return [
      this.make('session', cookie, ABSOLUTE_MS / 1_000),
      this.make('device', deviceToken, DEVICE_SECONDS),
      browser === undefined ? this.make('asked', '', 0) : this.makeWaiting({ browser, asked: [] }),
    ];
  }

  /** The device stays known. */
  signedOut(): string {
    return this.make('session', '', 0);
  }

  waiting(request: FastifyRequest, challengeId: string): string {
    const { browser = randomId(), asked = [] } = this.waitingIn(request) ?? {};
    return this.makeWaiting({ browser, asked: [challengeId, ...asked.filter((id) => id !== challengeId)].slice(0, MAX_ASKED) });
  }

  private waitingIn({ headers }: FastifyRequest): Waiting | undefined {
    const [browser, ...rest] = (cookieOf(headers.cookie, this.nameOf('asked')) ?? '').split('.', MAX_ASKED + 3);
    const [keyId, mac] = rest.splice(-2);
    if (!browser || keyId === undefined || mac === undefined) return undefined;
    return this.keyring.verifies(keyId, ['asked', browser, ...rest], mac) ? { browser, asked: rest } : undefined;
  }

  private makeWaiting({ browser, asked }: Waiting): string {
    const value = [browser, ...asked, this.keyring.currentId, this.derived(['asked', browser, ...asked])].join('.');
    return this.make('asked', value, LIFETIME_MS / 1_000);
  }

  private derived(parts: string[]): string {
    return Buffer.from(this.keyring.hash(this.keyring.currentId, parts)).toString('base64url');
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
