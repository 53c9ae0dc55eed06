import type { SecretOf } from '../../config/hook-secrets.js';
import { sameSecret } from '../../core/credentials.js';
import { hardBounce } from './bounce-status.js';
import { type Fields, fieldsOf, idOf, jsonOf, keyOf, OUR_ID, secondsOf, textOf, wordsOf } from './fields.js';
import { hmacSha256, isFresh } from './proof.js';
import { AUTHENTIC, type EventKind, type EventReason, type HookRequest, type Proof, type ProviderEvent, refused } from './provider-event.js';

/**
 * Milliseconds. Mailgun tries again for eight hours and does not say whether it signs anew for that. A replay gains
 * nothing, not even with another body, which the signature does not cover: a token counts once.
 */
const RETRIES_FOR = 9 * 3_600_000;

/** https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks @throws SyntaxError */
export function prove({ body, now }: HookRequest, { signingKey }: SecretOf<'mailgun'>): Proof {
  const signature = fieldsOf(fieldsOf(jsonOf(body))['signature']);
  const timestamp = textOf(signature['timestamp']);
  const token = textOf(signature['token']);
  // Events of a subaccount are signed with the key of the account above it too.
  const given = [textOf(signature['signature']), textOf(signature['parent-signature'])].filter((text) => text !== undefined);
  if (timestamp === undefined || token === undefined || given.length === 0) return refused('unsigned');
  const expected = hmacSha256(signingKey, timestamp, token).toString('hex');
  if (!given.some((hex) => sameSecret(hex.toLowerCase(), expected))) return refused('forged');
  return isFresh(timestamp, now, RETRIES_FOR) ? AUTHENTIC : refused('stale');
}

/** https://documentation.mailgun.com/docs/mailgun/user-manual/events/event-structure @throws SyntaxError */
export function read({ body, now }: HookRequest): ProviderEvent[] {
  const document = fieldsOf(jsonOf(body));
  const fields = fieldsOf(document['event-data']);
  const status = fieldsOf(fields['delivery-status']);
  const messageId = idOf(fieldsOf(fieldsOf(fields['message'])['headers'])['message-id']);
  return [
    {
      ...meaningOf(fields, status),
      dedupeKey: keyOf(fieldsOf(document['signature'])['token']),
      emailId: idOf(fieldsOf(fields['user-variables'])[OUR_ID]),
      providerMessageId: messageId,
      messageId,
      recipient: textOf(fields['recipient']),
      detail: wordsOf(status['message'], status['description'], fieldsOf(fields['reject'])['reason'], fields['reason']),
      occurredAt: secondsOf(fields['timestamp'], now),
    },
  ];
}

function meaningOf(fields: Fields, status: Fields): { kind: EventKind | 'ignored'; reason?: EventReason } {
  switch (fields['event']) {
    case 'delivered':
      return { kind: 'delivered' };
    case 'failed':
      return fields['severity'] === 'permanent' ? given(fields, status) : { kind: 'deferred' };
    case 'rejected':
      return { kind: 'rejected', reason: 'other' };
    case 'complained':
      return { kind: 'complained', reason: 'spam' };
    case 'unsubscribed':
      return { kind: 'unsubscribed', reason: 'unsubscribed' };
    default:
      return { kind: 'ignored' };
  }
}

/** `suppress-…`: Mailgun had the address on a list of its own and sent nothing. */
function given(fields: Fields, status: Fields): { kind: EventKind; reason: EventReason } {
  switch (fields['reason']) {
    case 'suppress-bounce':
      return { kind: 'rejected', reason: 'bounced' };
    case 'suppress-complaint':
      return { kind: 'rejected', reason: 'spam' };
    case 'suppress-unsubscribe':
      return { kind: 'rejected', reason: 'unsubscribed' };
    case 'bounce':
      return { kind: 'bounced', reason: hardBounce(textOf(status['enhanced-code']), textOf(status['message'])) };
    case 'espblock':
      return { kind: 'bounced', reason: 'blocked' };
    case 'old':
      return { kind: 'bounced', reason: 'timed_out' };
    default:
      return { kind: 'bounced', reason: 'other' };
  }
}
