import { SMS_PROBLEMS } from './sms-problems.js';

/** What every refusal of the API says, in one place: status, safe title, and what the caller can do. */
export const REGISTRY = {
  ...SMS_PROBLEMS,
  malformed_json: { status: 400, title: 'The body is not valid JSON', remedy: 'Send one JSON object, in UTF-8.' },
  bad_request: {
    status: 400,
    title: 'The request cannot be read',
    remedy: 'Compare the request with the documentation at /docs.',
  },
  otp_invalid: {
    status: 400,
    title: 'The code is wrong',
    remedy: 'Compare it with the newest mail that shows the same reference.',
  },
  unauthorized: {
    status: 401,
    title: 'A valid access token is needed',
    remedy: 'Send "Authorization: Bearer <accessToken>"; refresh it at POST /v1/sessions/refresh.',
  },
  refresh_invalid: { status: 401, title: 'The refresh token is not valid', remedy: 'Sign in again.' },
  invalid_credentials: {
    status: 401,
    title: 'Address and password do not fit together',
    remedy: 'Compare both, or sign in with a code: POST /v1/otp {"purpose":"login"}.',
  },
  scope_missing: {
    status: 403,
    title: 'The API key may not do this',
    remedy: 'Use a key that has the scope; an operator makes one with: otpost keys create.',
  },
  role_missing: {
    status: 403,
    title: 'The account may not do this',
    remedy: 'Ask an administrator for the role: PATCH /v1/accounts/:id, or otpost admin grant.',
  },
  forbidden: { status: 403, title: 'Not from here', remedy: 'Send the request from the page it belongs to.' },
  wrong_password: {
    status: 403,
    title: 'The current password is wrong',
    remedy:
      'Compare it, or leave it out and prove that it is you with a code: POST /v1/otp {"purpose":"reauthenticate"}.',
  },
  reauthentication_required: {
    status: 403,
    title: 'This needs a fresh proof that it is you',
    remedy:
      'Send "currentPassword" where there is a password, or give back a code: POST /v1/otp {"purpose":"reauthenticate"}.',
  },
  hook_refused: {
    status: 403,
    title: 'Not proven to come from the provider',
    remedy: 'Compare the secret in HOOK_SECRETS with the one that the provider shows, and the clock of this host.',
  },
  mail_hook_refused: {
    status: 403,
    title: 'Not proven to come from the auth system',
    remedy: 'Compare the secret in HOOK_IN_SECRETS with the one that the auth system has, and the clocks of both.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing here',
    remedy: 'Compare the address with the documentation at /docs.',
  },
  email_not_found: { status: 404, title: 'No such message', remedy: 'Use the id from the answer that accepted it.' },
  template_not_found: { status: 404, title: 'No such template', remedy: 'Use a name from GET /v1/templates.' },
  audience_not_found: { status: 404, title: 'No such audience', remedy: 'Use an id from GET /v1/audiences.' },
  subscriber_not_found: {
    status: 404,
    title: 'No such subscriber',
    remedy: 'Use an id from GET /v1/audiences/:id/subscribers.',
  },
  import_not_found: {
    status: 404,
    title: 'No such import',
    remedy: 'Use the id from the answer that accepted it; old ones are removed after RETENTION_DAYS.',
  },
  broadcast_not_found: {
    status: 404,
    title: 'No such broadcast',
    remedy: 'Use an id from GET /v1/broadcasts; old ones are removed after RETENTION_DAYS.',
  },
  audience_in_use: {
    status: 409,
    title: 'A broadcast to the audience is under way',
    remedy: 'Cancel it first: POST /v1/broadcasts/:id/cancel; or wait until it is done.',
  },
  broadcast_over: {
    status: 409,
    title: 'The broadcast is over',
    remedy: 'Look at it at GET /v1/broadcasts/:id; a new one is POST /v1/broadcasts.',
  },
  email_action_not_found: {
    status: 404,
    title: 'No such action',
    remedy: 'Use the id from the answer of POST /v1/emails/actions; old ones are removed after RETENTION_DAYS.',
  },
  hook_not_configured: {
    status: 404,
    title: 'No events are taken from this provider',
    remedy: 'Name it with its secret in HOOK_SECRETS; docs/events.md has the providers that there are.',
  },
  mail_hook_not_configured: {
    status: 404,
    title: 'No mail is taken in from this source',
    remedy: 'Name it with its proof in HOOK_IN_SECRETS; docs/hooks-in.md has the sources that there are.',
  },
  lane_not_found: {
    status: 404,
    title: 'No such lane',
    remedy: 'Name one of GET /v1/operations/overview: critical, default or bulk.',
  },
  transport_not_found: {
    status: 404,
    title: 'No such transport',
    remedy: 'Name one of GET /v1/operations/overview, encoded for a URL.',
  },
  account_not_found: { status: 404, title: 'No such account', remedy: 'Use an id from GET /v1/accounts.' },
  api_key_not_found: { status: 404, title: 'No such API key', remedy: 'Use an id from GET /v1/api-keys.' },
  suppression_not_found: {
    status: 404,
    title: 'The address is not suppressed',
    remedy: 'Compare it, and the scope, with GET /v1/suppressions; what has expired is gone already.',
  },
  setup_done: {
    status: 404,
    title: 'There is an administrator already',
    remedy: 'Ask one of them for the role; who has the host uses: otpost admin create.',
  },
  setup_link_invalid: {
    status: 404,
    title: 'The setup link is not good any more',
    remedy: 'It works once and for 24 hours. Restart Otpost for a new one, or use: otpost admin create.',
  },
  challenge_not_found: {
    status: 404,
    title: 'No such challenge',
    remedy: 'Use the id from the answer that announced the code.',
  },
  session_not_found: { status: 404, title: 'No such session', remedy: 'Use an id from GET /v1/sessions.' },
  webhook_endpoint_not_found: {
    status: 404,
    title: 'No such webhook endpoint',
    remedy: 'Use an id from GET /v1/webhook-endpoints.',
  },
  webhook_delivery_not_found: {
    status: 404,
    title: 'No such webhook',
    remedy: 'Use an id from GET /v1/webhook-endpoints/:id/deliveries; old ones are removed after RETENTION_DAYS.',
  },
  webhook_endpoint_disabled: {
    status: 409,
    title: 'The webhook endpoint is disabled',
    remedy: 'Enable it first: PATCH /v1/webhook-endpoints/:id {"disabled":false}.',
  },
  webhook_under_way: {
    status: 409,
    title: 'The webhook is being delivered at this moment',
    remedy: 'Look at what becomes of it at GET /v1/webhook-deliveries/:id.',
  },
  method_not_allowed: {
    status: 405,
    title: 'The method is not for this server',
    remedy: 'Compare the method with the documentation at /docs; this is no proxy.',
  },
  request_timeout: {
    status: 408,
    title: 'The request did not come in time',
    remedy: 'Send the whole request within 30 seconds.',
  },
  invalid_state: {
    status: 409,
    title: 'Not in the state the message is in',
    remedy: 'Look at it again at GET /v1/emails/:id.',
  },
  count_differs: {
    status: 409,
    title: 'Not as many messages as were expected',
    remedy: 'Look at what the filter finds at GET /v1/emails, then send "expected" as it is now.',
  },
  idempotency_in_flight: {
    status: 409,
    title: 'The same request is under way',
    remedy: 'Wait as long as Retry-After says, then send the same request again: it will get the answer of the first.',
  },
  content_secret: {
    status: 403,
    title: 'It carries a code',
    remedy: 'Nobody but its recipient reads it, or sends it again.',
  },
  content_erased: { status: 409, title: 'The content is gone', remedy: 'Send it as a new message.' },
  template_changed: {
    status: 409,
    title: 'Its template has changed',
    remedy: 'Look at the template, which needs what the message does not have: GET /v1/templates.',
  },
  last_admin: {
    status: 409,
    title: 'It is the last administrator',
    remedy: 'Make somebody else an administrator first.',
  },
  api_key_over: { status: 409, title: 'The API key is over', remedy: 'Make a new one: POST /v1/api-keys.' },
  email_taken: {
    status: 409,
    title: 'Another account has this address',
    remedy: 'Use another address, or sign in with this one.',
  },
  otp_expired: { status: 410, title: 'The code has expired', remedy: 'Ask for a new code.' },
  otp_consumed: { status: 410, title: 'The code was used already', remedy: 'Ask for a new code.' },
  otp_disowned: {
    status: 410,
    title: 'The code was disowned',
    remedy: 'Its recipient said that they did not ask for it. Ask for a new code.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    remedy:
      'Send at most 64 KiB; POST /v1/hooks takes 1 MiB, POST /v1/hooks/in 256 KiB, POST /v1/uploads 25 MiB and POST /v1/emails 36 MiB.',
  },
  precondition_failed: {
    status: 412,
    title: 'It is not the version that was asked for',
    remedy: 'Ask again without "If-Match" and "If-Unmodified-Since".',
  },
  range_not_satisfiable: {
    status: 416,
    title: 'There is no such part',
    remedy: 'Ask for a smaller range, or for the whole.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    remedy: 'Send at most 16 KiB of headers and address.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'The body is not JSON',
    remedy: 'Send "Content-Type: application/json".',
  },
  expectation_failed: {
    status: 417,
    title: 'The request expects what is not done here',
    remedy: 'Send it without "Expect", or with "Expect: 100-continue".',
  },
  not_a_dsn: {
    status: 422,
    title: 'The message is no delivery status notification',
    remedy: 'Send a multipart/report with a message/delivery-status part (RFC 3464), whole and unchanged.',
  },
  validation_failed: {
    status: 422,
    title: 'Some fields are not acceptable',
    remedy: 'Correct the fields named in "errors".',
  },
  idempotency_mismatch: {
    status: 422,
    title: 'The Idempotency-Key belongs to another request',
    remedy: 'Use a new key for each new request; the same key is for sending the same request again.',
  },
  sender_not_allowed: {
    status: 422,
    title: 'Not an address that may send from here',
    remedy: 'Send from MAIL_FROM, or add the address or its @domain to MAIL_SENDERS.',
  },
  otp_locked: { status: 429, title: 'Too many wrong codes', remedy: 'Ask for a new code.' },
  too_many_failures: {
    status: 429,
    title: 'Too many wrong tries for this address',
    remedy: 'Wait as long as Retry-After says, or use the link in the newest mail if it has one.',
  },
  too_many_streams: {
    status: 429,
    title: 'Too many streams are open',
    remedy: 'Close one, or wait as long as Retry-After says; what the stream tells can be asked for without one, too.',
  },
  rate_limited: {
    status: 429,
    title: 'Too many requests',
    remedy: 'Wait as long as Retry-After says, then try again.',
  },
  resend_too_soon: {
    status: 429,
    title: 'The code was sent a moment ago',
    remedy: 'Wait as long as Retry-After says.',
  },
  resend_exhausted: {
    status: 429,
    title: 'The code was sent too often',
    remedy: 'Wait until it expires, then ask for a new one.',
  },
  internal: {
    status: 500,
    title: 'Something broke on our side',
    remedy: 'Try again; if it stays, give the requestId to the operator.',
  },
  http_version_not_supported: {
    status: 505,
    title: 'Not a version of HTTP that is spoken here',
    remedy: 'Use HTTP/1.1.',
  },
  hook_unprovable: {
    status: 503,
    title: 'The proof cannot be checked at the moment',
    remedy: 'Send it again; Amazon SNS does so by itself.',
  },
  busy: {
    status: 503,
    title: 'Too much at this moment',
    remedy:
      'Wait as long as Retry-After says, then try again. Nothing was done and no try was counted; the limits do count the request.',
  },
  unavailable: {
    status: 503,
    title: 'The database does not answer, or is too busy',
    remedy: 'Try again in a moment; the request may not have been carried out.',
  },
} as const satisfies Record<string, { status: number; title: string; remedy: string }>;
