import { shownDestination } from '../../core/destination.js';
import { type Html, html } from '../../core/html.js';
import type { Channel } from '../../core/lanes.js';
import type { Page } from '../../http/pages/page-frame.js';
import { buttonForm, durationWords, faultAttributes, faultLine } from '../../http/pages/page-parts.js';
import type { PlainWord, Say, Saying } from '../../http/pages/words.js';
import type { Challenge } from '../../otp/challenges.js';
import {
  CODE_DELIVERY_STATUSES,
  type CodeDeliveryStatus,
  type DeliveryFault,
} from '../../otp/delivery/delivery-status.js';
import type { ToldDelivery } from '../../otp/delivery/told-deliveries.js';
import { resendRefusal } from '../../otp/otp-policy.js';
import { purposeRow } from '../../otp/purposes.js';
import { mayGoByMail } from '../codes/code-copies.js';

/** Where we may say that we sent it. */
const OUT: ReadonlySet<CodeDeliveryStatus> = new Set(['sent', 'unknown', 'delivered', 'bounced']);

type Told = CodeDeliveryStatus | 'our_fault';

interface Fate {
  status: CodeDeliveryStatus;
  fault: DeliveryFault | undefined;
}

/**
 * What the person who waits for a code is told of its mail or text. A server's "taken" is not a mail in the inbox, and
 * is not told as one.
 */
export function deliveryWord(fate: Fate, channel: Channel = 'email'): PlainWord {
  return `${WORDS_OF[channel]}.${toldOf(fate)}`;
}

const WORDS_OF = { email: 'delivery', sms: 'sms' } as const satisfies Record<Channel, string>;

function toldOf({ status, fault }: Fate): Told {
  return (status === 'failed' || status === 'bounced') && fault === 'ours' ? 'our_fault' : status;
}

export interface WaitingCode {
  challenge: Challenge;
  /** Undefined: its record was removed. */
  delivery: ToldDelivery | undefined;
  now: Date;
  /** The newest copy of a code that went to a number went by mail, where the number belongs to an account. */
  byMail: boolean;
  /** What was wrong with the code, or with the new password. */
  fault?: { status: number; code?: Saying; password?: Saying };
}

export function codePage({ challenge, delivery, now, byMail, fault }: WaitingCode): Page {
  const action = `/account/code/${challenge.id}`;
  const { newPassword, session } = purposeRow(challenge.purpose)!;
  const bySms = challenge.channel === 'sms';
  const title = newPassword ? 'link.new_password' : bySms ? 'code.title_sms' : 'code.title';
  const body = (say: Say) => html`<h1>${say(title)}</h1>
    <p>${whereTo(challenge, delivery, say)} ${!bySms && say('code.reference', { reference: challenge.reference })}</p>
    <form method="post" action="${action}">
      <label for="code">${say('code.label')}</label>
      <input class="code" id="code" name="code" type="text" inputmode="numeric" autocomplete="one-time-code" title="${say(bySms ? 'code.hint_sms' : 'code.hint')}" maxlength="64" required="" ${bySms && html`data-otp=""`} ${!fault?.password && html`autofocus=""`} ${faultAttributes(fault?.code)} />
      ${faultLine(fault?.code?.(say))}
      ${newPassword && newPasswordField(say, fault?.password)}
      <button type="submit">${say(newPassword ? 'link.new_password_button' : 'code.button')}</button>
    </form>
    ${byMail && bySms && html`<p>${say('code.by_mail')}</p>`}
    ${status(challenge.id, byMail ? 'email' : challenge.channel, delivery, say)}
    <p data-plain=""><a href="${action}">${say('code.look_again')}</a></p>
    ${sendAgain(challenge, action, now, say)}
    <p class="soft">${say('code.lives', { time: left(challenge.expiresAt, now, say, 'reload') })} <a href="${session ? '/account' : newPassword ? '/account/reset' : '/account'}">${say(session ? 'code.cancel' : bySms ? 'code.other_number' : 'code.other_address')}</a></p>`;
  return { status: fault?.status ?? 200, title: (say) => say(title), body, lively: true };
}

