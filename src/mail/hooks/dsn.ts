import { enhancedCodeIn, reasonOfStatus } from './bounce-status.js';
import { contentOf, contentTypeOf, entityOf, partsOf } from './mime.js';
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

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;
const STATUS_PART = /^message\/(global-)?delivery-status$/;
/** The returned message, or only its headers; `global`: RFC 6533. */
const RETURNED_PART = /^(message\/(rfc822|global|global-headers)|text\/rfc822-headers)$/;
/** Where servers keep the address a notification came to. */
const ARRIVED_AT = ['x-original-to', 'delivered-to', 'envelope-to', 'to'];
const MOST_RECIPIENTS = 50;
/** Characters of the report, and of the returned headers, that are read: four times what {@link MOST_RECIPIENTS} need. */
const READ = 128 * 1024;

/** Undefined: it is none, but a reply, an absence note, or a bounce in words only. */
export function readDsn(source: Uint8Array): Dsn | undefined {
  const message = entityOf(Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString('latin1'));
  if (!message) return undefined;
  const { type, parameters } = contentTypeOf(message);
  const boundary = parameters.get('boundary');
  if (type !== 'multipart/report' || parameters.get('report-type')?.toLowerCase() !== 'delivery-status' || !boundary) return undefined;
  const parts = partsOf(message.body, boundary);
  const status = contentIn(parts, STATUS_PART);
  if (status === undefined) return undefined;
  const [about, ...recipients] = blocksOf(status);
  const reports = recipients.slice(0, MOST_RECIPIENTS).flatMap(reportOf);
  if (!about || reports.length === 0) return undefined;
  const returned = entityOf(contentIn(parts, RETURNED_PART) ?? '')?.fields;
  const verp = ARRIVED_AT.map((name) => /[\w.-]\+([\da-f-]{36})@/i.exec(message.fields.get(name) ?? '')?.[1]);
  const messageId = /<([^<>@]+)@[^<>]+>/.exec(returned?.get('message-id') ?? '')?.[1];
  return {
    id: message.fields.get('message-id')?.replace(/^<|>$/g, ''),
    emailIds: [...verp, about.get('original-envelope-id'), messageId].flatMap((text) => {
      const id = text?.trim().toLowerCase();
      return id !== undefined && UUID.test(id) ? [id] : [];
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

/** Of the first part of a type. */
function contentIn(parts: readonly string[], type: RegExp): string | undefined {
  for (const part of parts) {
    const entity = entityOf(part);
    if (entity && type.test(contentTypeOf(entity).type)) return contentOf(entity, READ);
  }
  return undefined;
}

/** RFC 3464 §2.1: groups of fields with blank lines between, the first of them about the message. */
function blocksOf(text: string): ReadonlyMap<string, string>[] {
  return text.trimStart().split(/\r?\n(?:[ \t]*\r?\n)+/).flatMap((block) => {
    const fields = entityOf(block)?.fields;
    return fields && fields.size > 0 ? [fields] : [];
  });
}

function reportOf(fields: ReadonlyMap<string, string>): RecipientReport[] {
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
