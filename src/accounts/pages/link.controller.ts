import { Body, Get, Param, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Html, html } from '../../core/html.js';
import type { Page, Redirect } from '../../http/pages/page-frame.js';
import { buttonForm, faultAttributes, faultLine, formField } from '../../http/pages/page-parts.js';
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
  fault?: string;
}

/** What the mail was about, and a button: mail scanners open links, so opening one uses nothing up. */
function linkPage(link: OpenLink): Page {
  const row = purposeRow(link.challenge.purpose)!;
  const { title, button } = row.link!;
  const body = (product: string) => html`<h1>${title}</h1>
    ${row.newPassword ? passwordForm(link, product, button) : signInForm(link, product, button, row.finishing)}
    <p class="soft">Reference <b>${link.challenge.reference}</b>, as in the mail. Did you not ask for it? <a href="/l/${link.token}/not-me">This wasn’t me</a></p>`;
  return { status: link.fault === undefined ? 200 : 422, title, body };
}

function signInForm(
  { challenge: { destination }, token }: OpenLink,
  product: string,
  button: string,
  does: Finishing,
): Html {
  return html`<p>The button ${does !== 'nothing_more' && 'confirms that the address is yours, and '}signs you in to ${product}, in this browser, as <b>${destination}</b>.</p>
    ${buttonForm({ action: `/l/${token}`, label: button })}
    ${does === 'creates_account' && html`<p class="soft">Did you begin on another page, and type a name or a password there? Enter the code there instead: the link leaves them out.</p>`}`;
}

function passwordForm({ challenge: { destination }, token, fault }: OpenLink, product: string, button: string): Html {
  return html`<p>For your account at ${product}. You are signed in here then, and signed out on every other device.</p>
    <form method="post" action="/l/${token}">
      <label for="username">Account</label>
      <input id="username" name="username" type="email" autocomplete="username" readonly="" value="${destination}" />
      <label for="password">New password</label>
      <input id="password" name="newPassword" type="password" autocomplete="new-password" required="" autofocus="" ${faultAttributes(fault)} />
      ${faultLine(fault)}
      <p class="soft">At least 8 characters; a few words make a good one.</p>
      <button type="submit">${button}</button>
    </form>`;
}

/** Of a mail whose code belongs to the page that asked for it, or that had no code at all: a link to it opens nothing. */
function nothingToOpenPage(
  { challenge: { decoy, reference }, token }: Pick<OpenLink, 'challenge' | 'token'>,
  status: number,
): Page {
  const title = 'There is nothing to open here';
  const body = html`<h1>${title}</h1>
    <p>${decoy ? 'The mail says what to do.' : 'Enter the code of the mail on the page where you asked for it.'} Its reference is <b>${reference}</b>.</p>
    <p>Did you not ask for it? <a href="/l/${token}/not-me">This wasn’t me</a></p>`;
  return { status, title, body };
}

/** Why a link does not work any more, or never did. */
export function overPage(kind: 'consumed' | 'disowned' | 'expired' | 'not_found'): Page {
  const { title, text } = OVER[kind];
  const body = html`<h1>${title}</h1>
    <p role="alert">${text}</p>
    <p><a href="/account">Sign in with your e-mail address</a>, or go back to where you asked for the mail and ask for a new one.</p>`;
  return { status: kind === 'not_found' ? 404 : 410, title, body };
}

const OVER = {
  consumed: {
    title: 'This link was used already',
    text: 'It works once, and so does the code in the same mail. A newer one that was used ends it, too.',
  },
  disowned: {
    title: 'This link was stopped',
    text: 'Somebody who has the mail said “This wasn’t me”, so it opens nothing any more.',
  },
  expired: { title: 'This link has expired', text: 'It worked for ten minutes.' },
  not_found: {
    title: 'This link does not work',
    text: 'Your mail program may have cut it off: open it from the mail once more. Links of long ago are not known any more.',
  },
};

/** Behind the link in a mail with a code. Whoever presses the button is signed in, in the browser where they press it. */
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
  private faultOf(newPassword: string | undefined, { destination }: Challenge): string | undefined {
    const fault = newPassword === undefined ? undefined : this.passwords.fault(newPassword, { email: destination });
    return fault && `The password ${fault.message}.`;
  }
}
