import { randomUUID } from 'node:crypto';
import { type AccountRole, ACCOUNT_ROLES } from '../../../src/access/access-policy.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { SignedInBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask, signIn } from '../../support/service/staff.js';

const MAIL = {
  to: 'somebody@example.com',
  subject: 'Hello',
  text: 'Hello.',
  scheduledAt: new Date(Date.now() + 86_400_000).toISOString(),
};
const nobody = `/v1/emails/${randomUUID()}`;

const noAction = `/v1/emails/actions/${randomUUID()}`;

/**
 * What each role opens besides what every key or account does; an id that is nobody's answers 404 once somebody was let
 * in.
 */
const CALLS: [
  method: string,
  path: string,
  body: object | undefined,
  least: Exclude<AccountRole, 'user'>,
  status: number,
][] = [
  ['GET', nobody, undefined, 'viewer', 404],
  ['POST', `${nobody}/retry`, undefined, 'operator', 404],
  ['POST', `${nobody}/cancel`, undefined, 'operator', 404],
  ['POST', `${nobody}/resolve`, { as: 'sent' }, 'admin', 404],
  ['PATCH', nobody, { scheduledAt: MAIL.scheduledAt }, 'operator', 404],
  ['GET', '/v1/emails', undefined, 'viewer', 200],
  ['GET', '/v1/emails/stats', undefined, 'viewer', 200],
  ['POST', '/v1/emails/actions', { action: 'retry' }, 'operator', 422],
  ['GET', noAction, undefined, 'viewer', 404],
  ['POST', '/v1/emails', MAIL, 'admin', 202],
  ['GET', '/v1/templates', undefined, 'viewer', 200],
  ['GET', '/v1/templates/nowhere', undefined, 'viewer', 404],
  ['POST', '/v1/templates/login-code/preview', {}, 'viewer', 200],
  ['POST', '/v1/templates/login-code/test', { to: 'ada@example.com' }, 'operator', 202],
  ['GET', '/v1/suppressions', undefined, 'viewer', 200],
  ['POST', '/v1/suppressions', { address: 'nobody' }, 'operator', 422],
  ['DELETE', '/v1/suppressions', { address: 'nobody@example.com', reason: 'asked for' }, 'operator', 404],
  ['GET', '/v1/audit', undefined, 'viewer', 200],
  ['GET', '/v1/api-keys', undefined, 'viewer', 200],
  ['POST', '/v1/api-keys', { name: 'shop', scopes: ['emails:send'] }, 'admin', 201],
  ['GET', '/v1/accounts', undefined, 'viewer', 200],
  ['GET', '/v1/webhook-endpoints', undefined, 'viewer', 200],
  ['POST', '/v1/webhook-endpoints', { url: 'https://shop.example.com/hook' }, 'admin', 201],
  ['GET', '/v1/audiences', undefined, 'viewer', 200],
  ['POST', '/v1/audiences', { name: 'Drivers' }, 'operator', 201],
  ['GET', '/v1/broadcasts', undefined, 'viewer', 200],
  ['POST', '/v1/broadcasts', {}, 'operator', 422],
  ['GET', '/v1/operations/overview', undefined, 'viewer', 200],
  ['GET', '/v1/operations/schedules', undefined, 'viewer', 200],
  ['POST', '/v1/operations/lanes/bulk/resume', {}, 'operator', 200],
  ['POST', '/v1/operations/transports/nowhere/test', undefined, 'operator', 404],
  ['POST', '/v1/operations/codes', {}, 'operator', 202],
  ['PATCH', `/v1/accounts/${randomUUID()}`, { role: 'viewer' }, 'admin', 404],
];

