import { html } from '../../core/html.js';
import type { Page } from '../../http/pages/page-frame.js';
import { faultAttributes, faultLine } from '../../http/pages/page-parts.js';
import type { Say, Saying } from '../../http/pages/words.js';

interface AddressForm {
  /** Names this form, so that sending it twice asks for one code. */
  form: string;
  /** The number of an account does as well: SMS_SIGN_IN is on. */
  texts: boolean;
  /** What was typed: an address, or a number. */
  email?: string;
  fault?: Saying;
}

/** Asks for the address, and the same whether anybody has it. */
export function signInPage({ form, texts, email = '', fault }: AddressForm): Page {
  const body = (say: Say) => html`<h1>${say('sign_in.title')}</h1>
    <p>${say(texts ? 'sign_in.text_sms' : 'sign_in.text')}</p>
    <form method="post" action="/account/sign-in">
      <input type="hidden" name="form" value="${form}" />
      ${addressField(say, email, fault, { texts })}
      <button type="submit">${say(texts ? 'code.button' : 'sign_in.button')}</button>
    </form>
    <p class="soft"><a href="/account/sign-in">${say('sign_in.with_password')}</a></p>`;
  return { status: fault === undefined ? 200 : 422, title: (say) => say('sign_in.title'), body, lively: true };
}

/** Asks which account the new password is for, and the same whether there is one. */
export function resetPage({ form, texts, email = '', fault }: AddressForm): Page {
  const body = (say: Say) => html`<h1>${say('reset.title')}</h1>
    <p>${say(texts ? 'reset.text_sms' : 'reset.text')}</p>
    <form method="post" action="/account/reset">
      <input type="hidden" name="form" value="${form}" />
      ${addressField(say, email, fault, { texts })}
      <button type="submit">${say('reset.button')}</button>
    </form>
    <p class="soft"><a href="/account">${say('reset.sign_in')}</a></p>`;
  return { status: fault === undefined ? 200 : 422, title: (say) => say('reset.title'), body, lively: true };
}

interface PasswordForm {
  /** Names this very form. */
  form: string;
  email?: string;
  fault?: Saying;
  at?: 'email' | 'password';
}

export function passwordSignInPage({ form, email = '', fault, at }: PasswordForm): Page {
  const wrong = at === 'password' ? fault : undefined;
  const body = (say: Say) => html`<h1>${say('sign_in.password_title')}</h1>
    <form method="post" action="/account/sign-in/password">
      <input type="hidden" name="form" value="${form}" />
      ${addressField(say, email, at === 'email' ? fault : undefined, { autocomplete: 'username', focus: at !== 'password' })}
      <label for="password">${say('sign_in.password')}</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required="" ${at === 'password' && html`autofocus=""`} ${faultAttributes(wrong)} />
      ${faultLine(wrong?.(say))}
      <button type="submit">${say('sign_in.password_button')}</button>
    </form>
    <p class="soft"><a href="/account/reset">${say('sign_in.forgot')}</a></p>
    <p class="soft"><a href="/account">${say('sign_in.with_code')}</a></p>`;
  const status = fault === undefined ? 200 : at === 'email' ? 422 : 401;
  return { status, title: (say) => say('sign_in.password_title'), body, lively: true };
}

function addressField(
  say: Say,
  email: string,
  fault: Saying | undefined,
  {
    texts = false,
    autocomplete = texts ? 'username' : 'email',
    focus = true,
  }: { texts?: boolean; autocomplete?: string; focus?: boolean } = {},
) {
  // The keys for an address have digits and a plus, too.
  const type = texts ? html`type="text" inputmode="email"` : html`type="email"`;
  return html`<label for="email">${say(texts ? 'sign_in.address_or_number' : 'sign_in.address')}</label>
      <input id="email" name="email" ${type} autocomplete="${autocomplete}" autocapitalize="none" spellcheck="false" required="" ${focus && html`autofocus=""`} value="${email}" ${faultAttributes(fault)} />
      ${faultLine(fault?.(say))}`;
}
