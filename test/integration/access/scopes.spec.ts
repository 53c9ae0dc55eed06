import { randomUUID } from 'node:crypto';
import { type Scope, SCOPES } from '../../../src/access/access-policy.js';
import { createDatabase } from '../../support/database/postgres.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody } from '../../support/service/api.js';
import { OtpostProcess } from '../../support/service/otpost-process.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

const MAIL = { to: 'ada@example.com', subject: 'Hello', text: 'Hello, Ada.' };
const nobody = `/v1/emails/${randomUUID()}`;
const noAction = `/v1/emails/actions/${randomUUID()}`;
const noKey = `/v1/api-keys/${randomUUID()}`;
const noAccount = `/v1/accounts/${randomUUID()}`;
const noEndpoint = `/v1/webhook-endpoints/${randomUUID()}`;
const noAudience = `/v1/audiences/${randomUUID()}`;
const noBroadcast = `/v1/broadcasts/${randomUUID()}`;
const noDelivery = `/v1/webhook-deliveries/${randomUUID()}`;

/** Every call that takes a key, and the scope it needs; an id that is nobody's answers 404 once the key was let in. */
const CALLS: [method: string, path: string, body: object | undefined, scope: Scope, status: number][] = [
  ['POST', '/v1/emails', MAIL, 'emails:send', 202],
  ['GET', nobody, undefined, 'emails:read', 404],
  ['POST', `${nobody}/cancel`, undefined, 'emails:send', 404],
  ['POST', `${nobody}/retry`, undefined, 'emails:send', 404],
  ['POST', `${nobody}/resolve`, { as: 'sent' }, 'emails:send', 404],
  ['PATCH', nobody, { scheduledAt: '2030-01-01T00:00:00Z' }, 'emails:send', 404],
  ['GET', '/v1/emails', undefined, 'emails:read', 200],
  ['GET', '/v1/emails/stats', undefined, 'emails:read', 200],
  ['POST', '/v1/emails/actions', { action: 'retry' }, 'emails:send', 422],
  ['GET', noAction, undefined, 'emails:read', 404],
  ['GET', '/v1/templates', undefined, 'emails:read', 200],
  ['GET', '/v1/templates/nowhere', undefined, 'emails:read', 404],
  ['POST', '/v1/templates/login-code/preview', {}, 'emails:read', 200],
  ['POST', '/v1/templates/login-code/test', { to: 'ada@example.com' }, 'emails:send', 202],
  ['GET', '/v1/suppressions', undefined, 'suppressions:read', 200],
  ['POST', '/v1/suppressions', { address: 'nobody' }, 'suppressions:write', 422],
  ['DELETE', '/v1/suppressions', { address: 'nobody@example.com', reason: 'asked for' }, 'suppressions:write', 404],
  ['GET', '/v1/audiences', undefined, 'audiences', 200],
  ['POST', '/v1/audiences', { name: 'Drivers' }, 'audiences', 201],
  ['GET', noAudience, undefined, 'audiences', 404],
  ['PATCH', noAudience, { name: 'Drivers' }, 'audiences', 404],
  ['DELETE', noAudience, undefined, 'audiences', 404],
  ['GET', `${noAudience}/subscribers`, undefined, 'audiences', 404],
  ['POST', `${noAudience}/subscribers`, { email: 'ada@example.com' }, 'audiences', 404],
  ['GET', `${noAudience}/subscribers/${randomUUID()}`, undefined, 'audiences', 404],
  ['DELETE', `${noAudience}/subscribers/${randomUUID()}`, undefined, 'audiences', 404],
  ['POST', `${noAudience}/subscribers/${randomUUID()}/confirm`, { code: '123456' }, 'audiences', 404],
  ['GET', `${noAudience}/imports/${randomUUID()}`, undefined, 'audiences', 404],
  ['GET', '/v1/broadcasts', undefined, 'audiences', 200],
  ['POST', '/v1/broadcasts', {}, 'audiences', 422],
  ['GET', noBroadcast, undefined, 'audiences', 404],
  ['POST', `${noBroadcast}/pause`, undefined, 'audiences', 404],
  ['POST', `${noBroadcast}/resume`, undefined, 'audiences', 404],
  ['POST', `${noBroadcast}/cancel`, undefined, 'audiences', 404],
  ['POST', `${noBroadcast}/test`, { to: 'ada@example.com' }, 'audiences', 404],
  ['GET', '/v1/audit', undefined, 'admin', 200],
  ['GET', '/v1/api-keys', undefined, 'admin', 200],
  ['POST', '/v1/api-keys', { name: 'made', scopes: ['emails:read'] }, 'admin', 201],
  ['GET', noKey, undefined, 'admin', 404],
  ['POST', `${noKey}/rotate`, {}, 'admin', 404],
  ['DELETE', noKey, undefined, 'admin', 404],
  ['GET', '/v1/accounts', undefined, 'admin', 200],
  ['GET', noAccount, undefined, 'admin', 404],
  ['PATCH', noAccount, { role: 'operator' }, 'admin', 404],
  ['DELETE', `${noAccount}/sessions`, undefined, 'admin', 404],
  ['GET', '/v1/webhook-endpoints', undefined, 'webhooks', 200],
  ['DELETE', noEndpoint, undefined, 'webhooks', 404],
  ['GET', noDelivery, undefined, 'webhooks', 404],
];

