import { enhancedCodeIn, type EventKind, type EventReason, reasonOfStatus } from '../providers/hook.js';

/**
 * As much of MIME (RFC 2045, RFC 2046) as a bounce needs: header fields, and the parts of one level. Each line is
 * looked at once, so that a message costs as much as it is long, whatever stands in it. Text has one character a byte;
 * fields are decoded.
 */
interface Entity {
  /** The first of each name, in small letters; unfolded. */
  fields: ReadonlyMap<string, string>;
  body: string;
}

interface ContentType {
  /** In small letters, such as multipart/report. */
  type: string;
  /** Names in small letters. */
  parameters: ReadonlyMap<string, string>;
}

/** Characters of a header; what is longer is none. */
const LONGEST_HEADER = 256 * 1024;
/** Characters of a field that are read where it has a form. */
const LONGEST_FIELD = 2_000;
const MOST_PARTS = 100;

/** Undefined when its header has no end. */
function entityOf(text: string): Entity | undefined {
  const fields = new Map<string, string>();
  let name = '';
  for (let at = 0; at < text.length;) {
    const { line, next } = lineAt(text, at);
    at = next;
    if (line === '') return { fields: decoded(fields), body: text.slice(next) };
    if (next > LONGEST_HEADER) return undefined;
    if (/^[ \t]/.test(line)) {
      if (name !== '') fields.set(name, `${fields.get(name)} ${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    const named = line.slice(0, Math.max(0, colon)).trimEnd().toLowerCase();
    // What follows a field that stands there again belongs to it, and is not kept either.
    name = named === '' || fields.has(named) ? '' : named;
    if (name !== '') fields.set(name, line.slice(colon + 1).trim());
  }
  return { fields: decoded(fields), body: '' };
}

function contentTypeOf({ fields }: Pick<Entity, 'fields'>): ContentType {
  const [type = '', rest = ''] = split((fields.get('content-type') ?? '').slice(0, LONGEST_FIELD), ';');
  const parameters = new Map<string, string>();
  for (const [, name, quoted, bare] of `;${rest}`.matchAll(
    /;\s*([\w!#$&^.+-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g,
  )) {
    if (!parameters.has(name!.toLowerCase()))
      parameters.set(name!.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? bare!);
  }
  return { type: type.trim().toLowerCase(), parameters };
}

/** The parts of a multipart body, without what stands before the first and after the last. */
function partsOf(body: string, boundary: string): string[] {
  const parts: string[] = [];
  let begun: number | undefined;
  for (let at = body.startsWith('--') ? 0 : lineOfDashes(body, 0); at >= 0; at = lineOfDashes(body, at)) {
    if (!body.startsWith(boundary, at + 2)) continue;
    const { line, next } = lineAt(body, at);
    const after = line.slice(2 + boundary.length).trimEnd();
    if (after !== '' && after !== '--') continue;
    if (begun !== undefined) parts.push(body.slice(begun, at));
    begun = next;
    if (after === '--' || parts.length === MOST_PARTS) return parts;
  }
  return begun === undefined ? parts : [...parts, body.slice(begun)];
}

/** The first so many characters of a body, without its transfer encoding. */
function contentOf({ fields, body }: Entity, length: number): string {
  const text = body.slice(0, length);
  switch (fields.get('content-transfer-encoding')?.toLowerCase()) {
    case 'base64':
      return Buffer.from(text, 'base64').toString('latin1');
    case 'quoted-printable':
      return text
        .replaceAll(/=\r?\n/g, '')
        .replaceAll(/=([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    default:
      return text;
  }
}

/** Where the next line begins that begins with two dashes; -1: there is none. */
function lineOfDashes(text: string, after: number): number {
  const end = text.indexOf('\n--', after);
  return end < 0 ? -1 : end + 1;
}

/** The line without its end, and where the next one begins. */
function lineAt(text: string, at: number): { line: string; next: number } {
  const end = text.indexOf('\n', at);
  const last = end < 0 ? text.length : end;
  return {
    line: text.slice(at, last > at && text[last - 1] === '\r' ? last - 1 : last),
    next: end < 0 ? text.length : end + 1,
  };
}

/** Of what stands before the first separator and behind it. */
function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** RFC 6532: what is beyond ASCII in a field is UTF-8. */
function decoded(fields: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...fields].map(([name, value]) => [name, Buffer.from(value, 'latin1').toString('utf8')]));
}

/** A delivery status notification, RFC 3464. */
export interface Dsn {
  /** Of the notification itself, to tell it from another one; without angle brackets. */
  id: string | undefined;
  /** Where our own id of the message may stand, the surest first. */
  emailIds: string[];
  /** One for each recipient it speaks of. */
  reports: RecipientReport[];
}

interface RecipientReport {
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
/**
 * Characters of the report, and of the returned headers, that are read: four times what {@link MOST_RECIPIENTS} need.
 */
const READ = 128 * 1024;

/** Undefined: it is none, but a reply, an absence note, or a bounce in words only. */
export function readDsn(source: Uint8Array): Dsn | undefined {
  const message = entityOf(Buffer.from(source.buffer, source.byteOffset, source.byteLength).toString('latin1'));
  if (!message) return undefined;
  const { type, parameters } = contentTypeOf(message);
  const boundary = parameters.get('boundary');
  if (type !== 'multipart/report' || parameters.get('report-type')?.toLowerCase() !== 'delivery-status' || !boundary)
    return undefined;
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
export function meaningOf({
  action,
  status,
  diagnostic,
}: RecipientReport): { kind: EventKind; reason?: EventReason } | undefined {
  switch (action) {
    case 'failed': {
      // Many servers write 5.0.0 and leave the rest to the words.
      const code = /^\d\.0\.0$|^$/.test(status) ? (enhancedCodeIn(diagnostic ?? '') ?? status) : status;
      return { kind: 'bounced', reason: reasonOfStatus(code, diagnostic) ?? 'other' };
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
  return text
    .trimStart()
    .split(/\r?\n(?:[ \t]*\r?\n)+/)
    .flatMap((block) => {
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
