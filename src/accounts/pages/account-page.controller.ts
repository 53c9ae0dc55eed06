import { Get, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Html, html } from '../../core/html.js';
import { randomId } from '../../core/ids.js';
import { Problem } from '../../core/problems.js';
import type { Session } from '../../generated/prisma/client.js';
import type { Page, Redirect } from '../../http/pages/page-frame.js';
import { buttonForm, momentOf } from '../../http/pages/page-parts.js';
import { deviceWords } from '../notices/notices.js';
import { SessionIdPipe } from '../sessions/bearer.guard.js';
import { OwnSessions } from '../sessions/own-sessions.js';
import { type LiveSession, Sessions } from '../sessions/sessions.js';
import { PageCookies, PagesAt, PageSignIn } from './page-cookies.js';
import { signInPage } from './sign-in.page.js';

const WAYS: Record<string, string> = { code: 'by code', link: 'by link', password: 'by password' };

/** Who is signed in, and where else. @param sessions those that have not ended, this one too */
function accountPage({ account, session: current }: LiveSession, sessions: Session[]): Page {
  const body = (product: string) => html`<h1>Your account</h1>
    <p>You are signed in to ${product} as <b>${account.email}</b>. The account exists since ${momentOf(account.createdAt)}.</p>
    <h2>Signed in</h2>
    <ul>${sessions.map((session) => item(session, session.id === current.id))}</ul>
    <div class="row">
      ${buttonForm({ action: '/account/sign-out', label: 'Sign out' })}
      ${buttonForm({ action: '/account/sign-out-everywhere', label: 'Sign out everywhere', quiet: true })}
    </div>`;
  return { status: 200, title: 'Your account', body };
}

function item({ id, userAgent, method, ip, createdAt, lastUsedAt }: Session, current: boolean): Html {
  const device = deviceWords(userAgent) ?? 'Unknown device';
  return html`<li>
    <span><b>${device}</b>${current && ' (here)'}
      <span class="soft">Last used ${momentOf(lastUsedAt)}</span>
      <span class="soft">Since ${momentOf(createdAt)}, ${WAYS[method]}${ip !== null && ` from ${ip}`}</span></span>
    ${buttonForm({ action: `/account/sessions/${id}/end`, label: 'End', name: `End: ${device}${current ? ', here' : ''}`, quiet: true })}
  </li>`;
}

/** The account as its owner sees it in a browser. Whoever is not signed in is asked for their address. */
@PagesAt('account')
export class AccountPageController {
  constructor(
    private readonly sessions: Sessions,
    private readonly own: OwnSessions,
    private readonly signIn: PageSignIn,
    private readonly cookies: PageCookies,
  ) {}

  @Get()
  async home(@Req() request: FastifyRequest): Promise<Page> {
    const who = await this.signIn.of(request);
    if (who) return accountPage(who, await this.sessions.list(who.account.id));
    return { ...signInPage({ form: randomId() }), cookies: this.cookies.greeting(request) };
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