describe('a person who is signed in', () => {
  let otpost: Otpost;
  const people = {} as Record<AccountRole, SignedInBody>;

  beforeAll(async () => {
    otpost = await startOtpost();
    for (const role of ACCOUNT_ROLES) people[role] = await signIn(otpost, `${role}@example.com`, role);
  });
  afterAll(() => otpost.stop());

  it.each(CALLS)(
    'opens %s %s with the role it needs, and with no lesser one',
    async (method, path, body, least, status) => {
      for (const role of ACCOUNT_ROLES) {
        const answer = await ask(otpost, people[role].accessToken, method, path, body);
        if (ACCOUNT_ROLES.indexOf(role) >= ACCOUNT_ROLES.indexOf(least)) {
          expect([role, answer.status]).toEqual([role, status]);
        } else {
          expect([role, answer.status, answer.body.code]).toEqual([role, 403, 'role_missing']);
          expect(answer.body).toMatchObject({ role: least, detail: `The account lacks the role ${least}.` });
          expect(answer.headers.get('www-authenticate')).toContain('error="insufficient_scope"');
        }
      }
    },
  );

  it('opens nothing any more the moment the session ends', async () => {
    const { accessToken } = await signIn(otpost, 'leaving@example.com', 'admin');
    expect((await ask(otpost, accessToken, 'GET', '/v1/audit')).status).toBe(200);
    expect((await ask(otpost, accessToken, 'DELETE', '/v1/sessions/current')).status).toBe(204);
    const answer = await ask(otpost, accessToken, 'GET', '/v1/audit');
    expect([answer.status, answer.body.code]).toEqual([401, 'unauthorized']);
  });

  it('opens nothing any more the moment the role is taken, whatever the token was made for', async () => {
    const { account, accessToken } = await signIn(otpost, 'former@example.com', 'operator');
    expect((await ask(otpost, accessToken, 'GET', nobody)).status).toBe(404);
    expect(
      (await ask(otpost, people.admin.accessToken, 'PATCH', `/v1/accounts/${account.id}`, { role: 'user' })).status,
    ).toBe(200);
    expect((await ask(otpost, accessToken, 'GET', nobody)).status).toBe(403);
    expect((await ask(otpost, accessToken, 'GET', '/v1/me')).status).toBe(200);
  });

  it('is named in the record of what was done to a message, as a key is', async () => {
    const sent = await ask<{ id: string }>(otpost, people.admin.accessToken, 'POST', '/v1/emails', MAIL);
    const other = await ask<{ id: string }>(otpost, people.admin.accessToken, 'POST', '/v1/emails', MAIL);
    const key = await createApiKey(otpost.database.url, ['emails:send']);
    expect((await ask(otpost, people.operator.accessToken, 'POST', `/v1/emails/${sent.body.id}/cancel`)).status).toBe(
      200,
    );
    expect((await ask(otpost, key, 'POST', `/v1/emails/${other.body.id}/cancel`)).status).toBe(200);
    const rows = await otpost.database.query<{ actor_kind: string; actor_id: string; target_id: string; ip: string }>(
      `SELECT actor_kind, actor_id, target_id, ip FROM audit_events WHERE action = 'email.cancelled' ORDER BY id`,
    );
    const [{ id: keyId } = { id: '' }] = await otpost.database.query<{ id: string }>(
      'SELECT id FROM api_keys WHERE prefix = $1',
      [key.slice(0, 14)],
    );
    expect(rows).toEqual([
      { actor_kind: 'account', actor_id: people.operator.account.id, target_id: sent.body.id, ip: '127.0.0.1' },
      { actor_kind: 'api_key', actor_id: keyId, target_id: other.body.id, ip: '127.0.0.1' },
    ]);
  });

  it('leaves no record of a change that was refused by the state of the message', async () => {
    const sent = await ask<{ id: string }>(otpost, people.admin.accessToken, 'POST', '/v1/emails', MAIL);
    const retried = await ask(otpost, people.operator.accessToken, 'POST', `/v1/emails/${sent.body.id}/retry`);
    expect([retried.status, retried.body.code]).toEqual([409, 'invalid_state']);
    expect(await otpost.database.query('SELECT 1 FROM audit_events WHERE target_id = $1', [sent.body.id])).toEqual([]);
  });
});
