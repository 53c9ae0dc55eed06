import { Get, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { sendsTexts, Settings, textsSignIn } from '../../config/settings.js';
import { type Html, html, type HtmlValue } from '../../core/html.js';
import { randomId } from '../../core/ids.js';
import { Problem } from '../../core/problems.js';
import { BUILT_IN_LOCALES, nearestLocaleIn } from '../../core/locales.js';
import { shownNumber } from '../../core/phone-number.js';
import type { Session } from '../../generated/prisma/client.js';
import type { Page, Redirect } from '../../http/pages/page-frame.js';
import { buttonForm, momentOf } from '../../http/pages/page-parts.js';
import type { PlainWord, Say } from '../../http/pages/words.js';
import { deviceWords } from '../notices/notices.js';
import { SessionIdPipe } from '../sessions/bearer.guard.js';
import { OwnSessions } from '../sessions/own-sessions.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';
import { LANGUAGE_NAMES } from './own-account.page.js';
import { PageCookies, PagesAt, PageSignIn } from './page-cookies.js';
import { signInPage } from './sign-in.page.js';

const WAYS: Record<string, PlainWord> = {
  code: 'account.by_code',
  link: 'account.by_link',
  password: 'account.by_password',
};

/** What was done a moment ago, as the path says it. */
const DONE: Record<string, PlainWord> = {
  profile: 'done.profile',
  password: 'done.password',
  password_removed: 'done.password_removed',
  email: 'done.email',
  phone: 'done.phone',
  phone_removed: 'done.phone_removed',
};

interface Shown {
  /** Those that have not ended, this one too. */
  sessions: Session[];
  /** Whether a number can be added. */
  texts: boolean;
  done: unknown;
}

/** Who is signed in, and where else. */
function accountPage({ account, session: current }: LiveSession, { sessions, texts, done }: Shown): Page {
  const told = typeof done === 'string' && Object.hasOwn(DONE, done) ? DONE[done] : undefined;
  const locale = account.locale === null ? undefined : nearestLocaleIn(BUILT_IN_LOCALES, account.locale);
  const body = (say: Say) => html`<h1>${say('account.title')}</h1>
    ${told && html`<p class="done" role="status">${say(told)}</p>`}
    <p>${say('account.who', { email: account.email })}</p>
    <dl>
      ${fact(say('own.name'), account.name ?? say('own.no_name'), '/account/profile', say)}
      ${fact(say('own.language'), locale === undefined ? say('own.language_of_browser') : LANGUAGE_NAMES[locale as keyof typeof LANGUAGE_NAMES], '/account/profile', say)}
      ${fact(say('sign_in.address'), account.email, '/account/email', say)}
      ${(texts || account.phone !== null) && phoneFact(account.phone, say)}
      ${fact(say('sign_in.password'), say(account.passwordHash === null ? 'own.no_password' : 'own.has_password'), '/account/password', say)}
    </dl>
    <h2>${say('account.sessions')}</h2>
    <ul>${sessions.map((session) => item(session, session.id === current.id, say))}</ul>
    <div class="row">
      ${buttonForm({ action: '/account/sign-out', label: say('account.sign_out') })}
      ${buttonForm({ action: '/account/sign-out-everywhere', label: say('account.sign_out_everywhere'), quiet: true })}
    </div>
    <p class="soft"><a href="/account/delete">${say('own.delete')}</a></p>`;
  return { status: 200, title: (say) => say('account.title'), body, lively: true };
}

function phoneFact(phone: string | null, say: Say): Html {
  const value = phone === null ? say('own.no_phone') : shownNumber(phone);
  return fact(say('own.phone'), value, '/account/phone', say, phone === null ? 'account.add' : 'account.change');
}

function fact(name: Html, value: HtmlValue, href: string, say: Say, does: PlainWord = 'account.change'): Html {
  return html`<div><dt>${name}</dt><dd>${value}</dd><dd><a href="${href}" aria-label="${name}: ${say(does)}">${say(does)}</a></dd></div>`;
}

function item({ id, userAgent, method, ip, createdAt, lastUsedAt }: Session, current: boolean, say: Say): Html {
  const device = deviceWords(userAgent, say.locale) ?? say('account.unknown_device');
  const begun = { when: momentOf(createdAt, say.locale), way: WAYS[method] && say(WAYS[method]) };
  const name = say('account.end_device', { device });
  return html`<li>
    <span><b>${device}</b>${current && html` ${say('account.here')}`}
      <span class="soft">${say('account.last_used', { when: momentOf(lastUsedAt, say.locale) })}</span>
      <span class="soft">${ip === null ? say('account.since', begun) : say('account.since_from', { ...begun, ip })}</span></span>
    ${!current && buttonForm({ action: `/account/sessions/${id}/end`, label: say('account.end'), name, quiet: true })}
  </li>`;
}

/** The account as its owner sees it in a browser. Whoever is not signed in is asked for their address. */
@PagesAt('account')
export class AccountPageController {
  constructor(
    private readonly settings: Settings,
    private readonly sessions: Sessions,
    private readonly own: OwnSessions,
    private readonly signIn: PageSignIn,
    private readonly cookies: PageCookies,
  ) {}

  @Get()
  async home(@Query('done') done: unknown, @Req() request: FastifyRequest): Promise<Page> {
    const who = await this.signIn.of(request);
    if (who) {
      const sessions = await this.sessions.list(who.account.id);
      return accountPage(who, { sessions, texts: sendsTexts(this.settings), done });
    }
    return {
      ...signInPage({ form: randomId(), texts: textsSignIn(this.settings) }),
      cookies: this.cookies.greeting(request),
    };
  }

  @Post('sign-out')
  async signOut(@Req() request: FastifyRequest): Promise<Redirect> {
    const who = await this.signIn.of(request);
    if (who) await this.own.signOut(who.session, this.cookies.sourceOf(request));
    return this.signIn.leave();
  }

  @Post('sign-out-everywhere')
  async signOutEverywhere(@Req() request: FastifyRequest): Promise<Redirect> {
    const who = await this.signIn.of(request);
    if (who) await this.own.endAll(who.session, this.cookies.sourceOf(request));
    return this.signIn.leave();
  }

  @Post('sessions/:id/end')
  async end(@Param('id', SessionIdPipe) id: string, @Req() request: FastifyRequest): Promise<Redirect> {
    const who = await this.signIn.of(request);
    if (!who) return this.signIn.leave();
    const done = await this.own.end(id, who.session, this.cookies.sourceOf(request));
    if (!done && !(await this.own.isOver(id, who.session))) throw new Problem('session_not_found');
    return { to: '/account' };
  }
}
