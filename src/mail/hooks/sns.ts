import { verify, type X509Certificate } from 'node:crypto';
import { type Fields, textOf } from './fields.js';
import { AUTHENTIC, type Proof, refused } from './provider-event.js';

/**
 * Milliseconds for which SNS goes on trying; the timestamp is that of the publication, and not of the attempt.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
 */
const RETRIES_FOR = 3_600_000;
const CLOCKS_DIFFER = 5 * 60_000;

const SIGNED_FIELDS: Record<string, readonly string[]> = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
};

/** 1 is what a topic uses unless it is told otherwise. */
const HASHES: Record<string, string> = { '1': 'sha1', '2': 'sha256' };

/** What can be said without the certificate, so that a stranger's message makes us fetch none. */
export function isWorthFetching(message: Fields, topicArn: string, now: Date): Proof {
  const fields = SIGNED_FIELDS[textOf(message['Type']) ?? ''];
  if (!fields || !HASHES[textOf(message['SignatureVersion']) ?? ''] || !textOf(message['Signature'])) return refused('unsigned');
  if (message['TopicArn'] !== topicArn) return refused('forged');
  if (!certificateUrlIn(message, topicArn)) return refused('forged');
  const age = now.getTime() - Date.parse(textOf(message['Timestamp']) ?? '');
  return age <= RETRIES_FOR && age >= -CLOCKS_DIFFER ? AUTHENTIC : refused('stale');
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html */
export function proveBy(certificate: X509Certificate, message: Fields, now: Date): Proof {
  const fields = SIGNED_FIELDS[textOf(message['Type']) ?? ''] ?? [];
  const signed = fields.flatMap((name) => (typeof message[name] === 'string' ? [name, message[name]] : [])).join('\n');
  const hash = HASHES[textOf(message['SignatureVersion']) ?? ''];
  if (hash === undefined || fields.length === 0) return refused('unsigned');
  const current = Date.parse(certificate.validFrom) <= now.getTime() && now.getTime() <= Date.parse(certificate.validTo);
  const signature = Buffer.from(textOf(message['Signature']) ?? '', 'base64');
  return current && verify(hash, Buffer.from(`${signed}\n`), certificate.publicKey, signature) ? AUTHENTIC : refused('forged');
}

/** Only where SNS keeps those of the topic's own region: whoever serves the certificate decides what is authentic. */
export function certificateUrlIn(message: Fields, topicArn: string): string | undefined {
  const url = textOf(message['SigningCertURL']) ?? '';
  const start = `https://${hostOf(topicArn)}/SimpleNotificationService-`;
  return url.startsWith(start) && /^[\da-f]{32}\.pem$/.test(url.slice(start.length)) ? url : undefined;
}

/** Where the subscription of this very topic is confirmed. */
export function subscribeUrlIn(message: Fields, topicArn: string): string | undefined {
  const text = textOf(message['SubscribeURL']) ?? '';
  if (!text.startsWith(`https://${hostOf(topicArn)}/?`)) return undefined;
  const { searchParams: parameters } = new URL(text);
  return parameters.get('Action') === 'ConfirmSubscription' && parameters.get('TopicArn') === topicArn ? text : undefined;
}

function hostOf(topicArn: string): string {
  const [, partition, , region] = topicArn.split(':');
  return `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
}
