/** Where the rule below has no word that people would look for. */
const NAMED: Readonly<Record<string, string>> = {
  'GET /.well-known/jwks.json': 'getJwks',
  'POST /v1/accounts': 'register',
  'DELETE /v1/accounts/{id}/sessions': 'signOutAccount',
  'POST /v1/audiences/{id}/import': 'importSubscribers',
  'GET /v1/audiences/{id}/imports/{importId}': 'getImport',
  'POST /v1/audiences/{id}/subscribers': 'addSubscriber',
  'GET /v1/audiences/{id}/subscribers': 'listSubscribers',
  'GET /v1/audiences/{id}/subscribers/{subscriberId}': 'getSubscriber',
  'PATCH /v1/audiences/{id}/subscribers/{subscriberId}': 'updateSubscriber',
  'DELETE /v1/audiences/{id}/subscribers/{subscriberId}': 'deleteSubscriber',
  'POST /v1/audiences/{id}/subscribers/{subscriberId}/confirm': 'confirmSubscriber',
  'POST /v1/emails': 'sendEmail',
  'POST /v1/emails/actions': 'changeEmails',
  'POST /v1/emails/batch': 'sendEmails',
  'GET /v1/emails/stats': 'countEmails',
  'POST /v1/hooks/dsn': 'reportBounce',
  'POST /v1/hooks/{provider}': 'receiveEvents',
  'POST /v1/hooks/in/{source}': 'handInMail',
  'POST /v1/hooks/in/generic/{name}': 'handInMappedMail',
  'POST /v1/me/email': 'changeMyEmail',
  'POST /v1/me/password': 'setMyPassword',
  'GET /v1/me': 'getMe',
  'PATCH /v1/me': 'updateMe',
  'DELETE /v1/me': 'deleteMe',
  'DELETE /v1/me/password': 'deleteMyPassword',
  'POST /v1/otp': 'requestCode',
  'POST /v1/otp/{id}/disown': 'disownCode',
  'POST /v1/otp/{id}/resend': 'resendCode',
  'POST /v1/otp/{id}/verify': 'verifyCode',
  'GET /v1/otp/{id}/delivery': 'getCodeDelivery',
  'GET /v1/otp/{id}/delivery/events': 'followCodeDelivery',
  'POST /v1/sessions': 'signIn',
  'DELETE /v1/sessions': 'signOutEverywhere',
  'DELETE /v1/sessions/current': 'signOut',
  'POST /v1/sessions/refresh': 'refreshSession',
  'POST /v1/setup': 'createFirstAdministrator',
  'DELETE /v1/suppressions': 'liftSuppression',
  'POST /v1/suppressions': 'addSuppression',
  'POST /v1/uploads': 'uploadFile',
  'POST /v1/webhook-endpoints/{id}/rotate-secret': 'rotateWebhookSecret',
  'GET /health': 'getHealth',
  'GET /health/live': 'getLiveness',
  'GET /health/mail': 'getMailHealth',
  'GET /metrics': 'getMetrics',
  'GET /v1/audit': 'listAuditEvents',
};
const ONE: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'post',
  PUT: 'replace',
  PATCH: 'update',
  DELETE: 'delete',
};

/**
 * What generated clients call an operation. Made of its method and its path and of nothing in the code, so that it
 * stays when a controller is moved: `listEmails`, `getEmail`, `retryEmail`, `getEmailContent`.
 */
export function operationIdOf(method: string, path: string): string {
  const named = NAMED[`${method} ${path}`];
  if (named !== undefined) return named;
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== 'v1');
  const last = segments.at(-1)!;
  if (isParameter(last)) return ONE[method]! + nounsOf(segments, true);
  const ofOne = segments.some(isParameter);
  if (method === 'POST' && ofOne) return camel(last) + nounsOf(segments.slice(0, -1), true);
  if (method === 'POST') return `create${nounsOf(segments, true)}`;
  if (method === 'DELETE') return `delete${nounsOf(segments)}`;
  return (ofOne ? 'get' : 'list') + nounsOf(segments);
}

/** Each in the singular where one of them is meant: before a parameter, and at the end where it is said. */
function nounsOf(segments: readonly string[], singularAtEnd = false): string {
  return segments
    .filter((segment) => !isParameter(segment))
    .map((segment, n, all) => pascal(n < all.length - 1 || singularAtEnd ? singular(segment) : segment))
    .join('');
}

function isParameter(segment: string): boolean {
  return segment.startsWith('{');
}

function singular(word: string): string {
  return word.replace(/ies$/, 'y').replace(/([^s])s$/, '$1');
}

function pascal(words: string): string {
  return words.replace(/(?:^|[-._])([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function camel(words: string): string {
  const all = pascal(words);
  return all.charAt(0).toLowerCase() + all.slice(1);
}
