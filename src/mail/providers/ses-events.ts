import {
  type EventKind,
  type EventReason,
  type Fields,
  fieldsOf,
  hardBounce,
  type HookHelp,
  type HookRequest,
  idOf,
  jsonOf,
  momentOf,
  OUR_ID,
  type Proof,
  type ProviderEvent,
  refused,
  textOf,
  wordsOf,
} from './hook.js';
import { certificateUrlIn, isWorthFetching, proveBy, subscribeUrlIn } from './sns.js';

/**
 * Proves a message of SNS, and confirms the subscription to the topic where it asks for that. @throws SyntaxError,
 * SnsUnavailable
 */
export async function proveNotification(
  { body, now }: HookRequest,
  { topicArn }: { topicArn: string },
  { sns, requester, log }: HookHelp,
): Promise<Proof> {
  const message = fieldsOf(jsonOf(body));
  const worth = isWorthFetching(message, topicArn, now);
  if (worth.kind === 'refused') return worth;
  const certificateUrl = certificateUrlIn(message, topicArn)!;
  const certificate = await sns.certificate(certificateUrl, requester);
  const proof = proveBy(certificate, message, now);
  if (proof.kind === 'refused') return proof;
  sns.keep(certificateUrl, certificate);
  if (message['Type'] === 'UnsubscribeConfirmation')
    log.warn({ provider: 'ses' }, 'the SNS topic no longer sends events here');
  if (message['Type'] === 'SubscriptionConfirmation') {
    const subscribeUrl = subscribeUrlIn(message, topicArn);
    if (subscribeUrl === undefined) return refused('forged');
    await sns.confirm(subscribeUrl);
    log.info({ provider: 'ses' }, 'the subscription to the SNS topic is confirmed');
  }
  return proof;
}

interface Meaning {
  kind: EventKind;
  reason?: EventReason;
  /** Whom it speaks of. */
  recipients: { address: string | undefined; detail?: string | undefined }[];
  at: unknown;
}

/**
 * What SES published through SNS; events and feedback notifications have the same form.
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
 * @throws SyntaxError
 */
export function readNotification({ body, now }: HookRequest): ProviderEvent[] {
  const message = fieldsOf(jsonOf(body));
  // Others are about the subscription.
  if (message['Type'] !== 'Notification') return [];
  const fields = contentOf(textOf(message['Message']) ?? '');
  const meaning = meaningOf(fields);
  if (!meaning) return [];
  const mail = fieldsOf(fields['mail']);
  const tag = fieldsOf(mail['tags'])[OUR_ID];
  return meaning.recipients.map(({ address, detail }, index) => ({
    kind: meaning.kind,
    reason: meaning.reason,
    dedupeKey: `${idOf(message['MessageId']) ?? ''}:${index}`,
    emailId: idOf(Array.isArray(tag) ? tag[0] : tag),
    providerMessageId: idOf(mail['messageId']),
    recipient: /<([^<>]+)>\s*$/.exec(address ?? '')?.[1] ?? address,
    detail,
    occurredAt: momentOf(meaning.at, momentOf(message['Timestamp'], now)),
  }));
}

/** A topic also carries text that is no event, such as the greeting after it was joined to SES. */
function contentOf(text: string): Fields {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return {};
  }
}

function meaningOf(fields: Fields): Meaning | undefined {
  const everybody = { recipients: addressesIn(fieldsOf(fields['mail'])['destination']) };
  switch (wordsOf(fields['eventType'], fields['notificationType'])) {
    case 'Delivery': {
      const told = fieldsOf(fields['delivery']);
      const detail = textOf(told['smtpResponse']);
      return {
        kind: 'delivered',
        recipients: addressesIn(told['recipients']).map((one) => ({ ...one, detail })),
        at: told['timestamp'],
      };
    }
    case 'Bounce':
      return ofBounce(fieldsOf(fields['bounce']));
    case 'Complaint': {
      const told = fieldsOf(fields['complaint']);
      return {
        kind: 'complained',
        reason: 'spam',
        recipients: peopleIn(told['complainedRecipients'], told['complaintFeedbackType']),
        at: told['timestamp'],
      };
    }
    case 'DeliveryDelay': {
      const told = fieldsOf(fields['deliveryDelay']);
      return {
        kind: 'deferred',
        reason: 'other',
        recipients: peopleIn(told['delayedRecipients'], told['delayType']),
        at: told['timestamp'],
      };
    }
    case 'Reject': {
      const detail = textOf(fieldsOf(fields['reject'])['reason']);
      return {
        kind: 'rejected',
        reason: 'blocked',
        recipients: everybody.recipients.map((one) => ({ ...one, detail })),
        at: undefined,
      };
    }
    case 'Subscription':
      return {
        kind: 'unsubscribed',
        reason: 'unsubscribed',
        ...everybody,
        at: fieldsOf(fields['subscription'])['timestamp'],
      };
    default:
      return undefined;
  }
}

/**
 * https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html#event-publishing-retrieving-sns-contents-bounce-types
 */
function ofBounce(told: Fields): Meaning {
  const type = textOf(told['bounceType']);
  const subType = textOf(told['bounceSubType']);
  const recipients = peopleIn(told['bouncedRecipients'], `${type}: ${subType}`);
  const at = told['timestamp'];
  if (type === 'Transient') return { kind: 'deferred', reason: 'other', recipients, at };
  // SES had the address on a list and sent nothing.
  if (subType === 'Suppressed' || subType === 'OnAccountSuppressionList')
    return { kind: 'rejected', reason: 'bounced', recipients, at };
  if (type !== 'Permanent') return { kind: 'bounced', reason: 'other', recipients, at };
  const first = fieldsOf(Array.isArray(told['bouncedRecipients']) ? told['bouncedRecipients'][0] : undefined);
  return {
    kind: 'bounced',
    reason: hardBounce(textOf(first['status']), textOf(first['diagnosticCode'])),
    recipients,
    at,
  };
}

function peopleIn(people: unknown, otherwise: unknown): Meaning['recipients'] {
  return (Array.isArray(people) ? people : []).map(fieldsOf).map((person) => ({
    address: textOf(person['emailAddress']),
    detail: wordsOf(person['diagnosticCode'], otherwise),
  }));
}

function addressesIn(addresses: unknown): Meaning['recipients'] {
  return (Array.isArray(addresses) ? addresses : []).map((address) => ({ address: textOf(address) }));
}
