import { isOneLine } from '../../core/one-line.js';
import type { FieldError } from '../../core/problems.js';
import type { Lane } from '../../core/lanes.js';
import { type TemplateFacts, variableFaults } from '../content/template-policy.js';
import type { GivenAttachment } from '../files/attachment-policy.js';
import type { Draft, GivenMime } from '../mail.js';
import { DEFAULT_MAX_ATTEMPTS } from '../outbox/retry-policy.js';
import { readNamedAddress, readNamedSender, writeMailbox } from '../transport/mailbox.js';
import { headerFaults } from './headers-policy.js';
import { addressFault, readRecipients } from './recipients-policy.js';
import { scheduleFaults } from './schedule-policy.js';

export const MOST_TAGS = 10;
export const MOST_METADATA = 20;
/** Characters of text, of HTML, and of all variables as JSON; Gmail shows the first 102 KB of a message. */
export const LONGEST_CONTENT = 1024 * 1024;
/** Of content that is given whole. */
const DEFAULT_LOCALE = 'en';

/** A message as a door hands it on: shapes are checked, what they mean is not. */
export interface SubmittedMessage {
  to: string | readonly string[];
  cc?: string | readonly string[] | undefined;
  bcc?: string | readonly string[] | undefined;
  /** Where more are taken than one envelope has; the others are then messages of their own. */
  mostRecipients?: number | undefined;
  replyTo?: string | readonly string[] | undefined;
  from?: string | undefined;
  subject?: string | undefined;
  text?: string | undefined;
  html?: string | undefined;
  /** In place of subject, text, html, headers and attachments; the recipients are those of the envelope. */
  mime?: GivenMime | undefined;
  template?: string | undefined;
  variables?: Readonly<Record<string, unknown>> | undefined;
  locale?: string | undefined;
  headers?: Readonly<Record<string, string>> | undefined;
  attachments?: readonly GivenAttachment[] | undefined;
  lane?: Lane | undefined;
  /** RFC 3339 */
  scheduledAt?: string | undefined;
  expiresAt?: string | undefined;
  maxAttempts?: number | undefined;
  tags?: readonly string[] | undefined;
  metadata?: Readonly<Record<string, string>> | undefined;
  unsubscribe?: boolean | undefined;
}

/** By name. */
type TemplatesThereAre = ReadonlyMap<string, TemplateFacts>;

/** A message that may be accepted, but for its files and its MIME, which others look at. */
export type Drafted = Omit<Draft, 'attachments' | 'apiKeyId' | 'requestId'>;

/** What stands in MIME, and nowhere else then. */
const IN_MIME = ['subject', 'text', 'html', 'template', 'variables', 'locale', 'headers', 'attachments'] as const;

/** What is wrong with a message, all of it at once; or the message as the outbox takes it. Pure. */
export function draftOf(
  message: SubmittedMessage,
  templates: TemplatesThereAre,
  now: Date,
): { draft: Drafted } | { faults: FieldError[] } {
  const { recipients, faults } = readRecipients({
    to: listOf(message.to),
    cc: listOf(message.cc),
    bcc: listOf(message.bcc),
    isEnvelope: message.mime !== undefined,
    most: message.mostRecipients,
  });
  const replyTo = listOf(message.replyTo).map(readNamedAddress);
  const from = message.from === undefined ? undefined : readNamedSender(message.from);
  const scheduledAt = momentOf(message.scheduledAt);
  const expiresAt = momentOf(message.expiresAt);
  faults.push(
    ...replyTo.flatMap((one, n) => (one ? [] : [addressFault(replyTo.length === 1 ? 'replyTo' : `replyTo.${n}`)])),
    ...(message.from === undefined || from ? [] : [addressFault('from')]),
    ...headerFaults(message.headers ?? {}),
    ...contentFaults(message, templates),
    ...labelFaults(message),
    ...scheduleFaults({ scheduledAt, expiresAt }, now),
  );
  if (message.unsubscribe && recipients.length > 1) {
    const text = 'is for messages to one recipient: each may leave for themselves alone';
    faults.push({ field: 'unsubscribe', code: 'several_recipients', message: text });
  }
  if (message.unsubscribe && Object.keys(message.headers ?? {}).some((name) => /^list-unsubscribe$/i.test(name))) {
    const text = 'brings a List-Unsubscribe of its own: leave out either of them';
    faults.push({ field: 'unsubscribe', code: 'header_given', message: text });
  }
  if (faults.length > 0) return { faults };
  const template = message.template === undefined ? undefined : templates.get(message.template);
  const lane = message.lane ?? template?.lane ?? 'default';
  const draft: Drafted = {
    lane,
    to: recipients,
    ...(from ? { from: writeMailbox(from) } : {}),
    ...(replyTo.length > 0 ? { replyTo: replyTo.map((one) => writeMailbox(one!)) } : {}),
    content: message.mime ? { kind: 'mime', ...message.mime } : contentOf(message, template),
    ...(message.headers && Object.keys(message.headers).length > 0 ? { headers: message.headers } : {}),
    ...(message.unsubscribe === undefined || message.unsubscribe === (lane === 'bulk')
      ? {}
      : { unsubscribe: message.unsubscribe }),
    locale: message.locale ?? DEFAULT_LOCALE,
    ...(scheduledAt && scheduledAt > now ? { scheduledAt } : {}),
    ...(expiresAt ? { expiresAt } : {}),
    maxAttempts: message.maxAttempts ?? DEFAULT_MAX_ATTEMPTS[lane],
    ...(message.tags?.length ? { tags: [...new Set(message.tags)] } : {}),
    ...(message.metadata && Object.keys(message.metadata).length > 0 ? { metadata: message.metadata } : {}),
  };
  return { draft };
}