describe('what an API key opens', () => {
  let otpost: Otpost;
  const keys = new Map<Scope, string>();

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    for (const scope of SCOPES) keys.set(scope, await createApiKey(otpost.database.url, [scope]));
  });
  afterAll(() => otpost.stop());

  function ask(method: string, path: string, body: object | undefined, authorization?: string) {
    const headers = {
      ...(authorization ? { authorization } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    };
    return otpost.api.send<ProblemBody>(method, path, headers, body && JSON.stringify(body));
  }

  it.each(CALLS)('is shut to %s %s without one', async (method, path, body) => {
    for (const authorization of [
      undefined,
      'Bearer ',
      'Basic b3RwOg==',
      `Bearer otp_live_${'A'.repeat(43)}`,
      'Bearer eyJhbGciOiJFZERTQSJ9.e30.c2ln',
    ]) {
      const answer = await ask(method, path, body, authorization);
      expect([authorization, answer.status, answer.body.code]).toEqual([authorization, 401, 'unauthorized']);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="api"');
      expect(answer.body.detail).toContain('API key');
      expect(answer.body.remedy).toContain('otp_live_');
    }
  });

  it.each(CALLS)('is %s %s, for the scope it needs and for admin', async (method, path, body, scope, status) => {
    for (const held of SCOPES) {
      const answer = await ask(method, path, body, `Bearer ${keys.get(held)}`);
      // Who reads their own messages is let in where messages are read.
      if (held === scope || held === `${scope}:own` || held === 'admin') {
        expect([held, answer.status]).toEqual([held, status]);
      } else {
        expect([held, answer.status, answer.body.code]).toEqual([held, 403, 'scope_missing']);
        expect(answer.body).toMatchObject({ scope, detail: `The API key lacks the scope ${scope}.` });
      }
    }
  });

  it('is nothing any more the moment it is revoked', async () => {
    const key = await createApiKey(otpost.database.url, ['emails:send']);
    expect((await ask('POST', '/v1/emails', MAIL, `Bearer ${key}`)).status).toBe(202);
    await otpost.database.query('UPDATE api_keys SET revoked_at = now() WHERE prefix = $1', [key.slice(0, 14)]);
    const answer = await ask('POST', '/v1/emails', MAIL, `Bearer ${key}`);
    expect([answer.status, answer.body.detail]).toEqual([401, 'This API key is not valid: it was revoked.']);
  });

  it('is nothing any more once it has expired, and the answer says when it did', async () => {
    const key = await createApiKey(otpost.database.url, ['emails:send']);
    const [row] = await otpost.database.query<{ expires_at: Date }>(
      "UPDATE api_keys SET expires_at = now() - interval '1 minute' WHERE prefix = $1 RETURNING expires_at",
      [key.slice(0, 14)],
    );
    const answer = await ask('POST', '/v1/emails', MAIL, `Bearer ${key}`);
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
    expect(answer.body.detail).toBe(`This API key is not valid: it expired at ${row!.expires_at.toISOString()}.`);
  });

  it('is nothing of an account', async () => {
    expect((await ask('GET', '/v1/me', undefined, `Bearer ${keys.get('admin')}`)).status).toBe(401);
  });
});

describe('the log', () => {
  it('holds no API key, good or bad, even at its most talkative', async () => {
    const database = await createDatabase();
    const key = await createApiKey(database.url);
    const bad = `otp_live_${'B'.repeat(43)}`;
    const otpost = await OtpostProcess.start({
      DATABASE_URL: database.url,
      APP_SECRET: 'a secret of more than thirty-two characters for tests',
      PORT: '0',
      LOG_LEVEL: 'trace',
      ROLE: 'web',
    });
    try {
      const api = await otpost.api();
      const statuses: number[] = [];
      for (const [token, body] of [
        [key, MAIL],
        [key, { to: 'nonsense' }],
        [bad, MAIL],
      ] as const) {
        statuses.push((await api.post('/v1/emails', body, { authorization: `Bearer ${token}` })).status);
      }
      statuses.push((await api.get(`/v1/emails/${key}`, key)).status);
      expect(statuses).toEqual([202, 422, 401, 404]);
    } finally {
      await otpost.stop();
      await database.drop();
    }
    expect(otpost.text).toContain('/v1/emails');
    expect(otpost.text).not.toContain(key.slice(14));
    expect(otpost.text).not.toContain(bad);
  });
});
