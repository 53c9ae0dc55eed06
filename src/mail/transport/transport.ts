import { DAY_MS } from '../../core/durations.js';

/** Milliseconds for which mail is kept that somebody has to mend something for; RFC 5321 §4.5.4.1 wants 4 to 5 days. */
export const KEPT_MS = 4 * DAY_MS;

/** What an attempt taught us about the transport itself, apart from the message. */
export type TransportEffect =
  /** A configuration fault, such as a refused login: nothing more is sent this way until it is mended. */
  | { kind: 'pause'; reason: string }
  /**
   * The server asked for a break, or cannot be used: nothing is sent this way for so many milliseconds, and for longer
   * each time in a row. `here`: it said nothing of the kind, and other hosts may fare better. `unreachable`: we never
   * came as far as a word with it. `longestMs`: no break in the row is longer. `reason`: in place of the error code.
   */
  | { kind: 'backoff'; ms: number; here?: true; unreachable?: true; longestMs?: number; reason?: string }
  /** The server wants fewer at a time. */
  | { kind: 'slow' };

interface Told {
  /** Stable and short, such as `smtp_550` or `smtp_timeout`; goes to logs and metrics. */
  errorCode: string;
  /** The server's reply, verbatim; goes to the timeline only, for it may quote addresses. */
  reply?: string;
  transport?: TransportEffect;
  /** The sender's fault or ours: an operator has to look. */
  alert?: true;
  /** The recipient's own word: no such mailbox, full, or greylisting. */
  ofRecipient?: true;
  /** The server takes no further recipient in one transfer; alone, or with fewer, they may be welcome. */
  tooMany?: true;
  /** Recipients of several that had answers of their own. */
  refused?: readonly RefusedRecipient[];
  /** One of several recipients may be why: each is to be tried alone. */
  alone?: true;
  /** This transport cannot take it; another one may. */
  elsewhere?: true;
}

/** A recipient of several, and what the server said to that one. */
export interface RefusedRecipient {
  /** As in the message. */
  address: string;
  outcome: Extract<Outcome, { kind: 'deferred' | 'failed' }>;
}

/** What became of one attempt to hand a message over. A value, because every kind has its own consequence. */
export type Outcome =
  /** The server said 2xx to the whole message. Never means that it was delivered. `refused`: all but these. */
  | { kind: 'sent'; reply: string; providerMessageId?: string; refused?: readonly RefusedRecipient[] }
  /** Provably not taken, and worth another attempt. */
  | ({
      kind: 'deferred';
      /** Milliseconds the server wants us to wait; the retry policy's own delay when absent. */
      afterMs?: number;
      /** The fault was not the message's: the attempt does not count against it. */
      uncounted?: true;
      /** Greylisting: only the same transport and sender will be let in. */
      sameTransport?: true;
      /** Milliseconds after its first attempt at which the message is given up for this reason. */
      withinMs?: number;
    } & Told)
  /** Refused for good. `suppress`: the address is to get no further mail. */
  | ({ kind: 'failed'; suppress?: true } & Told)
  /** The last byte was released and no answer came: it may or may not have been taken. Never sent again silently. */
  | ({ kind: 'unknown' } & Told)
  /** Another attempt owns the message, or it expired: the offer was refused and nothing was released. */
  | { kind: 'withdrawn' };

/** Error code of an attempt that Postgres kept from its offer. */
export const OFFER_NOT_RECORDED = 'offer_not_recorded';

/** Error codes of what a transport cannot take, where that is clear before anybody is asked. */
export const UNASKED: readonly string[] = ['mime_not_expressible', 'too_large_for_provider'];

/** A file that goes along with a message. */
export interface ComposedAttachment {
  filename: string;
  /** Such as `application/pdf`, with its parameters. */
  contentType: string;
  /** By which the HTML shows it: `cid:<contentId>`. */
  contentId?: string;
  /** Shown in the message where the reader can. */
  inline: boolean;
  bytes: Buffer;
}

/** Somebody a hand-over is for. */
export interface Addressee {
  kind: 'to' | 'cc' | 'bcc';
  address: string;
  /** Empty where there is none. */
  name: string;
}

/** A message as it goes over the wire. */
export interface ComposedMessage {
  /** Id of the `outbound_emails` row. */
  id: string;
  /** RFC 5322 Message-ID with its angle brackets; the same on every attempt. */
  messageId: string;
  from: string;
  /** As the message shows them, such as `Ada <ada@example.com>`; those that it is not for any more included. */
  to: readonly string[];
  cc: readonly string[];
  replyTo: readonly string[];
  /** Whom this hand-over is for, one at least. */
  recipients: readonly Addressee[];
  /** Of the attempt, by the clock of Postgres; providers write their own. */
  date: Date;
  /** After which it is good for nothing, for transports that can be told; SMS alone has it. */
  expiresAt?: Date;
  subject: string;
  text: string;
  html: string;
  /** Besides those that follow from the above. */
  headers: Record<string, string>;
  attachments: readonly ComposedAttachment[];
  /**
   * Composed by its sender: goes out as it is where the transport takes MIME, with `headers` before its own. Text, HTML
   * and attachments are then empty until somebody takes it apart.
   */
  mime?: Buffer;
  /** MAIL FROM, where it is another than `from`. Empty: the null path (RFC 5321 §4.5.5). */
  returnPath?: string;
}

/**
 * Commits that this attempt is about to release the message's last byte.
 * @throws OfferRefused when the attempt no longer owns the message or the message expired: the transfer must stop.
 */
export type Offer = () => Promise<void>;

export class OfferRefused extends Error {
  override readonly name = 'OfferRefused';
}

/** One way from this host to where mail goes. Takes one message, tells what became of it, never throws. */
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
