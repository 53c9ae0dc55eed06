import type { SecretOf } from '../../config/hook-secrets.js';
import { hardBounce } from './bounce-status.js';
import { type Fields, fieldsOf, idOf, jsonOf, keyOf, momentOf, OUR_ID, textOf, wordsOf } from './fields.js';
import { proveBasic } from './proof.js';
import type { EventKind, EventReason, HookRequest, Proof, ProviderEvent } from './provider-event.js';

type Meaning = { kind: EventKind; reason?: EventReason };

/** Postmark signs nothing: the address it is given carries a user and a password. */
export function prove(request: HookRequest, secret: SecretOf<'postmark'>): Proof {
  return proveBasic(request, secret);
}

/** https://postmarkapp.com/developer/webhooks/webhooks-overview @throws SyntaxError */
export function read({ body, now }: HookRequest): ProviderEvent[] {
  const fields = fieldsOf(jsonOf(body));
  const meaning = meaningOf(fields);
  if (!meaning) return [];
  const at = wordsOf(fields['DeliveredAt'], fields['BouncedAt'], fields['ChangedAt']);
  const recipient = wordsOf(fields['Recipient'], fields['Email']);
  return [
    {
      ...meaning,
      dedupeKey: keyOf(fields['RecordType'], fields['MessageID'], fields['ID'], recipient, fields['Type'], at),
      emailId: idOf(fieldsOf(fields['Metadata'])[OUR_ID]),
      providerMessageId: idOf(fields['MessageID']),
      recipient,
      detail: wordsOf(fields['Details'], fields['Description'], fields['SuppressionReason']),
      occurredAt: momentOf(at, now),
    },
  ];
}

function meaningOf(fields: Fields): Meaning | undefined {
  switch (fields['RecordType']) {
    case 'Delivery':
      return { kind: 'delivered' };
    case 'Bounce':
      return ofBounce(fields);
    case 'SpamComplaint':
      return { kind: 'complained', reason: 'spam' };
    case 'SubscriptionChange':
      return fields['SuppressSending'] === true ? ofSuppression(fields) : undefined;
    default:
      return undefined;
  }
}

/** https://postmarkapp.com/developer/api/bounce-api#bounce-types; automatic replies and the like are none. */
function ofBounce(fields: Fields): Meaning | undefined {
  switch (fields['Type']) {
    case 'HardBounce':
      return { kind: 'bounced', reason: hardBounce(undefined, textOf(fields['Details'])) };
    case 'BadEmailAddress':
      return { kind: 'rejected', reason: 'invalid' };
    case 'Transient':
    case 'SoftBounce':
    case 'DnsError':
      return { kind: 'deferred', reason: 'other' };
    case 'SpamNotification':
    case 'Blocked':
    case 'DMARCPolicy':
      return { kind: 'bounced', reason: 'blocked' };
    case 'VirusNotification':
    case 'Unknown':
    case 'Undeterminable':
      return { kind: 'bounced', reason: 'other' };
    case 'SpamComplaint':
      return { kind: 'complained', reason: 'spam' };
    case 'ManuallyDeactivated':
    case 'Unconfirmed':
    case 'SMTPApiError':
    case 'TemplateRenderingFailed':
      return { kind: 'rejected', reason: 'other' };
    case 'Unsubscribe':
      return { kind: 'unsubscribed', reason: 'unsubscribed' };
    default:
      return undefined;
  }
}

/** A bounce and a complaint are told by events of their own as well. */
function ofSuppression(fields: Fields): Meaning | undefined {
  return fields['SuppressionReason'] === 'ManualSuppression' ? { kind: 'unsubscribed', reason: 'unsubscribed' } : undefined;
}
