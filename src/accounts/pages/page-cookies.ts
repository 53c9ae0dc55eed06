import {
  applyDecorators,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Injectable,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Settings } from '../../config/settings.js';
import { type RequestSource, sourceOf } from '../../core/credentials.js';
import { randomId } from '../../core/ids.js';
import { Keyring } from '../../core/keyring.js';
import { Problem } from '../../core/problems.js';
import { factsOf, isFromOurPage } from '../../http/pages/origin.js';
import { type Cookie, PageReader, PageWriter, type Redirect } from '../../http/pages/page-frame.js';
import { LOOK } from '../../http/pages/look.js';
import { PageProblemFilter } from '../../http/pages/problem-page.js';
import { speakAs } from '../../http/pages/words.js';
import type { Browser, PageRedemption } from '../codes/code-redemption.js';
import { OwnSessions } from '../sessions/own-sessions.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';
import { ABSOLUTE_MS } from '../tokens/session-policy.js';

const DEVICE_SECONDS = 365 * 24 * 60 * 60;
/**
 * Seconds for which a browser is known that opened a form: longer than forms stay open, for one that is sent twice then
 * asks once.
 */
const KNOWN_SECONDS = 7 * 24 * 60 * 60;
/** Codes that one browser may be waiting for at the same time. */
const MAX_ASKED = 3;
/** Pages that whoever signs in may come back to, with what they were filtered by. */
const RETURNABLE =
  /^\/account\/(?:password|email|phone|delete|profile)$|^\/operations(?:\/[\w.~%-]+)*(?:\?[\w.~%&=+:@,!*()-]{0,1500})?$/;
const RETURN_HOME = '/operations';
/** Seconds for which a sign-in leads back. */
const RETURN_SECONDS = 15 * 60;
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
 * Where the service is reached by https the names begin with `__Host-`, and no other host, a subdomain included, can
 * set them (RFC 6265bis §4.1.3.2); plain http, in development, knows no such names. The codes asked for carry a MAC of
 * ours: nobody can write the code of somebody else into a browser.
 */
@Injectable()
export class PageCookies {
  private readonly secure: boolean;

  constructor(
    { http }: Settings,
    private readonly keyring: Keyring,
  ) {
    this.secure = http.appUrl.startsWith('https:');
  }

  /** What `Sessions.byCookie` takes. */
  session({ cookies }: FastifyRequest): string | undefined {
    return cookies[this.nameOf('session')];
  }

  /** The codes that this browser asked for, the newest first. */
  asked(request: FastifyRequest): string[] {
    return this.waitingIn(request)?.asked ?? [];
  }

  /** Undefined: it opened no page of ours lately, or keeps no cookies. */
  browser(request: FastifyRequest): Browser | undefined {
    const { browser } = this.waitingIn(request) ?? {};
    if (browser === undefined) return undefined;
    // A browser that sends a form twice hears one of the answers, and either has to leave it signed in: derived, not
    // drawn.
    return { sessionCookieFor: (challengeId) => `ots_${this.derived(['session', browser, challengeId])}` };
  }

  /**
   * The value of the session's cookie where a form by itself begins or renews one: the same for a second press.
   * Undefined as for {@link challengeIdFor}.
   */
  sessionCookieOf(request: FastifyRequest, form: { id: string; about: string }): string | undefined {
    const { browser } = this.waitingIn(request) ?? {};
    if (browser === undefined || form.id === '') return undefined;
    return `ots_${this.derived(['session of form', browser, form.id, form.about])}`;
  }

  /**
   * The id of the challenge that a form asks for: the same however often that form is sent. Undefined where the browser
   * is not known.
   * @param nth counts up where the one before is over
   */
  challengeIdFor(request: FastifyRequest, form: { id: string; email: string }, nth: number): string | undefined {
    const { browser } = this.waitingIn(request) ?? {};
    return browser && this.derived(['challenge', browser, form.id, form.email, String(nth)]).slice(0, ID_LENGTH);
  }