function contentOf(
  { template, variables = {}, subject, text, html }: SubmittedMessage,
  facts: TemplateFacts | undefined,
): Draft['content'] {
  if (template !== undefined) return { kind: 'template', template, variables: { ...variables }, secret: facts!.secret };
  return {
    kind: 'raw',
    subject: subject!,
    ...(text === undefined ? {} : { text }),
    ...(html === undefined ? {} : { html }),
  };
}

/** One of the three, and all of it. */
function contentFaults(message: SubmittedMessage, templates: TemplatesThereAre): FieldError[] {
  if (message.mime !== undefined) {
    return IN_MIME.filter((field) => message[field] !== undefined).map((field) => {
      return { field, code: 'not_with_mime', message: 'stands in the MIME that was given' };
    });
  }
  const { template, variables, locale, expiresAt, subject, text, html } = message;
  const given = Object.entries({ subject, text, html }).filter(([, value]) => value !== undefined);
  if (template !== undefined) {
    if (JSON.stringify(variables ?? {}).length > LONGEST_CONTENT) {
      return [
        { field: 'variables', code: 'too_long', message: `must have at most ${LONGEST_CONTENT} characters as JSON` },
      ];
    }
    return [
      ...given.map(([field]) => ({ field, code: 'not_with_template', message: 'stands in the template' })),
      ...templateFaults(template, variables, expiresAt, templates),
    ];
  }
  return [
    ...Object.entries({ variables, locale })
      .filter(([, value]) => value !== undefined)
      .map(([field]) => ({ field, code: 'only_with_template', message: 'belongs to a template' })),
    ...(subject === undefined
      ? [{ field: 'subject', code: 'required', message: 'is needed where there is no template' }]
      : []),
    ...(text === undefined && html === undefined
      ? [{ field: 'text', code: 'required', message: 'is needed where there is neither html nor template' }]
      : []),
  ];
}

/**
 * Why no message can be made of a template with these variables. @param expiresAt undefined: the message never expires
 */
export function templateFaults(
  name: string,
  variables: SubmittedMessage['variables'] = {},
  expiresAt: string | Date | undefined,
  templates: TemplatesThereAre,
): FieldError[] {
  const facts = templates.get(name);
  if (!facts) {
    const message = `is not one of the templates that there are: ${[...templates.keys()].sort().join(', ')}`;
    return [{ field: 'template', code: 'unknown_template', message }];
  }
  const message = 'is needed: the template tells how long it is good';
  return [
    ...variableFaults(facts, variables),
    ...(facts.tellsExpiry && expiresAt === undefined ? [{ field: 'expiresAt', code: 'required', message }] : []),
  ];
}

function labelFaults({ tags = [], metadata = {} }: SubmittedMessage): FieldError[] {
  const names = Object.keys(metadata);
  return [
    ...(tags.length > MOST_TAGS ? [{ field: 'tags', code: 'too_many', message: `must be at most ${MOST_TAGS}` }] : []),
    ...tags.flatMap((tag, n) =>
      isLabel(tag, 100) ? [] : [{ field: `tags.${n}`, code: 'invalid_tag', message: labelWords(100) }],
    ),
    ...(names.length > MOST_METADATA
      ? [{ field: 'metadata', code: 'too_many', message: `must be at most ${MOST_METADATA}` }]
      : []),
    ...names.flatMap((name) => {
      const field = `metadata.${name.slice(0, 100)}`;
      if (!isLabel(name, 100)) return [{ field, code: 'invalid_name', message: `its name ${labelWords(100)}` }];
      const value: unknown = metadata[name];
      const isGood = typeof value === 'string' && value.length <= 500;
      return isGood ? [] : [{ field, code: 'invalid_value', message: 'must be a text of at most 500 characters' }];
    }),
  ];
}

function isLabel(text: unknown, longest: number): boolean {
  return typeof text === 'string' && text.trim() !== '' && text.length <= longest && isOneLine(text);
}

function labelWords(longest: number): string {
  return `must be 1 to ${longest} characters in one line, without control characters`;
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === 'string' ? [value] : value;
}

function momentOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}
