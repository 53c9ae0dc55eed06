import { createPublicKey, verify } from 'node:crypto';
import type { SecretOf } from '../../config/hook-secrets.js';
import { hardBounce } from './bounce-status.js';
import { type Fields, idOf, jsonOf, keyOf, listOf, OUR_ID, secondsOf, textOf, wordsOf } from './fields.js';
import { headerOf, isFresh } from './proof.js';
import { AUTHENTIC, type EventKind, type EventReason, type HookRequest, type Proof, type ProviderEvent, refused } from './provider-event.js';

/**
 * Milliseconds. SendGrid tries again for 24 hours and does not say whether it signs anew for that, so an old timestamp
 * may be an honest retry after an outage of ours. A replay gains nothing: the signature covers the whole body, and each
 * event in it counts once.
 */
const RETRIES_FOR = 24 * 3_600_000;

/** https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features */
export function prove(request: HookRequest, { publicKey }: SecretOf<'sendgrid'>): Proof {
  const signature = headerOf(request, 'x-twilio-email-event-webhook-signature');
  const timestamp = headerOf(request, 'x-twilio-email-event-webhook-timestamp');
  if (signature === undefined || timestamp === undefined) return refused('unsigned');
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  const signed = Buffer.concat([Buffer.from(timestamp), request.body]);
  if (!verify('sha256', signed, key, Buffer.from(signature, 'base64'))) return refused('forged');
  return isFresh(timestamp, request.now, RETRIES_FOR) ? AUTHENTIC : refused('stale');
}

/** https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event @throws SyntaxError */
export function read({ body, now }: HookRequest): ProviderEvent[] {
  return listOf(jsonOf(body)).flatMap((fields) => {
    const meaning = meaningOf(fields);
    if (!meaning) return [];
    return {
      ...meaning,
      dedupeKey: idOf(fields['sg_event_id']) ?? keyOf(fields),
      emailId: idOf(fields[OUR_ID]),
      // The id in the answer to the send is its beginning.
      providerMessageId: idOf(fields['sg_message_id'])?.replace(/\.(filter|recvd).*$/, ''),
      messageId: idOf(fields['smtp-id']),
      recipient: textOf(fields['email']),
      detail: wordsOf(fields['response'], fields['reason'], fields['type']),
      occurredAt: secondsOf(fields['timestamp'], now),
    };
  });
}

function meaningOf(fields: Fields): { kind: EventKind; reason?: EventReason } | undefined {
  switch (fields['event']) {
    case 'delivered':
      return { kind: 'delivered' };
    case 'bounce':
      // `blocked` is given up too, and not the address's fault.
      if (fields['type'] === 'blocked') return { kind: 'bounced', reason: 'blocked' };
      return { kind: 'bounced', reason: hardBounce(textOf(fields['status']), textOf(fields['reason'])) };
    case 'deferred':
      return { kind: 'deferred' };
    case 'dropped':
      return { kind: 'rejected', reason: dropped(textOf(fields['reason']) ?? '') };
    case 'spamreport':
      return { kind: 'complained', reason: 'spam' };
    case 'unsubscribe':
    case 'group_unsubscribe':
      return { kind: 'unsubscribed', reason: 'unsubscribed' };
    default:
      return undefined;
  }
}

function dropped(reason: string): EventReason {
  if (/invalid/i.test(reason)) return 'invalid';
  if (/bounce/i.test(reason)) return 'bounced';
  if (/spam/i.test(reason)) return 'spam';
  return /unsubscribe/i.test(reason) ? 'unsubscribed' : 'other';
}
