import { type Html, html } from '../../core/html.js';
import type { Page } from '../../http/pages/page-frame.js';
import { buttonForm, durationWords, faultAttributes, faultLine } from '../../http/pages/page-parts.js';
import type { PlainWord, Say, Saying } from '../../http/pages/words.js';
import type { Challenge } from '../../otp/challenges.js';
import type { DeliveryFault, CodeDeliveryStatus } from '../../otp/delivery/delivery-status.js';
import type { ToldDelivery } from '../../otp/delivery/told-deliveries.js';
import { resendRefusal } from '../../otp/otp-policy.js';

/** What the person who waits for a code is told of its mail. A server's "taken" is not a mail in the inbox, and is not told as one. */
export function deliveryWord({
  status,
  fault,
}: {
  status: CodeDeliveryStatus;
  fault: DeliveryFault | undefined;
}): PlainWord {
  const ours = (status === 'failed' || status === 'bounced') && fault === 'ours';
  return ours ? 'delivery.our_fault' : `delivery.${status}`;
}

/**
 * Asks for the address, and the same whether anybody has it.
 * @param form names this form, so that sending it twice asks for one code
 */
export function signInPage({ form, email = '', fault }: { form: string; email?: string; fault?: Saying }): Page {
  const body = (say: Say) => html`<h1>${say('sign_in.title')}</h1>
    <p>${say('sign_in.text')}</p>
    <form method="post" action="/account/sign-in">
      <input type="hidden" name="form" value="${form}" />
      <label for="email">${say('sign_in.address')}</label>
      <input id="email" name="email" type="email" autocomplete="email" autocapitalize="none" spellcheck="false" required="" autofocus="" value="${email}" ${faultAttributes(fault)} />
      ${faultLine(fault?.(say))}
      <button type="submit">${say('sign_in.button')}</button>
    </form>`;
  return { status: fault === undefined ? 200 : 422, title: (say) => say('sign_in.title'), body };
}

export interface WaitingCode {
  challenge: Challenge;
  /** Undefined: its record was removed. */
  delivery: ToldDelivery | undefined;
  now: Date;
  /** What was wrong with the code that was entered. */
  fault?: { status: number; text: Saying };
}

export function codePage({ challenge, delivery, now, fault }: WaitingCode): Page {
  const action = `/account/code/${challenge.id}`;
  const body = (say: Say) => html`<h1>${say('code.title')}</h1>
    <p>${say('code.text', { email: challenge.destinationCanonical, reference: challenge.reference })}</p>
    <form method="post" action="${action}">
      <label for="code">${say('code.label')}</label>
      <input class="code" id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" title="${say('code.hint')}" maxlength="64" required="" autofocus="" ${faultAttributes(fault?.text)} />
      ${faultLine(fault?.text(say))}
      <button type="submit">${say('code.button')}</button>
    </form>
    <p role="status">${say(delivery ? deliveryWord(delivery) : 'delivery.gone')} <a href="${action}">${say('code.look_again')}</a></p>
    ${sendAgain(challenge, action, now, say)}
    <p class="soft">${say('code.lives', { time: durationWords((challenge.expiresAt.getTime() - now.getTime()) / 1_000, say.locale) })} <a href="/account">${say('code.other_address')}</a></p>`;
  return { status: fault?.status ?? 200, title: (say) => say('code.title'), body };
}

function sendAgain(challenge: Challenge, action: string, now: Date, say: Say): Html {
  switch (resendRefusal(challenge, now)) {
    case undefined:
      return buttonForm({ action: `${action}/resend`, label: say('code.resend'), quiet: true });
    case 'too_soon':
      return html`<p class="soft">${say('code.resend_later', { time: durationWords((challenge.resendAfter.getTime() - now.getTime()) / 1_000, say.locale) })}</p>`;
    default:
      return html`<p class="soft">${say('code.resend_exhausted')}</p>`;
  }
}
