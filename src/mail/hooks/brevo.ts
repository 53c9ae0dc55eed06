import type { SecretOf } from '../../config/hook-secrets.js';
import { hardBounce } from './bounce-status.js';
import { type Fields, idOf, jsonOf, keyOf, listOf, millisecondsOf, secondsOf, textOf, wordsOf } from './fields.js';
import { proveBearer } from './proof.js';
import type { EventKind, EventReason, HookRequest, Proof, ProviderEvent } from './provider-event.js';

/** The token is given when the webhook is made: https://developers.brevo.com/reference/create-webhook */
export function prove(request: HookRequest, { token }: SecretOf<'brevo'>): Proof {
  return proveBearer(request, token);
}

/** https://developers.brevo.com/docs/transactional-webhooks; several at once where they are batched. @throws SyntaxError */
export function read({ body, now }: HookRequest): ProviderEvent[] {
  return listOf(jsonOf(body)).flatMap((fields) => {
    const meaning = meaningOf(fields);
    if (!meaning) return [];
    const messageId = idOf(fields['message-id']);
    return {
      ...meaning,
      dedupeKey: keyOf(fields['event'], messageId, fields['email'], fields['ts_event'], fields['ts_epoch']),
      emailId: ourIdIn(textOf(fields['X-Mailin-custom'])),
      providerMessageId: messageId,
      messageId,
      recipient: textOf(fields['email']),
      detail: wordsOf(fields['reason']),
      // `date` and `ts` are in the account's own zone.
      occurredAt: secondsOf(fields['ts_event'], millisecondsOf(fields['ts_epoch'], now)),
    };
  });
}

function meaningOf(fields: Fields): { kind: EventKind; reason?: EventReason } | undefined {
  switch (fields['event']) {
    case 'delivered':
      return { kind: 'delivered' };
    case 'hard_bounce':
      return { kind: 'bounced', reason: hardBounce(undefined, textOf(fields['reason'])) };
    case 'soft_bounce':
      return { kind: 'deferred', reason: 'other' };
    case 'deferred':
      return { kind: 'deferred' };
    case 'invalid_email':
      return { kind: 'rejected', reason: 'invalid' };
    case 'blocked':
      return { kind: 'rejected', reason: 'blocked' };
    case 'error':
      return { kind: 'rejected', reason: 'other' };
    case 'spam':
      return { kind: 'complained', reason: 'spam' };
    case 'unsubscribed':
    case 'unsubscribe':
      return { kind: 'unsubscribed', reason: 'unsubscribed' };
    default:
      return undefined;
  }
}

/** The id alone, or named as in Brevo's own examples of this header: `otpost_id:<id>`. */
function ourIdIn(custom: string | undefined): string | undefined {
  return /^(?:.*\botpost_id\W{1,4})?([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})(?![\w-])/i.exec(custom?.slice(0, 500) ?? '')?.[1];
}
