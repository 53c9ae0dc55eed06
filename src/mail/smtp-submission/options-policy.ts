import type { FieldError } from '../../core/problems.js';
import { isMoment } from '../../core/input.js';
import { LANGUAGE_TAG } from '../../core/locales.js';
import { type MailLane, MAIL_LANES } from '../../core/lanes.js';
import type { SubmittedMessage } from '../submission/draft-policy.js';
import type { HeaderField } from './header-policy.js';

/** What the header of a message asks of us, besides what is in it. */
export interface MessageOptions extends Pick<
  SubmittedMessage,
  'lane' | 'template' | 'variables' | 'locale' | 'scheduledAt' | 'expiresAt' | 'unsubscribe'
> {
  tags: string[];
  metadata: Record<string, string>;
  /** As they were given; more than one can be none. */
  idempotencyKeys: string[];
}

/** Notes what a field says. @returns what is wrong with its value, as after "it" */
type Reader = (value: string, options: MessageOptions, rest: string) => string | void;

const OURS = 'x-otpost-';

/** By name, in lower case; what ends with a dash is followed by a name of the sender's. */
const READERS = Object.entries<Reader>({
  'x-otpost-lane': (value, options) => {
    const lane = MAIL_LANES.find((one) => one === value.toLowerCase());
    return lane ? void (options.lane = lane) : `must be ${MAIL_LANES.join(', ')}`;
  },
  'x-otpost-tag': addTag,
  'x-otpost-metadata-': addMetadata,
  'x-otpost-template': (value, options) => void (options.template = value),
  'x-otpost-variables': (value, options) => {
    const variables = objectIn(value);
    return variables ? void (options.variables = variables) : 'must be a JSON object';
  },
  'x-otpost-locale': (value, options) =>
    LANGUAGE_TAG.test(value) ? void (options.locale = value) : 'must be a language tag such as en or pt-BR',
  'x-otpost-send-at': sendAt,
  'x-otpost-expires-at': (value, options) =>
    isMoment(value)
      ? void (options.expiresAt = value)
      : 'must be a date and time with its offset, such as 2030-01-31T09:00:00Z',
  'x-otpost-idempotency-key': addKey,
  'x-otpost-unsubscribe': (value, options) => {
    const word = value.toLowerCase();
    if (word !== 'on' && word !== 'off') return 'must be on or off';
    options.unsubscribe = word === 'on';
  },
  // Postmark
  'x-pm-message-stream': (value, options) => {
    const lane = STREAMS.get(value.toLowerCase());
    if (lane) options.lane ??= lane;
    else return addMetadata(value, options, 'message-stream');
  },
  'x-pm-tag': addTag,
  'x-pm-metadata-': addMetadata,
  // Mailgun
  'x-mailgun-tag': addTag,
  'x-mailgun-variables': (value, options) => {
    const variables = objectIn(value);
    return variables ? addAll(variables, options) : 'must be a JSON object';
  },
  'x-mailgun-deliver-by': (value, options) => sendAtMs(Date.parse(value), options),
  // SendGrid
  'x-smtpapi': readSendGrid,
  // Resend, Amazon SES, Postal, EmailEngine, Mailpit
  'resend-idempotency-key': addKey,
  'x-ses-message-tags': (value, options) => {
    for (const pair of value.split(',')) {
      const [name = '', ...tag] = pair.split('=').map((part) => part.trim());
      if (name === '' || tag.length === 0) return 'must be name=value, comma-separated';
      const fault = addMetadata(tag.join('='), options, name);
      if (fault !== undefined) return fault;
    }
  },
  'x-postal-tag': addTag,
  'x-ee-send-at': sendAt,
  'x-ee-idempotency-key': addKey,
  'x-tags': (value, options) => {
    for (const tag of value.split(',')) addTag(tag.trim(), options);
  },
});
const WHOLE = new Map(READERS.filter(([name]) => !name.endsWith('-')));
const BEGINNINGS = READERS.filter(([name]) => name.endsWith('-'));

/** Postmark's own names of streams. */
const STREAMS: ReadonlyMap<string, MailLane> = new Map([
  ...MAIL_LANES.map((lane) => [lane, lane] as const),
  ['outbound', 'default'],
  ['broadcast', 'bulk'],
  ['broadcasts', 'bulk'],
]);

/** Whether a field is for us, and does not leave with the message. */
export function isOption({ name }: HeaderField): boolean {
  return name.toLowerCase().startsWith(OURS) || readerOf(name) !== undefined;
}

/**
 * What fields ask for together, each of them read; a field of ours that is not known could mean anything, and is a
 * fault.
 */
