import { isMoment } from '../../core/input.js';
import { UUID } from '../../core/ids.js';
import type { FieldError } from '../../core/problems.js';
import { unknownField } from '../../core/validation.js';
import type { Recipient } from '../outbox/email-rows.js';
import type { MessageRow } from '../outbox/records.js';
import { MOST_TAGS } from '../submission/draft-policy.js';
import { writeMailbox } from '../transport/mailbox.js';
import { lastEventOf, labelOf, tagsOf } from '../webhooks/resend-form-policy.js';

/** A request of `POST /emails` in the members of `POST /v1/emails`, whose shapes are still to be checked. */
export interface Translated {
  message: Record<string, unknown>;
  /** What a repeat is compared by: as it was asked, for `in 1 min` is another moment each time. */
  compared: unknown;
}

type Members = Record<string, unknown>;

/** Members that Resend's API describes (https://resend.com/docs/api-reference/emails/send-email, November 2026). */
const MEMBERS: ReadonlySet<string> = new Set(
  'from to subject html text cc bcc reply_to headers attachments tags scheduled_at template topic_id'.split(' '),
);
/** SDKs that have no way to leave a member out send it empty (resend-go, resend-rust). */
const EMPTY_IS_NOTHING = ['from', 'subject', 'html', 'text', 'reply_to', 'scheduled_at'];

/** Translates one message, or says all that is wrong with its form. Pure. */
export function readEmail(body: unknown, now: Date): Translated | { faults: FieldError[] } {
  if (!isMembers(body)) return { faults: [fault('body', 'not_an_object', 'must be an object: one message')] };
  const unknown = Object.keys(body).filter((name) => !MEMBERS.has(name));
  const given = withoutNothing(body);
  const { from, to, subject, html, text, cc, bcc, headers } = given;
  const faults = [...requiredFaults(given), ...unknown.map((name) => unknownField(name.slice(0, 100)))];
  if (given['topic_id'] !== undefined)
    faults.push(fault('topic_id', 'not_here', 'is not known here: there are no topics. Leave it out'));
  const scheduledAt = readMoment(given['scheduled_at'], now, faults);
  const attachments = readAttachments(given['attachments'], faults);
  const { tags, metadata } = readTags(given['tags'], faults);
  const { template, variables } = readTemplate(given['template'], faults);
  if (faults.length > 0) return { faults };
  const fields = { from, to, cc, bcc, replyTo: given['reply_to'], subject, html, text, headers };
  const message = { ...fields, template, variables, attachments, tags, metadata, scheduledAt };
  return { message, compared: { ...message, scheduledAt: given['scheduled_at'] } };
}

/** The moment of `PATCH /emails/:id`, whose path has the id. */
export function readReschedule(body: unknown, id: string, now: Date): { scheduledAt: Date } | { faults: FieldError[] } {
  if (!isMembers(body)) return { faults: [fault('body', 'not_an_object', 'must be an object')] };
  const { scheduled_at: moment, ...others } = withoutNothing(body);
  // resend-python and resend-go send the id once more, and so does resend-ruby by another name.
  const unknown = Object.entries(others).filter(([name, value]) => !/^(email_)?id$/.test(name) || value !== id);
  const faults = unknown.map(([name]) => unknownField(name.slice(0, 100)));
  if (moment === undefined) faults.push(fault('scheduled_at', 'required', 'is needed'));
  const scheduledAt = readMoment(moment, now, faults);
  return faults.length > 0 ? { faults } : { scheduledAt: new Date(scheduledAt!) };
}

