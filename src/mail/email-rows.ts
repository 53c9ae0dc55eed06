import type { Lane } from '../core/lanes.js';
import type { EmailStatus } from '../generated/prisma/enums.js';

/** What `accept` writes. */
export interface NewEmail {
  id: string;
  lane: Lane;
  from: string;
  to: string;
  toCanonical: string;
  replyTo: string | null;
  /** Null: the sealed variables are the content itself. */
  template: string | null;
  locale: string;
  sealedVariables: Uint8Array;
  sealKeyId: string;
  secret: boolean;
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
  /** The recipient's, in its canonical form. */
  domain: string;
  replyTo: string | null;
  template: string | null;
  locale: string;
  sealedVariables: Uint8Array | null;
  sealKeyId: string;
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
  /** A copy of it went that way, and its recipient asked for another one. */
  avoidTransport: string | null;
  /** The transport it is to take, whose rate was charged when it was claimed. */
  via?: string;
}

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
}