export function optionsOf(fields: readonly HeaderField[]): { options: MessageOptions; faults: FieldError[] } {
  const options: MessageOptions = { tags: [], metadata: {}, idempotencyKeys: [] };
  const seen = new Set<string>();
  const faults = fields.flatMap((field): FieldError[] => {
    const found = readerOf(field.name);
    if (!found) return [{ field: field.name, code: 'unknown_header', message: 'is not a header that Otpost knows' }];
    const { reader, rest, name } = found;
    const value = field.text();
    if (value === '') return [{ field: field.name, code: 'required', message: 'is empty' }];
    if (seen.has(name) && !REPEATABLE.includes(reader))
      return [{ field: field.name, code: 'repeated', message: 'must be there once' }];
    seen.add(name);
    const message = reader(value, options, rest);
    if (message === undefined) return [];
    const code = message === IN_HEADER ? 'recipients_in_header' : 'invalid_header';
    return [{ field: field.name, code, message }];
  });
  if (options.template === undefined) {
    const idle = (['variables', 'locale'] as const).filter((name) => options[name] !== undefined);
    faults.push(
      ...idle.map((name) => ({
        field: OF_TEMPLATE[name],
        code: 'only_with_template',
        message: 'belongs to a template',
      })),
    );
  }
  return { options, faults };
}

const OF_TEMPLATE = { variables: 'X-Otpost-Variables', locale: 'X-Otpost-Locale' };
const REPEATABLE: readonly Reader[] = [addTag, addMetadata, addKey];

function readerOf(name: string): { reader: Reader; rest: string; name: string } | undefined {
  const lower = name.toLowerCase();
  const whole = WHOLE.get(lower);
  if (whole) return { reader: whole, rest: '', name: lower };
  const found = BEGINNINGS.find(([start]) => lower.startsWith(start) && lower.length > start.length);
  if (!found) return undefined;
  const [start, reader] = found;
  return { reader, rest: name.slice(start.length), name: start };
}

function addTag(value: string, options: MessageOptions): void {
  if (value !== '' && !options.tags.includes(value)) options.tags.push(value);
}

function addKey(value: string, options: MessageOptions): void {
  if (!options.idempotencyKeys.includes(value)) options.idempotencyKeys.push(value);
}

/** Names of headers have no case (RFC 5322 §1.2.2), so two that differ in it alone are one. */
function addMetadata(value: string, { metadata }: MessageOptions, name: string): string | void {
  const before = Object.keys(metadata).find((one) => one.toLowerCase() === name.toLowerCase());
  if (before !== undefined && metadata[before] !== value) return `names ${before} twice, with different values`;
  if (before === undefined) Object.defineProperty(metadata, name, { value, enumerable: true });
}

function addAll(values: Record<string, unknown>, options: MessageOptions): string | void {
  for (const [name, value] of Object.entries(values)) {
    const fault = addMetadata(typeof value === 'string' ? value : JSON.stringify(value), options, name);
    if (fault !== undefined) return fault;
  }
}

function sendAt(value: string, options: MessageOptions): string | void {
  return isMoment(value)
    ? sendAtMs(Date.parse(value), options)
    : 'must be a date and time with its offset, such as 2030-01-31T09:00:00Z';
}

function sendAtMs(ms: number, options: MessageOptions): string | void {
  const at = new Date(ms);
  if (!(at.getUTCFullYear() >= 1970 && at.getUTCFullYear() <= 9999)) return 'must be a date and time with its offset';
  const text = at.toISOString();
  if (options.scheduledAt !== undefined && options.scheduledAt !== text)
    return 'is another time than a header before it has';
  options.scheduledAt = text;
}

const IN_HEADER = 'must not have "to" or "sub": recipients are those of the envelope, so send a message for each';

/** What is read, and tracking and pools of addresses, which we do not have and which change no message. */
const SENDGRID = ['category', 'unique_args', 'send_at', 'filters', 'ip_pool'];

/** Of SendGrid's header. */
function readSendGrid(value: string, options: MessageOptions): string | void {
  const given = objectIn(value);
  if (!given) return 'must be a JSON object';
  const { category = [], unique_args: args = {}, send_at: at } = given;
  if ('to' in given || 'sub' in given) return IN_HEADER;
  const unknown = Object.keys(given).find((name) => !SENDGRID.includes(name));
  if (unknown !== undefined) return `must not have "${unknown.slice(0, 40)}", which is not known here`;
  const categories = Array.isArray(category) ? (category as unknown[]) : [category];
  if (!categories.every((one) => typeof one === 'string')) return 'must have texts as "category"';
  if (typeof args !== 'object' || args === null || Array.isArray(args)) return 'must have an object as "unique_args"';
  for (const one of categories) addTag(one, options);
  const fault = addAll(args as Record<string, unknown>, options);
  if (fault !== undefined || at === undefined) return fault;
  return typeof at === 'number' ? sendAtMs(at * 1_000, options) : 'must have seconds since 1970 as "send_at"';
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined; // the SyntaxError is the answer
  }
}
