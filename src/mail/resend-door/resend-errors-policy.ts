import type { Problem, ProblemCode, ProblemDocument } from '../../core/problems.js';

/**
 * The names of errors by which all of Resend's SDKs tell them apart (their sources, November 2026). resend-php takes an
 * answer with another name for a success, and resend-dotnet cannot read it.
 */
type ResendErrorName =
  | 'application_error'
  | 'concurrent_idempotent_requests'
  | 'invalid_api_key'
  | 'invalid_attachment'
  | 'invalid_idempotency_key'
  | 'invalid_idempotent_request'
  | 'method_not_allowed'
  | 'missing_api_key'
  | 'missing_required_field'
  | 'not_found'
  | 'rate_limit_exceeded'
  | 'restricted_api_key'
  | 'validation_error';

/** The body of every refusal. */
export interface ResendError {
  /** The same as the status of the answer: resend-ruby looks at nothing else. */
  statusCode: number;
  name: ResendErrorName;
  message: string;
}

type Form = Pick<ResendError, 'statusCode' | 'name'>;

/** What does not follow from the status, by our code. */
const FORMS: Partial<Record<ProblemCode, Form>> = {
  scope_missing: { statusCode: 401, name: 'restricted_api_key' },
  role_missing: { statusCode: 401, name: 'restricted_api_key' },
  method_not_allowed: { statusCode: 405, name: 'method_not_allowed' },
  idempotency_mismatch: { statusCode: 409, name: 'invalid_idempotent_request' },
  idempotency_in_flight: { statusCode: 409, name: 'concurrent_idempotent_requests' },
  // 409 is for idempotency alone there.
  invalid_state: { statusCode: 422, name: 'validation_error' },
  content_erased: { statusCode: 422, name: 'validation_error' },
  request_timeout: { statusCode: 408, name: 'application_error' },
};

/** @param hasToken whether the request brought a bearer token */
export function resendErrorOf(problem: Problem, hasToken: boolean): ResendError {
  const document = problem.toDocument('');
  return { ...formOf(document, hasToken), message: messageOf(document) };
}

/** What an answer with a refusal carries: our own headers, and those of limits as the SDKs read them. */
export function resendHeadersOf({ headers }: Problem): Record<string, string> {
  // draft-ietf-httpapi-ratelimit-headers-10 §3 and §4, as limits/limit-policy.ts writes them.
  const [, quota] = /;q=(\d+)/.exec(headers['ratelimit-policy'] ?? '') ?? [];
  const [, remaining, reset] = /;r=(\d+);t=(\d+)/.exec(headers['ratelimit'] ?? '') ?? [];
  if (quota === undefined || remaining === undefined || reset === undefined) return headers;
  return { ...headers, 'ratelimit-limit': quota, 'ratelimit-remaining': remaining, 'ratelimit-reset': reset };
}

function formOf({ code, status, errors = [] }: ProblemDocument, hasToken: boolean): Form {
  const own = FORMS[code];
  if (own) return own;
  if (code === 'unauthorized')
    return hasToken ? { statusCode: 403, name: 'invalid_api_key' } : { statusCode: 401, name: 'missing_api_key' };
  if (errors.some(({ field }) => /^idempotency-key$/i.test(field)))
    return { statusCode: 400, name: 'invalid_idempotency_key' };
  if (status === 404) return { statusCode: 404, name: 'not_found' };
  if (status === 429) return { statusCode: 429, name: 'rate_limit_exceeded' };
  if (status >= 500) return { statusCode: status, name: 'application_error' };
  return { statusCode: status, name: code === 'validation_failed' ? nameOfFaults(errors) : 'validation_error' };
}

/** By the first of them, for the message begins with it. */
function nameOfFaults([first]: NonNullable<ProblemDocument['errors']>): ResendErrorName {
  if (first && /^(\d+\.)?attachments(\.|$)/.test(first.field)) return 'invalid_attachment';
  return first?.code === 'required' ? 'missing_required_field' : 'validation_error';
}

/** One text: SDKs show nothing else. */
function messageOf({ detail, remedy, errors = [], code }: ProblemDocument): string {
  if (code !== 'validation_failed' || errors.length === 0) return `${sentence(detail)} ${remedy}`;
  return errors.map(({ field, message }) => sentence(`\`${nameThere(field)}\` ${message}`)).join(' ');
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Where what we call by another name stands in the request. */
const NAMES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    replyTo: 'reply_to',
    scheduledAt: 'scheduled_at',
    expiresAt: 'expires_at',
    contentType: 'content_type',
    contentId: 'content_id',
    template: 'template.id',
    variables: 'template.variables',
    metadata: 'tags',
  }),
);

function nameThere(field: string): string {
  const [first = '', ...rest] = field.split('.');
  // Of a batch, the number of the message comes first.
  if (/^\d+$/.test(first) && rest.length > 0) return `${first}.${nameThere(rest.join('.'))}`;
  const below = first === 'attachments' ? rest.map((name) => NAMES.get(name) ?? name) : rest;
  return [NAMES.get(first) ?? first, ...below].join('.');
}

/**
 * Paths of Resend's API, those included that are not here: a program that asks for them is told so in the form that it
 * reads. @param url path and query
 */
export function isResendPath(url: string): boolean {
  return PATHS.test(url);
}

const PATHS =
  /^\/(emails|domains|api-keys|audiences|segments|contacts|contact-properties|broadcasts|templates|topics|webhooks|events|automations|logs|suppressions|inboxes|oauth|usage)(?=[/?]|$)/;
