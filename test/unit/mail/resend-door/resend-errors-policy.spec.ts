import { PROBLEM_CODES, Problem, PROBLEMS } from '../../../../src/core/problems.js';
import { isResendPath, resendErrorOf, resendHeadersOf } from '../../../../src/mail/resend-door/resend-errors-policy.js';

/** What resend-php (1.10.0) takes for an error; whatever else comes is a success to it. */
const NAMES = (
  'application_error concurrent_idempotent_requests daily_quota_exceeded internal_server_error invalid_access invalid_api_key ' +
  'invalid_attachment invalid_from_address invalid_idempotency_key invalid_idempotent_request invalid_parameter invalid_region ' +
  'method_not_allowed missing_api_key missing_required_field monthly_quota_exceeded not_found rate_limit_exceeded ' +
  'restricted_api_key security_error validation_error'
).split(' ');

const refusal = (field: string, code = 'invalid', message = 'must be another') =>
  new Problem('validation_failed', { errors: [{ field, code, message }] });

describe("a refusal in the form of Resend's API", () => {
  it.each(PROBLEM_CODES)('has a name that all SDKs read: %s', (code) => {
    const { statusCode, name, message } = resendErrorOf(new Problem(code), true);
    expect(NAMES).toContain(name);
    expect(statusCode).toBeGreaterThanOrEqual(400);
    expect(statusCode >= 500).toBe(PROBLEMS[code].status >= 500);
    expect(message).toContain(PROBLEMS[code].remedy);
  });

  it.each([
    [new Problem('unauthorized'), false, 401, 'missing_api_key'],
    [new Problem('unauthorized'), true, 403, 'invalid_api_key'],
    [new Problem('scope_missing'), true, 401, 'restricted_api_key'],
    [new Problem('email_not_found'), true, 404, 'not_found'],
    [new Problem('invalid_state'), true, 422, 'validation_error'],
    [new Problem('sender_not_allowed'), true, 422, 'validation_error'],
    [new Problem('idempotency_mismatch'), true, 409, 'invalid_idempotent_request'],
    [new Problem('idempotency_in_flight'), true, 409, 'concurrent_idempotent_requests'],
    [new Problem('rate_limited'), true, 429, 'rate_limit_exceeded'],
    [new Problem('body_too_large'), true, 413, 'validation_error'],
    [new Problem('unavailable'), true, 503, 'application_error'],
    [new Problem('internal'), true, 500, 'application_error'],
    [refusal('Idempotency-Key'), true, 400, 'invalid_idempotency_key'],
    [refusal('subject', 'required'), true, 422, 'missing_required_field'],
    [refusal('3.subject', 'required'), true, 422, 'missing_required_field'],
    [refusal('attachments.0.content', 'required'), true, 422, 'invalid_attachment'],
    [refusal('3.attachments.0.filename'), true, 422, 'invalid_attachment'],
    [refusal('to'), true, 422, 'validation_error'],
  ] as const)('%#: is told by its status and name', (problem, hasToken, statusCode, name) => {
    expect(resendErrorOf(problem, hasToken)).toMatchObject({ statusCode, name });
  });

  it.each([
    ['replyTo.1', '`reply_to.1` must be another.'],
    ['3.scheduledAt', '`3.scheduled_at` must be another.'],
    ['attachments.0.contentType', '`attachments.0.content_type` must be another.'],
    ['template', '`template.id` must be another.'],
    ['variables.ip', '`template.variables.ip` must be another.'],
    ['metadata.order', '`tags.order` must be another.'],
    ['headers.replyTo', '`headers.replyTo` must be another.'],
    ['constructor', '`constructor` must be another.'],
    ['attachments.0.toString', '`attachments.0.toString` must be another.'],
  ])('names %s as it stands in the request', (field, message) => {
    expect(resendErrorOf(refusal(field), true).message).toBe(message);
  });

  it('tells of a limit in the headers that SDKs read, and keeps the others', () => {
    const headers = { 'retry-after': '7', 'ratelimit-policy': '"key";q=600;w=60', ratelimit: '"key";r=0;t=7' };
    expect(resendHeadersOf(new Problem('rate_limited', { headers }))).toEqual({
      ...headers,
      ...{ 'ratelimit-limit': '600', 'ratelimit-remaining': '0', 'ratelimit-reset': '7' },
    });
    expect(resendHeadersOf(new Problem('busy', { headers: { 'retry-after': '2' } }))).toEqual({ 'retry-after': '2' });
  });

  it('is for paths of its API alone', () => {
    for (const url of ['/emails', '/emails/', '/emails?limit=1', '/emails/x/cancel', '/domains', '/api-keys/x'])
      expect([url, isResendPath(url)]).toEqual([url, true]);
    for (const url of ['/', '/v1/emails', '/emailsx', '/account/emails', '', '/docs'])
      expect([url, isResendPath(url)]).toEqual([url, false]);
  });
});
