import PostalMime, { type Email } from 'postal-mime';
import { enhancedCodeIn, reasonOfStatus } from './bounce-status.js';
import type { EventKind, EventReason } from './provider-event.js';

/** A delivery status notification, RFC 3464. */
export interface Dsn {
  /** Of the notification itself, to tell it from another one; without angle brackets. */
  id: string | undefined;
  /** Where our own id of the message may stand, the surest first. */
  emailIds: string[];
  /** One for each recipient it speaks of. */
  reports: RecipientReport[];
}

export interface RecipientReport {
  /** The address it was sent to, and the one it ended at: aliases and forwarding lie between. */
  recipients: string[];
  /** failed, delayed, delivered, relayed, expanded */
  action: string;
  /** RFC 3463; empty when there is none. */
  status: string;
  /** The receiving server's words, or the reporting one's. */
  diagnostic: string | undefined;
}

const UUID = /[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/i;
const STATUS_PART = /^message\/(global-)?delivery-status$/;
/** The returned message, or only its headers; `global`: RFC 6533. */
const RETURNED_PART = /^(message\/(rfc822|global|global-headers)|text\/rfc822-headers)$/;
/** Where servers keep the address a notification came to. */
const ARRIVED_AT = ['x-original-to', 'delivered-to', 'envelope-to', 'to'];
const MOST_RECIPIENTS = 50;

/** Undefined: it is none, but a reply, an absence note, or a bounce in words only. */
export async function readDsn(source: Uint8Array): Promise<Dsn | undefined> {
  const email = await parsed(source);
  const type = email && headerIn(email, 'content-type');
  if (!type || !/^multipart\/report\b/i.test(type) || !/\breport-type\s*=\s*"?delivery-status\b/i.test(type)) return undefined;
  const status = partOf(email, STATUS_PART);
  if (status === undefined) return undefined;
  const [message, ...recipients] = blocksOf(status);
  const reports = recipients.slice(0, MOST_RECIPIENTS).flatMap(reportOf);
  if (!message || reports.length === 0) return undefined;
  const returned = fieldsOf((partOf(email, RETURNED_PART) ?? '').split(/\r?\n\r?\n/, 1)[0]!);
  const verp = ARRIVED_AT.map((name) => /[\w.-]\+([\da-f-]{36})@/i.exec(headerIn(email, name) ?? '')?.[1]);
  const envelope = message.get('original-envelope-id');
  const messageId = /<([^<>@]+)@[^<>]+>/.exec(returned.get('message-id') ?? '')?.[1];
  return {
    id: email.messageId?.replace(/^<|>$/g, ''),
    emailIds: [...verp, envelope, messageId].flatMap((text) => {
      const id = text?.trim().toLowerCase();
      return id !== undefined && id.length === 36 && UUID.test(id) ? [id] : [];
    }),
    reports,
  };
}

/** What a report comes to; undefined when it tells of a stage on the way. */
export function meaningOf({ action, status, diagnostic }: RecipientReport): { kind: EventKind; reason?: EventReason } | undefined {
  switch (action) {
    case 'failed': {
      // Many servers write 5.0.0 and leave the rest to the words.
      const code = /^\d\.0\.0$|^$/.test(status) ? (enhancedCodeIn(diagnostic ?? '') ?? status) : status;
      return { kind: 'bounced', reason: reasonOfStatus(code) ?? 'other' };
    }
    case 'delayed':
      return { kind: 'deferred', reason: 'other' };
    case 'delivered':
      return { kind: 'delivered' };
    default:
      return undefined;
  }
}

async function parsed(source: Uint8Array): Promise<Email | undefined> {
  try {
    return await new PostalMime({ forceRfc822Attachments: true, maxNestingDepth: 20, maxHeadersSize: 256 * 1024 }).parse(source);
  } catch {
    return undefined; // beyond its limits: whatever it is, no server made it
  }
}

function headerIn(email: Email, name: string): string | undefined {
  return email.headers.find(({ key }) => key === name)?.value;
}

function partOf({ attachments }: Email, type: RegExp): string | undefined {
  const part = attachments.find(({ mimeType }) => type.test(mimeType));
  if (!part) return undefined;
  return typeof part.content === 'string' ? part.content : Buffer.from(part.content as ArrayBuffer).toString('utf8');
}

/** RFC 3464 §2.1: groups of fields with blank lines between, the first of them about the message. */
function blocksOf(text: string): Map<string, string>[] {
  return text.split(/\r?\n(?:[ \t]*\r?\n)+/).map(fieldsOf).filter((fields) => fields.size > 0);
}

/** The first of each name, unfolded. */
function fieldsOf(block: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of block.replace(/\r?\n[ \t]+/g, ' ').split(/\r?\n/)) {
    const [, name, value] = /^([\w-]+)[ \t]*:(.*)$/.exec(line) ?? [];
    if (name !== undefined && !fields.has(name.toLowerCase())) fields.set(name.toLowerCase(), value!.trim());
  }
  return fields;
}

function reportOf(fields: Map<string, string>): RecipientReport[] {
  const action = fields.get('action')?.toLowerCase();
  const recipients = ['original-recipient', 'final-recipient'].flatMap((name) => addressIn(fields.get(name)) ?? []);
  if (action === undefined || recipients.length === 0) return [];
  const status = /[245]\.\d{1,3}\.\d{1,3}/.exec(fields.get('status') ?? '')?.[0] ?? '';
  return [{ recipients, action, status, diagnostic: fields.get('diagnostic-code') }];
}

/** `rfc822; ada@example.com`; angle brackets are seen in practice. */
function addressIn(field: string | undefined): string | undefined {
  return /^[^;]*;\s*<?([^\s<>]+@[^\s<>]+)>?/.exec(field ?? '')?.[1];
}
