import type { EmailStatus } from '../../generated/prisma/enums.js';
import type { Lane } from '../../core/lanes.js';

/** A row in `sending` that this process owns until its lease runs out, with all that one attempt takes. */
export interface ClaimedDelivery {
  /** `webhook-id` */
  id: string;
  leaseToken: string;
  /** This one included. */
  attempt: number;
  /** Such as email.sent */
  type: string;
  createdAt: Date;
  /** What it says where it tells of no message. */
  payload: Record<string, unknown> | null;
  /** The row of the timeline that it tells of; null when that was removed. */
  event: EmailEventFacts | null;
  endpoint: ClaimedEndpoint;
}

export interface ClaimedEndpoint {
  id: string;
  url: string;
  sealedSecret: Uint8Array;
  sealKeyId: string;
  /** Signs too for a while after a rotation. */
  sealedPreviousSecret: Uint8Array | null;
  previousSealKeyId: string | null;
  /** Failed attempts in a row before this one, and milliseconds since the first of them. */
  failures: number;
  failingMs: number;
  /** Deliveries that it could have been given by this claim. */
  room: number;
}

export interface EmailEventFacts {
  at: Date;
  emailId: string;
  status: EmailStatus;
  attempt: number;
  transport: string | null;
  reply: string | null;
  errorCode: string | null;
  to: string;
  template: string | null;
  lane: Lane;
  messageId: string;
  providerMessageId: string | null;
  createdAt: Date;
  scheduledAt: Date | null;
  expiresAt: Date | null;
}

/** How an attempt ends in the record. `given_back`: it never was one. */
export interface DeliveryEnding {
  status: 'delivered' | 'deferred' | 'failed' | 'given_back';
  /** Milliseconds until a deferred row falls due. */
  delayMs?: number | undefined;
  statusCode?: number | undefined;
  errorCode?: string | undefined;
  /** The first kilobyte of the answer. */
  response?: string | undefined;
  tookMs: number;
}
