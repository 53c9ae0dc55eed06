import { verify, X509Certificate } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { HOUR_MS } from '../../core/durations.js';
import { Semaphore } from '../../core/semaphore.js';
import { AUTHENTIC, type Fields, type Proof, refused, textOf } from './hook.js';

/**
 * Milliseconds for which SNS goes on trying; the timestamp is that of the publication, and not of the attempt.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
 */
const RETRIES_FOR = HOUR_MS;
const CLOCKS_DIFFER = 5 * 60_000;

const SIGNED_FIELDS = new Map(
  Object.entries({
    Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
    SubscriptionConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
    UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
  }),
);

/** 1 is what a topic uses unless it is told otherwise. */
const HASHES = new Map([
  ['1', 'sha1'],
  ['2', 'sha256'],
]);

/** What can be said without the certificate, so that a stranger's message makes us fetch none. */
export function isWorthFetching(message: Fields, topicArn: string, now: Date): Proof {
  const isSigned = SIGNED_FIELDS.has(textOf(message['Type']) ?? '');
  if (!isSigned || !HASHES.has(textOf(message['SignatureVersion']) ?? '') || !textOf(message['Signature']))
    return refused('unsigned');
  if (message['TopicArn'] !== topicArn) return refused('forged');
  if (!certificateUrlIn(message, topicArn)) return refused('forged');
  const age = now.getTime() - Date.parse(textOf(message['Timestamp']) ?? '');
  return age <= RETRIES_FOR && age >= -CLOCKS_DIFFER ? AUTHENTIC : refused('stale');
}

/** https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html */
export function proveBy(certificate: X509Certificate, message: Fields, now: Date): Proof {
  const fields = SIGNED_FIELDS.get(textOf(message['Type']) ?? '') ?? [];
  const signed = fields.flatMap((name) => (typeof message[name] === 'string' ? [name, message[name]] : [])).join('\n');
  const hash = HASHES.get(textOf(message['SignatureVersion']) ?? '');
  if (hash === undefined || fields.length === 0) return refused('unsigned');
  const current =
    Date.parse(certificate.validFrom) <= now.getTime() && now.getTime() <= Date.parse(certificate.validTo);
  const signature = Buffer.from(textOf(message['Signature']) ?? '', 'base64');
  return current && verify(hash, Buffer.from(`${signed}\n`), certificate.publicKey, signature)
    ? AUTHENTIC
    : refused('forged');
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
  return parameters.get('Action') === 'ConfirmSubscription' && parameters.get('TopicArn') === topicArn
    ? text
    : undefined;
}

function hostOf(topicArn: string): string {
  const [, partition, , region] = topicArn.split(':');
  return `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
}

const WITHIN_MS = 5_000;
/** Bytes; a certificate has about two thousand. */
const LARGEST = 16 * 1024;
/** One is in use at a time, for about a year; both before and after it is replaced, two are. */
const PROVEN = 10;
/** Fetched, and nothing was proven by them yet. */
const UNPROVEN = 20;
/**
 * A forged message that names the right topic may name any number of certificates, and there is no telling before they
 * are fetched. So few are fetched at a time, one that is not there keeps its place for a while, and the rest wait in
 * line.
 */
const AT_A_TIME = 2;
const MOST_WAITING = 50;
/** Milliseconds. */
const FAILURE_HOLDS = 200;

/** Amazon could not be asked; the same message may be proven later. */
export class SnsUnavailable extends Error {
  override readonly name = 'SnsUnavailable';
}

/**
 * What is fetched from sns.<region>.amazonaws.com. That an address is there is for the caller to see to. Certificates
 * that proved something are kept apart: whoever knows the topic can name others, and push out nothing but those.
 */
export class SnsSite {
  private readonly proven = new Map<string, X509Certificate>();
  private readonly unproven = new Map<string, X509Certificate>();
  private readonly underWay = new Map<string, Promise<X509Certificate>>();
  private readonly line = new Semaphore(AT_A_TIME, { mostWaiting: MOST_WAITING });

  /** @param get the text behind an address */
  constructor(private readonly get: (url: string) => Promise<string> = getPinned) {}

  /** @param requester who makes us ask @throws SnsUnavailable */
  async certificate(url: string, requester: string): Promise<X509Certificate> {
    const known = this.proven.get(url) ?? this.unproven.get(url) ?? this.underWay.get(url);
    if (known) return known;
    const fetched = this.fetch(url, requester).finally(() => this.underWay.delete(url));
    this.underWay.set(url, fetched);
    return fetched;
  }

  /** It proved a signature: it is Amazon's, and in use. */
  keep(url: string, certificate: X509Certificate): void {
    this.unproven.delete(url);
    putLast(this.proven, url, certificate, PROVEN);
  }

  /** @throws SnsUnavailable */
  async confirm(url: string): Promise<void> {
    await this.text(url);
  }

  private async fetch(url: string, requester: string): Promise<X509Certificate> {
    const leave = await this.line.acquire({ key: requester }).catch((error: unknown) => {
      throw new SnsUnavailable('too many certificates are asked for', { cause: error });
    });
    try {
      const certificate = new X509Certificate(await this.text(url));
      putLast(this.unproven, url, certificate, UNPROVEN);
      leave();
      return certificate;
    } catch (error) {
      void delay(FAILURE_HOLDS, undefined, { ref: false }).then(leave);
      throw new SnsUnavailable('the certificate could not be had', { cause: error }); // the next one asks again
    }
  }

  private async text(url: string): Promise<string> {
    try {
      return await this.get(url);
    } catch (error) {
      throw new SnsUnavailable('Amazon SNS did not answer as expected', { cause: error });
    }
  }
}

/** The one that was put there the longest ago makes room. */
function putLast<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value!);
}

async function getPinned(url: string): Promise<string> {
  const response = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(WITHIN_MS) });
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > LARGEST) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