/** Whether it is said to be sent, or to be on its way out; a script changes one for the other. */
function whereTo({ destinationCanonical, channel }: Challenge, delivery: ToldDelivery | undefined, say: Say): Html {
  const out = !delivery || OUT.has(delivery.status);
  const to = shownDestination(destinationCanonical);
  const [sent, sending] =
    channel === 'sms'
      ? [say('code.sent_sms', { phone: to }), say('code.sending_sms', { phone: to })]
      : [say('code.text_sent', { email: to }), say('code.text_sending', { email: to })];
  return html`<span data-out="yes" ${!out && html`hidden=""`}>${sent}</span><span data-out="no" ${out && html`hidden=""`}>${sending}</span>`;
}

/** With a field that names the fault. */
export function newPasswordField(say: Say, fault: Saying | undefined): Html {
  return html`<label for="password">${say('link.password')}</label>
      <input id="password" name="newPassword" type="password" autocomplete="new-password" required="" ${fault && html`autofocus=""`} ${faultAttributes(fault)} />
      ${faultLine(fault?.(say))}
      <small>${say('link.password_hint')}</small>`;
}

/** Without a script it is as it was when the page was made; with one it follows the mail. */
function status(id: string, channel: Channel, delivery: ToldDelivery | undefined, say: Say): Html {
  const about = WORDS_OF[channel];
  if (!delivery) return html`<p role="status">${say(`${about}.gone`)}</p>`;
  const told: Told[] = [...CODE_DELIVERY_STATUSES, 'our_fault'];
  const words = JSON.stringify(Object.fromEntries(told.map((one) => [one, say(`${about}.${one}`).toString()])));
  return html`<p role="status" data-state="${toldOf(delivery)}" data-delivery="/v1/otp/${id}/delivery/events" data-words="${words}">${say(deliveryWord(delivery, channel))}</p>`;
}

function sendAgain(challenge: Challenge, action: string, now: Date, say: Say): Html {
  const again = { action: `${action}/resend`, quiet: true };
  const other = challenge.channel === 'sms' && mayGoByMail(challenge.purpose);
  const button = html`${buttonForm({ ...again, label: say('code.resend') })}
      ${other && buttonForm({ ...again, label: say('code.by_mail_instead'), field: ['channel', 'email'] })}`;
  switch (resendRefusal(challenge, now)) {
    case undefined:
      return button;
    case 'too_soon':
      return html`<p class="soft again">${say('code.resend_later', { time: left(challenge.resendAfter, now, say, '.again') })}</p>
        <div class="again" hidden="">${button}</div>`;
    default:
      return html`<p class="soft">${say('code.resend_exhausted')}</p>`;
  }
}

/**
 * How long it is until then, which a script counts down. @param then what the script does at the end: it loads the page
 * anew, or shows what was hidden
 */
function left(until: Date, now: Date, say: Say, then: string): Html {
  const ms = Math.max(0, until.getTime() - now.getTime());
  return html`<span data-left="${ms}" data-then="${then}">${durationWords(ms / 1_000, say.locale)}</span>`;
}

/** The code is over and a new one helps. */
export function overCodePage(
  { id, destinationCanonical, channel, purpose }: Challenge,
  over: 'expired' | 'locked',
): Page {
  const email = shownDestination(destinationCanonical);
  const word = `problem.otp_${over}` as const;
  const hasLink = channel === 'email' && purposeRow(purpose)?.link !== null;
  const body = (say: Say) => html`<h1>${say(word)}</h1>
    <p role="alert">${say(over === 'locked' && !hasLink ? 'code.locked_no_link' : `${word}.text`)}</p>
    ${buttonForm({ action: `/account/code/${id}/new`, label: say('code.new') })}
    <p class="soft">${say('code.new_goes_to', { email })} <a href="/account">${say('code.other_way')}</a></p>`;
  return { status: over === 'expired' ? 410 : 429, title: (say) => say(word), body, lively: true };
}
