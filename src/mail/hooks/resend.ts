import type { SecretOf } from '../../config/hook-secrets.js';
import { sameSecret } from '../../core/credentials.js';
import { hardBounce } from './bounce-status.js';
import { type Fields, fieldsOf, idOf, jsonOf, keyOf, momentOf, OUR_ID, textOf, wordsOf } from './fields.js';
import { headerOf, hmacSha256, isFresh } from './proof.js';
import { AUTHENTIC, type EventKind, type EventReason, type HookRequest, type Proof, type ProviderEvent, refused } from './provider-event.js';

/** Svix: each attempt is signed anew, so an old timestamp is a replay. https://docs.svix.com/receiving/verifying-payloads/how-manual */
export function prove(request: HookRequest, { key }: SecretOf<'resend'>): Proof {
  const id = headerOf(request, 'svix-id');
  const timestamp = headerOf(request, 'svix-timestamp');
  const signatures = headerOf(request, 'svix-signature');
  if (id === undefined || timestamp === undefined || signatures === undefined) return refused('unsigned');
  const expected = `v1,${hmacSha256(Buffer.from(key, 'base64'), `${id}.${timestamp}.`, request.body).toString('base64')}`;
  // While a secret is being replaced there is one by each.
  if (!signatures.split(' ').some((signature) => sameSecret(signature, expected))) return refused('forged');
  return isFresh(timestamp, request.now) ? AUTHENTIC : refused('stale');
}

/** https://resend.com/docs/webhooks/event-types @throws SyntaxError */
export function read(request: HookRequest): ProviderEvent[] {
  const document = fieldsOf(jsonOf(request.body));
  const fields = fieldsOf(document['data']);
  const bounce = fieldsOf(fields['bounce']);
  const meaning = meaningOf(textOf(document['type']) ?? '', bounce);
  if (!meaning) return [];
  return [
    {
      ...meaning,
      dedupeKey: headerOf(request, 'svix-id') ?? keyOf(document),
      emailId: ourIdIn(fields['tags']),
      providerMessageId: idOf(fields['email_id']),
      messageId: idOf(fields['message_id']),
      recipient: onlyOne(fields['to']),
      detail: wordsOf(diagnosticOf(bounce), bounce['message'], fieldsOf(fields['failed'])['reason'], fieldsOf(fields['suppressed'])['message']),
      occurredAt: momentOf(document['created_at'], request.now),
    },
  ];
}

function meaningOf(type: string, bounce: Fields): { kind: EventKind; reason?: EventReason } | undefined {
  switch (type) {
    case 'email.delivered':
      return { kind: 'delivered' };
    case 'email.delivery_delayed':
      return { kind: 'deferred' };
    case 'email.bounced':
      return bounced(bounce);
    case 'email.suppressed':
      return { kind: 'rejected', reason: 'bounced' };
    case 'email.failed':
      return { kind: 'rejected', reason: 'other' };
    case 'email.complained':
      return { kind: 'complained', reason: 'spam' };
    default:
      return undefined;
  }
}

/** The types are those of Amazon SES. */
function bounced(bounce: Fields): { kind: EventKind; reason: EventReason } {
  if (bounce['type'] === 'Transient') return { kind: 'deferred', reason: 'other' };
  if (bounce['subType'] === 'Suppressed') return { kind: 'rejected', reason: 'bounced' };
  if (bounce['type'] !== 'Permanent') return { kind: 'bounced', reason: 'other' };
  return { kind: 'bounced', reason: hardBounce(undefined, diagnosticOf(bounce)) };
}

function diagnosticOf({ diagnosticCode: code }: Fields): string | undefined {
  return textOf(Array.isArray(code) ? code.map(String).join(' ') : code);
}

/** Documented as a list of name and value, and shown in the examples as an object. */
function ourIdIn(tags: unknown): string | undefined {
  if (!Array.isArray(tags)) return idOf(fieldsOf(tags)[OUR_ID]);
  return idOf(tags.map(fieldsOf).find(({ name }) => name === OUR_ID)?.['value']);
}

function onlyOne(to: unknown): string | undefined {
  return Array.isArray(to) && to.length === 1 ? textOf(to[0]) : undefined;
}
