import type { Lane } from '../../core/lanes.js';
import type { EventKind, EventReason } from '../providers/hook.js';
import { PROVIDERS } from '../providers/providers.js';
import type { NewSuppression } from '../suppressions/suppressions.js';

/**
 * Whether a transport, named as in the timeline (`mailgun:example.org`, `smtp.sendgrid.net:587`), hands over to this
 * provider: one that never carried a message has nothing to say about it, however authentic its events are.
 */
export function isCarrier(provider: string, transport: string): boolean {
  const [name, ...rest] = transport.toLowerCase().split(/[:#]/);
  const relay = PROVIDERS.find(({ kind }) => kind === provider)?.relay;
  return name === provider || (rest.length < 2 && relay?.hosts.test(name!) === true);
}

/** A provider, or `dsn`: a bounce that came as mail. */
export type EventSource = string;

export interface HeardEvent {
  source: EventSource;
  kind: EventKind;
  reason: EventReason | null;
  recipientCanonical: string | null;
}

/** By what an event names its message. */
export interface Naming {
  /** Our own id. */
  emailId: string | null;
  providerMessageId: string | null;
  /** With angle brackets. */
  messageId: string | null;
}

/** How a message may be named. */
interface Named extends Omit<Naming, 'emailId'> {
  id: string;
  /** The message it was split off. */
  splitFrom: string | null;
}

/**
 * Our own id where the message carried it, else the provider's, else the Message-ID: that of what its sender composed
 * is another's, though it may look like ours.
 */
export function messagesFor<Message extends Named>(
  { emailId, providerMessageId: id, messageId }: Naming,
  messages: readonly Message[],
): Message[] {
  const named = messages.filter((message) =>
    emailId === null
      ? id !== null && (message.providerMessageId === id || message.providerMessageId === `<${id}>`)
      : message.id === emailId || message.splitFrom === emailId,
  );
  return named.length > 0 ? named : messages.filter((message) => message.messageId === messageId);
}

/** The message it speaks of. */
export interface ToldMessage {
  status: string;
  lane: Lane;
  /** Canonical addresses of those whom it is for. */
  addresses: readonly string[];
  /** The transport of its newest attempt that ended. */
  transport: string | null;
  /** The transports of all its attempts. */
  carriers: readonly string[];
  /** Its outcome was unknown, and a second copy is planned that nobody has claimed. */
  plannedAfterUnknown: boolean;
}

export type Consequence =
  /** Its attempt has not ended in our own record: the event outran our commit. */
  | { kind: 'wait' }
  /** Not about this message after all. */
  | { kind: 'foreign' }
  | {
      kind: 'applies';
      /** Absent: it stays as it is, and the timeline tells what was heard. */
      status?: 'delivered' | 'bounced' | 'complained';
      errorCode: string | null;
      suppress?: Pick<NewSuppression, 'scope' | 'reason'>;
      /** The mailbox took it: a bounce from before counts no longer. */
      lives?: true;
    };

const UNDER_WAY = ['scheduled', 'queued', 'sending', 'deferred'];

/**
 * What an authentic event leads to. The order in which events come does not matter: a complaint is stronger than a
 * delivery, a bounce may follow a delivery (the receiving server thought again), and a late delay changes nothing.
 */
export function consequenceOf(event: HeardEvent, message: ToldMessage): Consequence {
  const { recipientCanonical: named } = event;
  if (named !== null && !message.addresses.includes(named)) return { kind: 'foreign' };
  if (UNDER_WAY.includes(message.status) && !message.plannedAfterUnknown) return { kind: 'wait' };
  if (!hasCarried(event.source, message)) return { kind: 'foreign' };
  // Of several it could be any.
  const isKnown = named !== null || message.addresses.length === 1;
  const status = isKnown ? statusAfter(event, message) : undefined;
  const suppress = isKnown ? suppressionBy(event, message.lane) : undefined;
  // What comes as mail anybody may have written; it is good enough to stop mail, and not to begin it again.
  const lives = isKnown && event.kind === 'delivered' && event.source !== 'dsn';
  const errorCode = errorCodeOf(event);
  return {
    kind: 'applies',
    errorCode,
    ...(status && { status }),
    ...(suppress && { suppress }),
    ...(lives && { lives }),
  };
}

function hasCarried(source: EventSource, { carriers }: ToldMessage): boolean {
  return carriers.some((transport) => source === 'dsn' || isCarrier(source, transport));
}

function statusAfter(
  { kind, source }: HeardEvent,
  { status, transport, plannedAfterUnknown }: ToldMessage,
): 'delivered' | 'bounced' | 'complained' | undefined {
  const handedOver = status === 'sent' || status === 'unknown' || plannedAfterUnknown;
  // One copy that arrived is enough; one that did not says nothing of a later copy by another way.
  const newestCopy = transport === null || source === 'dsn' || isCarrier(source, transport);
  switch (kind) {
    case 'delivered':
      return handedOver ? 'delivered' : undefined;
    case 'complained':
      return handedOver || status === 'delivered' ? 'complained' : undefined;
    case 'bounced':
      return newestCopy && (handedOver || status === 'delivered') ? 'bounced' : undefined;
    case 'rejected':
      return newestCopy && handedOver ? 'bounced' : undefined;
    case 'deferred':
    case 'unsubscribed':
      return undefined;
  }
}

function suppressionBy(event: HeardEvent, lane: Lane): Extract<Consequence, { kind: 'applies' }>['suppress'] {
  const { kind } = event;
  if (isHardBounce(event)) return { scope: 'all', reason: 'hard_bounce' };
  if (kind === 'complained') return { scope: lane === 'bulk' ? 'bulk' : 'all', reason: 'complaint' };
  if (kind === 'unsubscribed') return { scope: 'bulk', reason: 'unsubscribe' };
  return undefined;
}

function isHardBounce({ kind, reason }: HeardEvent): boolean {
  return kind === 'bounced' && (reason === 'bounced' || reason === 'invalid');
}

function errorCodeOf(event: HeardEvent): string | null {
  const { kind, reason } = event;
  switch (kind) {
    case 'delivered':
      return null;
    case 'bounced':
      return isHardBounce(event) ? 'hard_bounce' : `bounced_${reason ?? 'other'}`;
    case 'rejected':
      return `rejected_${reason ?? 'other'}`;
    case 'deferred':
      return 'provider_deferred';
    case 'complained':
    case 'unsubscribed':
      return kind;
  }
}
