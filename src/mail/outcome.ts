/** What became of one attempt to hand a message over. A value, because every kind has its own consequence. */
export type Outcome =
  /** The server said 2xx to the whole message. Never means that it was delivered. */
  | { kind: 'sent'; reply: string; providerMessageId?: string }
  /** Provably not taken, and worth another attempt. */
  | { kind: 'deferred'; errorCode: string; reply?: string }
  /** Refused for good. */
  | { kind: 'failed'; errorCode: string; reply?: string }
  /** The last byte was released and no answer came: it may or may not have been taken. Never sent again silently. */
  | { kind: 'unknown'; errorCode: string; reply?: string }
  /** Another attempt owns the message, or it expired: the offer was refused and nothing was released. */
  | { kind: 'withdrawn' };
