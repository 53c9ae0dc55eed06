/** `rejected`: the provider took the message and then did not send it. */
export const EVENT_KINDS = ['delivered', 'bounced', 'complained', 'deferred', 'rejected', 'unsubscribed'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** django-anymail's words. `invalid` and `bounced` speak of the address, the others of anything else. */
export type EventReason = 'invalid' | 'bounced' | 'timed_out' | 'blocked' | 'spam' | 'unsubscribed' | 'other';

/** What a provider says became of one message for one recipient. */
export interface ProviderEvent {
  /** The provider's id of the event, or a hash of what makes it one. */
  dedupeKey: string;
  /** `ignored` is kept only so that its proof cannot be used for another one. */
  kind: EventKind | 'ignored';
  /** Our own id, as the message carried it. */
  emailId?: string | undefined;
  /** The provider's id of the message, without angle brackets. */
  providerMessageId?: string | undefined;
  /** RFC 5322 Message-ID, with or without angle brackets. */
  messageId?: string | undefined;
  /** As the provider writes it. */
  recipient?: string | undefined;
  reason?: EventReason | undefined;
  /** The provider's words, verbatim. */
  detail?: string | undefined;
  occurredAt: Date;
}

/** A request as its proof and its reader see it. */
export interface HookRequest {
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As it came over the wire: that is what is signed. */
  body: Buffer;
  now: Date;
}

/** Whether the provider said it, and said it lately. */
export type Proof = { kind: 'authentic' } | { kind: 'refused'; reason: 'unsigned' | 'forged' | 'stale' };

export const AUTHENTIC: Proof = { kind: 'authentic' };

export function refused(reason: Extract<Proof, { kind: 'refused' }>['reason']): Proof {
  return { kind: 'refused', reason };
}
