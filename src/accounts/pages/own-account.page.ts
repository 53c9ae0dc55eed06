import { type Html, html } from '../../core/html.js';
import { BUILT_IN_LOCALES, nearestLocaleIn } from '../../core/locales.js';
import { shownNumber } from '../../core/phone-number.js';
import type { Channel } from '../../core/lanes.js';
import type { Account } from '../../generated/prisma/client.js';
import type { Page } from '../../http/pages/page-frame.js';
import { faultAttributes, faultLine } from '../../http/pages/page-parts.js';
import type { PlainWord, Say, Saying } from '../../http/pages/words.js';
import { MAX_NAME_LENGTH } from '../api/requests.js';
import { newPasswordField } from './code.page.js';

/** As its speakers call it. */
export const LANGUAGE_NAMES: Readonly<Record<(typeof BUILT_IN_LOCALES)[number], string>> = {
  en: 'English',
  de: 'Deutsch',
  es: 'Español',
  fil: 'Filipino',
  fr: 'Français',
  pt: 'Português',
};

/** By what somebody can show that it is still they: nothing more is asked, the password, or a code. */
export type ProofAsked = 'nothing' | 'password' | 'code';

interface Form {
  account: Account;
  proof: ProofAsked;
  /** The number that a code may go to as well as to the address. */
  textsTo: string | null;
  /** Names the form, where of two presses one is to do it. */
  form?: string;
  typed?: string;
  fault?: { at: 'field' | 'proof'; say: Saying } | undefined;
}

const back = (say: Say): Html => html`<p class="soft"><a href="/account">${say('own.back')}</a></p>`;

function pageOf(title: PlainWord, fault: unknown, body: (say: Say) => Html): Page {
  return {
    status: fault === undefined ? 200 : 422,
    title: (say) => say(title),
    lively: true,
    body: (say) => html`<h1>${say(title)}</h1>${body(say)}${back(say)}`,
  };
}

export function profilePage({ account, name, fault }: { account: Account; name?: string; fault?: Saying }): Page {
  const chosen = account.locale === null ? '' : nearestLocaleIn(BUILT_IN_LOCALES, account.locale);
  return pageOf(
    'own.profile',
    fault,
    (say) => html`<form method="post" action="/account/profile">
      <label for="name">${say('own.name')}</label>
      <input id="name" name="name" maxlength="${MAX_NAME_LENGTH}" autocomplete="name" value="${name ?? account.name}" ${faultAttributes(fault)} />
      ${faultLine(fault?.(say))}
      <label for="locale">${say('own.language')}</label>
      <select id="locale" name="locale">
        <option value="">${say('own.language_of_browser')}</option>
        ${BUILT_IN_LOCALES.map((locale) => html`<option value="${locale}" lang="${locale}" ${locale === chosen && html`selected=""`}>${LANGUAGE_NAMES[locale]}</option>`)}
      </select>
      <button type="submit">${say('own.save')}</button>
    </form>`,
  );
}

/** Where only a code can show it: the page asks for that first. */
function confirmFirst(next: string, { account: { email }, textsTo }: Form, say: Say): Html {
  return html`<p>${say('own.confirm_text', { email })}</p>${confirmForm(next, say('own.confirm_button'))}${confirmByText(next, textsTo, say)}`;
}

function confirmForm(next: string, label: Html, quiet = false, channel: Channel = 'email'): Html {
  return html`<form method="post" action="/account/confirm">
      <input type="hidden" name="next" value="${next}" />
      <input type="hidden" name="channel" value="${channel}" />
      <button type="submit" class="${quiet && 'quiet'}">${label}</button>
    </form>`;
}

function confirmByText(next: string, to: string | null, say: Say): Html | false {
  return to !== null && confirmForm(next, say('own.by_text_instead', { phone: shownNumber(to) }), true, 'sms');
}

function proofField({ proof, fault, account }: Form, say: Say): Html | false {
  if (proof !== 'password') return false;
  const wrong = fault?.at === 'proof' ? fault.say : undefined;
  return html`<input type="hidden" name="username" autocomplete="username" value="${account.email}" />
      <label for="current">${say('own.current_password')}</label>
      <input id="current" name="currentPassword" type="password" autocomplete="current-password" required="" ${faultAttributes(wrong, 'current-fault')} ${wrong && html`autofocus=""`} />
      ${faultLine(wrong?.(say), 'current-fault')}`;
}

