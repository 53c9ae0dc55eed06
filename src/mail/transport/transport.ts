import type { Outcome } from '../outcome.js';

/** A message as it goes over the wire, to one recipient. */
export interface ComposedMessage {
  /** Id of the `outbound_emails` row. */
  id: string;
  /** RFC 5322 Message-ID with its angle brackets; the same on every attempt. */
  messageId: string;
  from: string;
  to: string;
  replyTo?: string;
  /** Of the attempt, by the clock of Postgres; providers write their own. */
  date: Date;
  subject: string;
  text: string;
  html: string;
  /** Besides those that follow from the above. */
  headers: Record<string, string>;
}

/**
 * Commits that this attempt is about to release the message's last byte.
 * @throws OfferRefused when the attempt no longer owns the message or the message expired: the transfer must stop.
 */
export type Offer = () => Promise<void>;

export class OfferRefused extends Error {
  override readonly name = 'OfferRefused';
}

/** A way out of this host. Takes one message, tells what became of it, never throws. */
export interface Transport {
  /** Such as `smtp.example.com:587`; no credentials. */
  readonly name: string;
  /**
   * `offer` is called after the server is ready for the end of the message and before it gets it; again where the same
   * message is tried once more. `urgent`: a code, which does not wait for other mail.
   */
  send(message: ComposedMessage, offer: Offer, urgent?: boolean): Promise<Outcome>;
  close(): Promise<void>;
}
