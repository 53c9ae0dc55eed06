import { parseEmailAddress } from '../../core/email-address.js';
import type { Lane } from '../../core/lanes.js';
import type { SubscriberWords } from '../subscribers/subscribers.js';
import type { EmailStatus } from '../../generated/prisma/enums.js';

/** Somebody an envelope is for. */
export interface Recipient {
  /** Where the message shows them; `bcc` nowhere. */
  kind: 'to' | 'cc' | 'bcc';
  /** The stored form. */
  address: string;
  /** Empty where there is none. */
  name: string;
  canonical: string;
}

/** In one envelope: what every server takes (RFC 5321 §4.5.3.1.8 asks for 100) and providers do too. */
export const MOST_IN_ENVELOPE = 50;

/** What rows share, or what has attachments: a row of `email_contents`. */
export interface NewContent {
  id: string;
  sealed: Uint8Array;
  sealKeyId: string;
  /** Ids of stored files. */
  files: readonly string[];
}

/** What `accept` writes. */
export interface NewEmail {
  id: string;
  lane: Lane;
  from: string;
  /** The first recipient's address. */
  to: string;
  /** Empty where there are several. */
  toCanonical: string;
  /** Null: `to` alone, without a name. */
  recipients: readonly Recipient[] | null;
  replyTo: string | null;
  /** Null: the sealed variables are the content itself. */
  template: string | null;
  locale: string;
  /** With a content of its own: {@link CONTENT_ELSEWHERE}. */
  sealedVariables: Uint8Array;
  sealKeyId: string;
  content: NewContent | null;
  /** The message whose recipients were too many for one envelope, these among them: its content is this one's too. */
  partOf: string | null;
  secret: boolean;
  /** For lists; null where a template has it. */
  subject: string | null;
  tags: readonly string[];
  metadata: Readonly<Record<string, string>> | null;
  maxAttempts: number;
  scheduledAt: Date | null;
  expiresAt: Date | null;
  /** Milliseconds from now on, in place of `expiresAt`. */
  livesMs: number | null;
  supersedeKey: string | null;
  messageId: string;
  apiKeyId: string | null;
  requestId: string | null;
  /** Of the span that accepted it (W3C Trace Context). */
  traceparent: string | null;
}

/**
 * In the place of sealed content: the row needs its row of `email_contents`. Opens with no key, so that a build which
 * knows nothing of those defers the message and sends no empty one. As long as the nonce and the tag of what is sealed:
 * shorter ones some builds take for a fault of their own.
 */
export const CONTENT_ELSEWHERE = new Uint8Array(28);

/** A row in `sending` that this process owns until its lease runs out. */
export interface ClaimedEmail {
  id: string;
  lane: Lane;
  leaseToken: string;
  /** This one included. */
  attempt: number;
  maxAttempts: number;
  expiresAt: Date | null;
  from: string;
  to: string;
  /** The recipient's, in its canonical form; empty where there are several. */
  domain: string;
  /** Null: `to` alone, without a name. */
  recipients: Recipient[] | null;
  replyTo: string | null;
  template: string | null;
  locale: string;
  sealedVariables: Uint8Array | null;
  sealKeyId: string;
  contentId: string | null;
  /** Of its row of `email_contents`. */
  sealedContent: Uint8Array | null;
  contentKeyId: string | null;
  /** Of a broadcast's message. */
  broadcastId: string | null;
  subscriberId: string | null;
  /** As they are now; null where they were removed. */
  subscriber: SubscriberWords | null;
  /** Carries a code. */
  secret: boolean;
  /** Sent again after an unknown outcome. */
  possibleDuplicate: boolean;
  messageId: string;
  requestId: string | null;
  traceparent: string | null;
  /** When the row was accepted. */
  createdAt: Date;
  scheduledAt: Date | null;
  /** First claimed since it was accepted, or since somebody sent it on its way again. */
  triedSince: Date;
  /** A copy of it went that way, and its recipient asked for another one. */
  avoidTransport: string | null;
  /** The transport it is to take, whose rate was charged when it was claimed. */
  via?: string;
}

/** What a message is made of. */
export type KeptEmail = Pick<
  ClaimedEmail,
  | 'id'
  | 'lane'
  | 'from'
  | 'to'
  | 'recipients'
  | 'replyTo'
  | 'template'
  | 'locale'
  | 'expiresAt'
  | 'messageId'
  | 'sealedVariables'
  | 'sealKeyId'
  | 'contentId'
  | 'sealedContent'
  | 'contentKeyId'
  | 'broadcastId'
  | 'subscriberId'
  | 'subscriber'
>;

/** How an attempt ends in the record. */
export interface Ending {
  /** queued: given back, the attempt not counted. */
  status: Extract<EmailStatus, 'sent' | 'deferred' | 'failed' | 'unknown' | 'queued'>;
  transport?: string;
  /** The server's words, verbatim but for what Postgres cannot hold. */
  reply?: string;
  errorCode?: string;
  providerMessageId?: string;
  /** Milliseconds until a deferred row falls due. */
  delayMs?: number;
  /** The fault was not the message's: the attempt does not count. */
  uncounted?: boolean;
  /** The next attempt may bring the message a second time. */
  possibleDuplicate?: true;
  /** The address gets no further mail. */
  suppress?: { reason: string; source: string };
  /** Recipients with another fate: each goes on, or ends, in a row of its own. */
  apart?: readonly Apart[];
}

/** One recipient of several, and what becomes of them. */
export interface Apart {
  recipient: Recipient;
  ending: Omit<Ending, 'status' | 'apart'> & { status: Ending['status'] | 'suppressed' };
}

/** Whom a claimed message is for. */
export function recipientsOf({ to, recipients }: Pick<ClaimedEmail, 'to' | 'recipients'>): readonly Recipient[] {
  return (
    recipients ?? [
      { kind: 'to', address: to, name: '', canonical: parseEmailAddress(to)?.canonical ?? to.toLowerCase() },
    ]
  );
}

/** Whom it is still for when some are set apart. */
export function recipientsWithout(
  email: Pick<ClaimedEmail, 'to' | 'recipients'>,
  apart: readonly Apart[],
): Recipient[] {
  const gone = new Set(apart.map(({ recipient }) => recipient.canonical));
  return recipientsOf(email).filter(({ canonical }) => !gone.has(canonical));
}

/** Fates may differ. */
export function isForSeveral(email: Pick<ClaimedEmail, 'recipients'>): boolean {
  return (email.recipients?.length ?? 1) > 1;
}
