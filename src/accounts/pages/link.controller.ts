import { Body, Get, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Html, html } from '../../core/html.js';
import type { Page, Redirect } from '../../http/pages/page-frame.js';
import { buttonForm, faultAttributes, faultLine, formField } from '../../http/pages/page-parts.js';
import type { PlainWord, Say, Saying } from '../../http/pages/words.js';
import { Limits } from '../../limits/limits.js';
import type { Challenge } from '../../otp/challenges.js';
import { CodeChecker } from '../../otp/code-checker.js';
import { type Finishing, linkOf, purposeRow } from '../../otp/purposes.js';
import { CodeRedemption } from '../codes/code-redemption.js';
import { Passwords } from '../passwords/passwords.js';
import { PageCookies, PagesAt, PageSignIn } from './page-cookies.js';

interface OpenLink {
  challenge: Challenge;
  token: string;
  /** Of the new password. */
  fault?: Saying;
}

/** What the mail was about, and a button: mail scanners open links, so opening one uses nothing up. */
function linkPage(link: OpenLink): Page {
  const row = purposeRow(link.challenge.purpose)!;
  const { title, button } = row.link!;
  const body = (say: Say) => html`<h1>${say(title)}</h1>
    ${row.newPassword ? passwordForm(link, say, button) : signInForm(link, say, button, row.finishing)}
    <p class="soft">${say('link.reference', { reference: link.challenge.reference })} ${notMe(link.token, say)}</p>`;
  return { status: link.fault === undefined ? 200 : 422, title: (say) => say(title), body };
}

function notMe(token: string, say: Say): Html {
  return html`${say('link.not_asked')} <a href="/l/${token}/not-me">${say('link.not_me')}</a>`;
}

function signInForm(
  { challenge: { destination: email }, token }: OpenLink,
  say: Say,
  button: PlainWord,
  does: Finishing,
): Html {
  return html`<p>${say(does === 'nothing_more' ? 'link.signs_in' : 'link.confirms', { email })}</p>
    ${buttonForm({ action: `/l/${token}`, label: say(button) })}
    ${does === 'creates_account' && html`<p class="soft">${say('link.begun_elsewhere')}</p>`}`;
}

function passwordForm({ challenge: { destination }, token, fault }: OpenLink, say: Say, button: PlainWord): Html {
  return html`<p>${say('link.password_text')}</p>
    <form method="post" action="/l/${token}">
      <label for="username">${say('link.account')}</label>
      <input id="username" name="username" type="email" autocomplete="username" readonly="" value="${destination}" />
      <label for="password">${say('link.password')}</label>
      <input id="password" name="newPassword" type="password" autocomplete="new-password" required="" autofocus="" ${faultAttributes(fault)} />
      ${faultLine(fault?.(say))}
      <p class="soft">${say('link.password_hint')}</p>
      <button type="submit">${say(button)}</button>
    </form>`;
}

/**
 * Of a mail whose code belongs to the page that asked for it, or that had no code at all: a link to it opens nothing.
 */
function nothingToOpenPage(
  { challenge: { decoy, reference }, token }: Pick<OpenLink, 'challenge' | 'token'>,
  status: number,
): Page {
  const body = (say: Say) => html`<h1>${say('link.nothing')}</h1>
    <p>${say(decoy ? 'link.nothing_decoy' : 'link.nothing_code', { reference })}</p>
    <p>${notMe(token, say)}</p>`;
  return { status, title: (say) => say('link.nothing'), body };
}

/** Why a link does not work any more, or never did. */
export function overPage(kind: 'consumed' | 'disowned' | 'expired' | 'not_found'): Page {
  const body = (say: Say) => html`<h1>${say(`over.${kind}`)}</h1>
    <p role="alert">${say(`over.${kind}.text`)}</p>
    <p>${say('over.way_on')}</p>`;
  return { status: kind === 'not_found' ? 404 : 410, title: (say) => say(`over.${kind}`), body };
}

/**
 * Behind the link in a mail with a code. Whoever presses the button is signed in, in the browser where they press it.
 */
@PagesAt('l', { behindLink: true })
export class LinkController {
  constructor(
    private readonly checker: CodeChecker,
    private readonly limits: Limits,
    private readonly passwords: Passwords,
    private readonly redemption: CodeRedemption,
    private readonly signIn: PageSignIn,
    private readonly cookies: PageCookies,
  ) {}

  /** Uses nothing up, however often it is opened. */
  @Get(':token')
  async open(@Param('token') token: string, @Req() request: FastifyRequest): Promise<Page> {
    const found = await this.checker.byLink(token);
    if (found.kind !== 'open') return overPage(found.kind);
    const { challenge } = found;
    if (!linkOf(challenge)) return nothingToOpenPage({ challenge, token }, 200);
    return { ...linkPage({ challenge, token }), cookies: this.cookies.greeting(request) };
  }

  @Post(':token')
  async press(
    @Param('token') token: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<Page | Redirect> {
    await this.limits.take({ ip: request.ip, withMail: false });
    const found = await this.checker.byLink(token);
    const browser = this.cookies.browser(request);
    const source = this.cookies.sourceOf(request);
    if (found.kind !== 'open') {
      const again =
        found.kind === 'consumed' ? await this.redemption.againOnPage(found.challenge, browser, source) : undefined;
      return again?.kind === 'signed_in' ? this.signIn.enter(again, request) : overPage(found.kind);
    }
    const { challenge } = found;
    if (!linkOf(challenge)) return nothingToOpenPage({ challenge, token }, 409);
    const newPassword = purposeRow(challenge.purpose)?.newPassword ? formField(body, 'newPassword') : undefined;
    const fault = this.faultOf(newPassword, challenge);
    if (fault !== undefined) return linkPage({ challenge, token, fault });
    const result = await this.redemption.redeemLink(challenge, newPassword, browser, source);
    // Otherwise another press was faster, or the account went meanwhile.
    return result.kind === 'signed_in' ? this.signIn.enter(result, request) : overPage('consumed');
  }

  /** Asked before anything is used up. */
  private faultOf(newPassword: string | undefined, { destination }: Challenge): Saying | undefined {
    const fault = newPassword === undefined ? undefined : this.passwords.fault(newPassword, { email: destination });
    return fault && ((say) => say(fault.code));
  }
}
