import { type Html, html } from '../../core/html.js';
import type { Page } from '../../http/pages/page-frame.js';
import { buttonForm, durationWords, faultAttributes, faultLine } from '../../http/pages/page-parts.js';
import type { Challenge } from '../../otp/challenges.js';
import type { DeliveryFault, CodeDeliveryStatus } from '../../otp/delivery/delivery-status.js';
import type { ToldDelivery } from '../../otp/delivery/told-deliveries.js';
import { resendRefusal } from '../../otp/otp-policy.js';

const OUR_FAULT = 'We could not send the mail, and the fault is ours. Please try again later.';

/** What the person who waits for a code is told of its mail. A server's "taken" is not a mail in the inbox, and is not told as one. */
export function deliveryWords({
  status,
  fault,
}: {
  status: CodeDeliveryStatus;
  fault: DeliveryFault | undefined;
}): string {
  switch (status) {
    case 'queued':
      return 'The mail is about to be sent.';
    case 'sending':
      return 'The mail is being sent.';
    case 'sent':
      return 'The mail is on its way: the next mail server has taken it. Look among the junk, too.';
    case 'deferred':
      return 'We could not send the mail yet; we try again by ourselves.';
    case 'failed':
      return fault === 'ours' ? OUR_FAULT : 'No mail can be sent to this address. Compare it, or use another one.';
    case 'unknown':
      return 'We do not know whether the mail was sent. Send it again if it does not come.';
    case 'expired':
      return 'We could not send the mail in time, and the fault is ours. Ask for a new code.';
    case 'delivered':
      return 'The mail was delivered. Look among the junk, too.';
    case 'bounced':
      return fault === 'ours'
        ? OUR_FAULT
        : 'The mail came back: the mail server of your address refused it. Compare the address, or use another one.';
  }
}

/**
 * Asks for the address, and the same whether anybody has it.
 * @param form names this form, so that sending it twice asks for one code
 */
export function signInPage({ form, email = '', fault }: { form: string; email?: string; fault?: string }): Page {
  const title = 'Sign in or register';
  const body = (product: string) => html`<h1>${title}</h1>
    <p>We send a code to your e-mail address; it signs you in to ${product}, and makes an account if you have none.</p>
    <form method="post" action="/account/sign-in">
      <input type="hidden" name="form" value="${form}" />
      <label for="email">E-mail address</label>
      <input id="email" name="email" type="email" autocomplete="email" autocapitalize="none" spellcheck="false" required="" autofocus="" value="${email}" ${faultAttributes(fault)} />
      ${faultLine(fault)}
      <button type="submit">Continue with e-mail</button>
    </form>`;
  return { status: fault === undefined ? 200 : 422, title, body };
}

export interface WaitingCode {
  challenge: Challenge;
  /** Undefined: its record was removed. */
  delivery: ToldDelivery | undefined;
  now: Date;
  /** What was wrong with the code that was entered. */
  fault?: { status: number; text: string };
}

export function codePage({ challenge, delivery, now, fault }: WaitingCode): Page {
  const title = 'Enter the code';
  const action = `/account/code/${challenge.id}`;
  const body = html`<h1>${title}</h1>
    <p>It is in the mail to <b>${challenge.destinationCanonical}</b> with the reference <b>${challenge.reference}</b>.</p>
    <form method="post" action="${action}">
      <label for="code">Code</label>
      <input class="code" id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" title="the six digits of the mail" maxlength="64" required="" autofocus="" ${faultAttributes(fault?.text)} />
      ${faultLine(fault?.text)}
      <button type="submit">Continue</button>
    </form>
    <p role="status">${delivery ? deliveryWords(delivery) : 'What became of the mail is not known any more.'} <a href="${action}">Look again</a></p>
    ${sendAgain(challenge, action, now)}
    <p class="soft">The code works for ${durationWords((challenge.expiresAt.getTime() - now.getTime()) / 1_000)} more. <a href="/account">Use another address</a></p>`;
  return { status: fault?.status ?? 200, title, body };
}

function sendAgain(challenge: Challenge, action: string, now: Date): Html {
  switch (resendRefusal(challenge, now)) {
    case undefined:
      return buttonForm({ action: `${action}/resend`, label: 'Send it again', quiet: true });
    case 'too_soon':
      return html`<p class="soft">It can be sent again in ${durationWords((challenge.resendAfter.getTime() - now.getTime()) / 1_000)}: look again then.</p>`;
    default:
      return html`<p class="soft">It was sent as often as it may be.</p>`;
  }
}