/** What is sent from nowhere is sent from MAIL_FROM. */
function requiredFaults({ template, to, subject, html, text }: Members): FieldError[] {
  const needed = template === undefined ? { to, subject } : { to };
  const faults = Object.entries(needed).flatMap(([name, value]) =>
    value === undefined ? [fault(name, 'required', 'is needed')] : [],
  );
  if (template === undefined && html === undefined && text === undefined)
    faults.push(fault('html', 'required', 'is needed where there is neither text nor template'));
  return faults;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/**
 * RFC 3339, or of Resend's words those that name one moment: `in 10 min`. What needs a calendar and a time zone is
 * refused.
 */
function readMoment(given: unknown, now: Date, faults: FieldError[]): string | undefined {
  if (given === undefined || isMoment(given)) return given as string | undefined;
  const [, count, unit] =
    /^in (\d{1,6}|an?) (s|sec|second|m|min|minute|h|hr|hour|d|day|w|week)s?$/i.exec(
      typeof given === 'string' ? given.trim() : '',
    ) ?? [];
  if (count !== undefined && unit !== undefined) {
    const ms = (/^a/i.test(count) ? 1 : Number(count)) * UNIT_MS[unit[0]!.toLowerCase()]!;
    return new Date(now.getTime() + ms).toISOString();
  }
  const message =
    'must be a date and time with its offset, such as 2030-01-31T09:00:00Z, or a time from now, such as in 10 min; other words are not read here';
  faults.push(fault('scheduled_at', 'date_time', message));
  return undefined;
}

const ATTACHMENT_MEMBERS: ReadonlySet<string> = new Set(
  'filename content path content_type contentType content_id contentId inline_content_id'.split(' '),
);

function readAttachments(given: unknown, faults: FieldError[]): Members[] | undefined {
  if (given === undefined) return undefined;
  if (Array.isArray(given)) return given.map((one: unknown, n) => readAttachment(one, n, faults));
  faults.push(fault('attachments', 'is_array', 'must be a list'));
  return undefined;
}

function readAttachment(given: unknown, n: number, faults: FieldError[]): Members {
  const field = `attachments.${n}`;
  const refuse = (...[name, code, message]: [string, string, string]) =>
    void faults.push(fault(name === '' ? field : `${field}.${name}`, code, message));
  if (!isMembers(given)) {
    refuse('', 'not_an_object', 'must be an object');
    return {};
  }
  const { filename, content, path, ...rest } = withoutNothing(given);
  for (const name of Object.keys(rest).filter((one) => !ATTACHMENT_MEMBERS.has(one)))
    refuse(name.slice(0, 100), 'unknown_field', 'is not a field of this request');
  if (path !== undefined) {
    // A server that fetches what it is told to reaches what only it can reach (SSRF).
    refuse('path', 'not_fetched', 'is not fetched here: read the file, and send its bytes in `content`');
  } else if (content === undefined) refuse('content', 'required', 'is needed');
  const base64 = base64Of(content);
  if (content !== undefined && base64 === undefined)
    refuse('content', 'invalid_content', 'must be base64, or a list of bytes from 0 to 255');
  return {
    // resend-rust leaves the name out, and resend-node sends `false`, where there is none.
    filename: filename === undefined || filename === false || filename === '' ? `attachment-${n + 1}` : filename,
    content: base64,
    contentType: rest['content_type'] ?? rest['contentType'],
    contentId: rest['content_id'] ?? rest['contentId'] ?? rest['inline_content_id'],
  };
}

/**
 * Base64, wrapped or not; a list of bytes (resend-python, -go, -ruby, -rust); a Buffer as JSON writes it (older
 * resend-node).
 */
function base64Of(content: unknown): string | undefined {
  if (typeof content === 'string') return content.replaceAll(/[\r\n]+/g, '');
  const bytes: unknown = isMembers(content) && content['type'] === 'Buffer' ? content['data'] : content;
  if (!Array.isArray(bytes) || !bytes.every(isByte)) return undefined;
  return Buffer.from(bytes).toString('base64');
}

function isByte(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255;
}

/**
 * A tag is kept as metadata, which has room for its value and comes back in webhooks; and as a tag `name:value`, by
 * which `GET /v1/emails?tag=` finds its message and which keeps the order, where it fits.
 */
function readTags(given: unknown, faults: FieldError[]): { tags?: string[]; metadata?: Record<string, string> } {
  if (given === undefined) return {};
  if (!Array.isArray(given)) {
    faults.push(fault('tags', 'is_array', 'must be a list of {name, value}'));
    return {};
  }
  const values = new Map<string, string>();
  for (const [n, one] of (given as unknown[]).entries()) {
    const { name, value = '' } = isMembers(one) ? withoutNothing(one) : {};
    if (typeof name !== 'string' || typeof value !== 'string' || !/^[\w-]+$/.test(name) || name in Object.prototype)
      faults.push(
        fault(`tags.${n}`, 'invalid_tag', 'must be {name, value}, the name of ASCII letters, digits, _ and -'),
      );
    else if (values.has(name)) faults.push(fault(`tags.${n}`, 'repeated', 'must have another name than those before'));
    else values.set(name, value);
  }
  const labels = [...values].map(([name, value]) => labelOf(name, value)).filter((label) => label.length <= 100);
  return { tags: labels.slice(0, MOST_TAGS), metadata: Object.fromEntries(values) };
}

function readTemplate(given: unknown, faults: FieldError[]): { template?: unknown; variables?: unknown } {
  if (given === undefined) return {};
  const { id, variables, ...others } = isMembers(given) ? withoutNothing(given) : {};
  for (const name of Object.keys(others)) faults.push(unknownField(`template.${name.slice(0, 100)}`));
  if (id === undefined) faults.push(fault('template', 'required', 'is needed: a name from GET /v1/templates'));
  if (!isMembers(variables)) return { template: id, variables };
  const texts = Object.entries(variables).map(([name, value]) => [
    name,
    typeof value === 'number' ? String(value) : value,
  ]);
  return { template: id, variables: Object.fromEntries(texts) as unknown };
}

const DEFAULT_LIMIT = 20;

export interface ListBounds {
  limit: number;
  /** `older` from the newest on, where there is no id. */
  direction: 'older' | 'newer';
  after: string | undefined;
}

/** Of `GET /emails`: `after` an id come older messages, `before` it newer ones. */
export function readListQuery(query: Members): ListBounds | { faults: FieldError[] } {
  const { limit, after, before, ...others } = query;
  const faults = Object.keys(others).map((name) => unknownField(name.slice(0, 100)));
  if (limit !== undefined && !(typeof limit === 'string' && /^([1-9]\d?|100)$/.test(limit)))
    faults.push(fault('limit', 'matches', 'must be a whole number from 1 to 100'));
  for (const [name, value] of Object.entries({ after, before }))
    if (value !== undefined && !(typeof value === 'string' && UUID.test(value)))
      faults.push(fault(name, 'is_uuid', 'must be the id of a message'));
  if (after !== undefined && before !== undefined) faults.push(fault('before', 'one_of_two', 'must not be with after'));
  if (faults.length > 0) return { faults };
  return {
    limit: limit === undefined ? DEFAULT_LIMIT : Number(limit),
    direction: before === undefined ? 'older' : 'newer',
    after: (after ?? before) as string | undefined,
  };
}

/** What a message says, as far as it may be told. */
export interface Words {
  subject: string;
  text: string | null;
  html: string | null;
  /** As shown. */
  replyTo: readonly string[];
}

type Shown = Pick<Recipient, 'kind' | 'name' | 'address'>;

/** An item of the list. Several addresses in reply_to stand with the content, and are told with it alone. */
export function listItemOf(row: MessageRow, recipients: readonly Shown[]): Members {
  const { id, messageId, fromAddress: from, createdAt, subject, replyTo, scheduledAt, status } = row;
  const shown = (kind: Shown['kind']): string[] =>
    recipients.filter((recipient) => recipient.kind === kind).map(writeMailbox);
  return {
    ...{ id, message_id: messageId, to: shown('to'), from, created_at: createdAt.toISOString() },
    // A text always: resend-rust and resend-dotnet read no null there.
    subject: subject ?? '',
    ...{ bcc: shown('bcc'), cc: shown('cc'), reply_to: replyTo === null ? [] : [replyTo] },
    ...{ last_event: lastEventOf(status), scheduled_at: scheduledAt?.toISOString() ?? null },
    ...statusBeside(status),
  };
}

/** @param words undefined: of a code, or erased */
export function emailOf(row: MessageRow, recipients: readonly Shown[], words: Words | undefined): Members {
  const { subject, text = null, html = null, replyTo } = words ?? {};
  return {
    object: 'email',
    ...listItemOf(row, recipients),
    ...(subject === undefined ? {} : { subject }),
    ...(replyTo === undefined ? {} : { reply_to: replyTo }),
    ...{ html, text },
    tags: tagsOf(row.tags, (row.metadata ?? {}) as Record<string, string>),
  };
}

/** There is no word for it among theirs, and whoever asks must be able to see it. */
function statusBeside(status: MessageRow['status']): { otpost_status?: string } {
  return status === 'unknown' ? { otpost_status: status } : {};
}

function withoutNothing(members: Members): Members {
  return Object.fromEntries(
    Object.entries(members).filter(
      ([name, value]) => value !== null && value !== undefined && !(value === '' && EMPTY_IS_NOTHING.includes(name)),
    ),
  );
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fault(field: string, code: string, message: string): FieldError {
  return { field, code, message };
}