  /** An account as a form names it: whoever sends it once more may have neither account nor session by then. */
  nameFor(accountId: string): string {
    return [accountId, this.keyring.currentId, this.derived(['account', accountId])].join('.');
  }

  /** The id of the account; undefined where we did not write the name. */
  accountNamed(name: string): string | undefined {
    const [id = '', keyId = '', mac = ''] = name.split('.', 4);
    return this.keyring.verifies(keyId, ['account', id], mac) ? id : undefined;
  }

  /** A device shows itself here by its cookie, and not by the header of the API. */
  sourceOf(request: FastifyRequest): RequestSource {
    return { ...sourceOf(request), deviceToken: request.cookies[this.nameOf('device')] };
  }

  /** With a page that has a form to sign in: none for a browser that we know already. */
  greeting(request: FastifyRequest): Cookie[] {
    return this.waitingIn(request) ? [] : [this.makeWaiting({ browser: randomId(), asked: [] })];
  }

  /** After a sign-in. The browser stays known, for it may press once more. */
  signedIn(request: FastifyRequest, { cookie, deviceToken }: { cookie: string; deviceToken: string }): Cookie[] {
    const { browser } = this.waitingIn(request) ?? {};
    return [
      this.renewed(cookie),
      this.make('device', deviceToken, DEVICE_SECONDS),
      browser === undefined ? this.make('asked', '', 0) : this.makeWaiting({ browser, asked: [] }),
    ];
  }

  /** Where a session goes on. */
  renewed(cookie: string): Cookie {
    return this.make('session', cookie, ABSOLUTE_MS / 1_000);
  }

  /** The device stays known. */
  signedOut(): Cookie {
    return this.make('session', '', 0);
  }

  /** With the way to the form: where the browser goes on to once somebody is signed in. */
  returning(path: string): Cookie {
    return this.make('return', RETURNABLE.test(path) ? path : RETURN_HOME, RETURN_SECONDS);
  }

  /** Undefined: nowhere in particular. What anybody else wrote there leads nowhere else than to our own page. */
  returnOf({ cookies }: FastifyRequest): string | undefined {
    const path = cookies[this.nameOf('return')];
    return path !== undefined && RETURNABLE.test(path) ? path : undefined;
  }

  returned(): Cookie {
    return this.make('return', '', 0);
  }

  waiting(request: FastifyRequest, challengeId: string): Cookie {
    const { browser = randomId(), asked = [] } = this.waitingIn(request) ?? {};
    return this.makeWaiting({
      browser,
      asked: [challengeId, ...asked.filter((id) => id !== challengeId)].slice(0, MAX_ASKED),
    });
  }

  private waitingIn({ cookies }: FastifyRequest): Waiting | undefined {
    const [browser, ...rest] = (cookies[this.nameOf('asked')] ?? '').split('.', MAX_ASKED + 3);
    const [keyId, mac] = rest.splice(-2);
    if (!browser || keyId === undefined || mac === undefined) return undefined;
    return this.keyring.verifies(keyId, ['asked', browser, ...rest], mac) ? { browser, asked: rest } : undefined;
  }

  private makeWaiting({ browser, asked }: Waiting): Cookie {
    const value = [browser, ...asked, this.keyring.currentId, this.derived(['asked', browser, ...asked])].join('.');
    return this.make('asked', value, KNOWN_SECONDS);
  }

  private derived(parts: string[]): string {
    return Buffer.from(this.keyring.hash(this.keyring.currentId, parts)).toString('base64url');
  }

  private make(which: Kept, value: string, maxAge: number): Cookie {
    const options = { path: '/', maxAge, httpOnly: true, sameSite: 'lax', secure: this.secure } as const;
    return { name: this.nameOf(which), value, options };
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
  return: { https: '__Host-otpost-return', http: 'otpost_return' },
};

/** Who is signed in to our pages in this browser: asked by its cookie only, never by an access token. */
@Injectable()
export class PageSignIn extends PageReader {
  private readonly looked = new WeakMap<FastifyRequest, Promise<LiveSession | undefined>>();

  constructor(
    private readonly sessions: Sessions,
    private readonly own: OwnSessions,
    private readonly cookies: PageCookies,
  ) {
    super();
  }

