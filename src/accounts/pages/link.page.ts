import { type Html, html } from '../../core/html.js';
import type { Challenge } from '../../otp/challenges.js';
import { buttonForm, faultAttributes, faultLine, type Page } from './page-frame.js';

export interface OpenLink {
  challenge: Challenge;
  token: string;
  product: string;
  /** Of the new password. */
  fault?: string;
}

/** What the mail was about, and a button: mail scanners open links, so opening one uses nothing up. */
export function linkPage(link: OpenLink): Page {
  const title = TITLES[link.challenge.purpose] ?? 'Sign in';
  const body = html`<h1>${title}</h1>
    ${link.challenge.purpose === 'reset_password' ? passwordForm(link) : signInForm(link)}
    <p class="soft">Reference <b>${link.challenge.reference}</b>, as in the mail. Did you not ask for it? <a href="/l/${link.token}/not-me">This wasn’t me</a></p>`;
  return { status: link.fault === undefined ? 200 : 422, title, body };
}

const TITLES: Record<string, string> = {
  register: 'Confirm your address',
  verify_email: 'Confirm your address',
  login: 'Sign in',
  reset_password: 'Set a new password',
};

function signInForm({ challenge: { purpose, destination }, token, product }: OpenLink): Html {
  const confirms = purpose !== 'login';
  return html`<p>The button ${confirms && 'confirms that the address is yours, and '}signs you in to ${product}, in this browser, as <b>${destination}</b>.</p>
    ${buttonForm({ action: `/l/${token}`, label: confirms ? 'Confirm and sign in' : 'Sign in' })}
    ${purpose === 'register' && html`<p class="soft">Did you begin on another page, and type a name or a password there? Enter the code there instead: the link leaves them out.</p>`}`;
}

function passwordForm({ challenge: { destination }, token, product, fault }: OpenLink): Html {
  return html`<p>For your account at ${product}. You are signed in here then, and signed out on every other device.</p>
    <form method="post" action="/l/${token}">
      <label for="username">Account</label>
      <input id="username" name="username" type="email" autocomplete="username" readonly="" value="${destination}" />
      <label for="password">New password</label>
      <input id="password" name="newPassword" type="password" autocomplete="new-password" required="" autofocus="" ${faultAttributes(fault)} />
      ${faultLine(fault)}
      <p class="soft">At least 8 characters; a few words make a good one.</p>
      <button type="submit">Set the password and sign in</button>
    </form>`;
}

/** Of a mail whose code belongs to the page that asked for it, or that had no code at all: a link to it opens nothing. */
export function nothingToOpenPage({ challenge: { decoy, reference }, token }: Pick<OpenLink, 'challenge' | 'token'>, status: number): Page {
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
  consumed: { title: 'This link was used already', text: 'It works once, and so does the code in the same mail. A newer one that was used ends it, too.' },
  disowned: { title: 'This link was stopped', text: 'Somebody who has the mail said “This wasn’t me”, so it opens nothing any more.' },
  expired: { title: 'This link has expired', text: 'It worked for ten minutes.' },
  not_found: { title: 'This link does not work', text: 'Your mail program may have cut it off: open it from the mail once more. Links of long ago are not known any more.' },
};
