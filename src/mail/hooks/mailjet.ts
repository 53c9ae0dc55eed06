import type { SecretOf } from '../../config/hook-secrets.js';
import { hardBounce } from './bounce-status.js';
import { type Fields, idOf, keyOf, listOf, secondsOf, textOf, wordsOf } from './fields.js';
import { proveBasic } from './proof.js';
import type { EventKind, EventReason, HookRequest, Proof, ProviderEvent } from './provider-event.js';

/** Mailjet signs nothing: the address it is given carries a user and a password. */
export function prove(request: HookRequest, secret: SecretOf<'mailjet'>): Proof {
  return proveBasic(request, secret);
}

/** https://dev.mailjet.com/email/guides/webhooks/; one event, or a list where they are grouped. @throws SyntaxError */
export function read({ body, now }: HookRequest): ProviderEvent[] {
  // Its ids do not fit a double.
  const exact = body.toString('utf8').replace(/("MessageID"\s*:\s*)(\d+)/g, '$1"$2"');
  return listOf(JSON.parse(exact)).flatMap((fields) => {
    const meaning = meaningOf(fields);
    if (!meaning) return [];
    return {
      ...meaning,
      dedupeKey: keyOf(fields['event'], fields['MessageID'], fields['Message_GUID'], fields['email'], fields['time'], fields['error']),
      emailId: idOf(fields['CustomID']),
      providerMessageId: idOf(fields['MessageID']),
      recipient: textOf(fields['email']),
      detail: wordsOf(fields['smtp_reply'], fields['comment'], fields['error']),
      occurredAt: secondsOf(fields['time'], now),
    };
  });
}

function meaningOf(fields: Fields): { kind: EventKind; reason?: EventReason } | undefined {
  switch (fields['event']) {
    case 'sent': // the receiving server took it
      return { kind: 'delivered' };
    case 'bounce':
      return fields['hard_bounce'] === true ? { kind: 'bounced', reason: hard(fields) } : { kind: 'deferred', reason: 'other' };
    case 'blocked':
      return { kind: 'rejected', reason: REASONS[textOf(fields['error']) ?? ''] ?? 'other' };
    case 'spam':
      return { kind: 'complained', reason: 'spam' };
    case 'unsub':
      return { kind: 'unsubscribed', reason: 'unsubscribed' };
    default:
      return undefined;
  }
}

function hard(fields: Fields): EventReason {
  const named = REASONS[textOf(fields['error']) ?? ''];
  return named && named !== 'bounced' ? named : hardBounce(undefined, textOf(fields['comment']));
}

/** https://dev.mailjet.com/email/guides/webhooks/#possible-values-for-errors */
const REASONS: Record<string, EventReason> = {
  'user unknown': 'bounced',
  'mailbox inactive': 'bounced',
  'quota exceeded': 'other',
  blacklisted: 'blocked',
  'spam reporter': 'spam',
  'invalid domain': 'bounced',
  'no mail host': 'bounced',
  'relay/access denied': 'blocked',
  greylisted: 'other',
  typofix: 'invalid',
  'sender blocked': 'blocked',
  'content blocked': 'blocked',
  'policy issue': 'blocked',
  preblocked: 'blocked',
};