  override async greet(request: FastifyRequest): Promise<void> {
    await this.of(request);
  }

  /** Looked up once a request. */
  of(request: FastifyRequest): Promise<LiveSession | undefined> {
    const looked = this.looked.get(request) ?? this.look(request);
    this.looked.set(request, looked);
    return looked;
  }

  private async look(request: FastifyRequest): Promise<LiveSession | undefined> {
    const cookie = this.cookies.session(request);
    const found = cookie === undefined ? undefined : await this.sessions.byCookie(cookie);
    if (found) speakAs(request, found.account);
    return found;
  }

  /**
   * A new cookie at each sign-in; the session of the one before ends, whoever's it was (ASVS 5.0, 7.2.4). A second
   * press comes with the cookie that the first one set.
   */
  async enter(signedIn: Extract<PageRedemption, { kind: 'signed_in' }>, request: FastifyRequest): Promise<Redirect> {
    const former = this.cookies.session(request) === signedIn.cookie ? undefined : await this.of(request);
    if (former) await this.own.signOut(former.session, this.cookies.sourceOf(request));
    return this.goOn(signedIn, request, '/account');
  }

  /** With the cookies of a session, to where somebody was before they were asked who they are. */
  goOn(signedIn: { cookie: string; deviceToken: string }, request: FastifyRequest, otherwise: string): Redirect {
    const to = this.cookies.returnOf(request);
    const cookies = this.cookies.signedIn(request, signedIn);
    return to === undefined ? { to: otherwise, cookies } : { to, cookies: [...cookies, this.cookies.returned()] };
  }

  leave(): Redirect {
    return { to: '/account', cookies: [this.cookies.signedOut()] };
  }
}

/** Of pages whose path holds a secret from a mail. */
const BehindLink = Reflector.createDecorator<boolean>();

/** A controller of our pages: its routes return a page or a redirect, and its errors are pages too. */
export function PagesAt(path: string, { behindLink = false } = {}): ClassDecorator {
  return applyDecorators(
    ApiExcludeController(),
    Controller(path),
    BehindLink(behindLink),
    UseGuards(PageGuard),
    UseFilters(PageProblemFilter),
    UseInterceptors(PageWriter),
  );
}

const EVERYWHERE = {
  'content-security-policy': LOOK.policy,
  'cache-control': 'no-store',
  'x-robots-tag': 'noindex',
  'x-content-type-options': 'nosniff',
};

/**
 * Sets the headers of our pages, and lets forms be sent from our own pages only: neither may a stranger's page sign
 * somebody out, nor sign them in, unnoticed, to the stranger's account (login CSRF). SameSite alone does not keep that
 * off, for it takes no cookie to press a mailed link.
 */
@Injectable()
class PageGuard implements CanActivate {
  constructor(
    private readonly settings: Settings,
    private readonly reflector: Reflector,
    private readonly cookies: PageCookies,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const behindLink = this.reflector.get(BehindLink, context.getClass()) === true;
    // Our other pages have no secret in their path. Under `no-referrer` browsers send `Origin: null` with our own forms
    // (Fetch standard, "append a request Origin header"), which tells less.
    http
      .getResponse<FastifyReply>()
      .headers({ ...EVERYWHERE, 'referrer-policy': behindLink ? 'no-referrer' : 'same-origin' });
    if (request.method === 'POST' && !this.isOurForm(request, behindLink)) throw new Problem('forbidden');
    return true;
  }

  /**
   * `Origin: null` comes from anywhere. Behind a link it is also what browsers without Sec-Fetch-Site, or over plain
   * http, send with our own form; ours is where the cookie came along that the page with the form set, for with a form
   * of another site SameSite keeps it back.
   */
  private isOurForm(request: FastifyRequest, behindLink: boolean): boolean {
    const facts = factsOf(request);
    const hidden = behindLink && facts.origin === 'null' && this.cookies.browser(request);
    return isFromOurPage(hidden ? { ...facts, origin: undefined } : facts, this.settings);
  }
}