function otherwiseByCode({ proof, textsTo }: Form, next: string, say: Say): Html | false {
  if (proof !== 'password') return false;
  return html`${confirmForm(next, say('own.by_code_instead'), true)}${confirmByText(next, textsTo, say)}`;
}

export function passwordPage(form: Form): Page {
  const { account, proof, fault } = form;
  const has = account.passwordHash !== null;
  return pageOf(has ? 'own.change_password' : 'own.set_password', fault, (say) =>
    proof === 'code'
      ? confirmFirst('password', form, say)
      : html`<p>${say('own.password_text')}</p>
    <form method="post" action="/account/password">
      <input type="hidden" name="form" value="${form.form}" />
      ${proofField(form, say)}
      ${newPasswordField(say, fault?.at === 'field' ? fault.say : undefined)}
      <div class="row"><button type="submit">${say('own.save_password')}</button>
      ${has && html`<button type="submit" class="quiet" formaction="/account/password/remove" formnovalidate="">${say('own.remove_password')}</button>`}</div>
    </form>
    ${has && html`<p class="soft">${say('own.remove_password_text')}</p>`}
    ${otherwiseByCode(form, 'password', say)}`,
  );
}

export function emailPage(form: Form): Page {
  const { account, proof, fault, typed } = form;
  const wrong = fault?.at === 'field' ? fault.say : undefined;
  return pageOf('own.change_email', fault, (say) =>
    proof === 'code'
      ? confirmFirst('email', form, say)
      : html`<p>${say('own.email_text', { email: account.email })}</p>
    <form method="post" action="/account/email">
      <input type="hidden" name="form" value="${form.form}" />
      <label for="email">${say('own.new_email')}</label>
      <input id="email" name="email" type="email" autocomplete="email" autocapitalize="none" spellcheck="false" required="" value="${typed}" ${faultAttributes(wrong)} />
      ${faultLine(wrong?.(say))}
      ${proofField(form, say)}
      <button type="submit">${say('own.send_code')}</button>
    </form>
    ${otherwiseByCode(form, 'email', say)}`,
  );
}

/** @param texts whether codes go by SMS; a number can be removed all the same */
export function phonePage({ texts, ...form }: Form & { texts: boolean }): Page {
  const { account, proof, fault } = form;
  const has = account.phone !== null;
  const wrong = fault?.at === 'field' ? fault.say : undefined;
  return pageOf(has ? 'own.change_phone' : 'own.add_phone', fault, (say) =>
    proof === 'code'
      ? confirmFirst('phone', form, say)
      : html`<p>${has && say('own.phone_is', { phone: shownNumber(account.phone!) })} ${texts && say('own.phone_text')} ${say('own.password_text')}</p>
    <form method="post" action="${texts ? '/account/phone' : '/account/phone/remove'}">
      <input type="hidden" name="form" value="${form.form}" />
      ${texts && numberField(form, has, wrong, say)}
      ${proofField(form, say)}
      <div class="row">${texts && html`<button type="submit">${say('own.send_code')}</button>`}
      ${has && html`<button type="submit" class="quiet" formaction="/account/phone/remove" formnovalidate="">${say('own.remove_phone')}</button>`}</div>
    </form>
    ${otherwiseByCode(form, 'phone', say)}`,
  );
}

function numberField({ typed }: Form, has: boolean, wrong: Saying | undefined, say: Say): Html {
  return html`<label for="phone">${say(has ? 'own.new_phone' : 'own.phone')}</label>
      <input id="phone" name="phone" type="tel" autocomplete="tel" required="" value="${typed}" ${faultAttributes(wrong)} />
      ${faultLine(wrong?.(say))}
      <small>${say('own.phone_hint')}</small>`;
}

/** @param name of the account, for who sends the form again when it is gone */
export function deletePage({ name, ...form }: Form & { name: string }): Page {
  const { account, proof, fault } = form;
  return pageOf('own.delete', fault, (say) =>
    proof === 'code'
      ? confirmFirst('delete', form, say)
      : html`<p>${say('own.delete_text', { email: account.email })}</p>
    <form method="post" action="/account/delete">
      <input type="hidden" name="account" value="${name}" />
      ${proofField(form, say)}
      <button type="submit" class="danger">${say('own.delete_button')}</button>
    </form>
    ${otherwiseByCode(form, 'delete', say)}`,
  );
}

export const deletedPage: Page = {
  status: 200,
  title: (say) => say('own.deleted'),
  body: (say) => html`<h1>${say('own.deleted')}</h1>
    <p role="status">${say('own.deleted_text')}</p>
    <p><a href="/">${say('problem.to_start')}</a></p>`,
};
