import { randomUUID } from 'node:crypto';
import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody, SignedInBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask, signIn } from '../../support/service/staff.js';

interface AccountBody extends ProblemBody {
  id: string;
  email: string;
  role: string;
}

interface ListBody extends ProblemBody {
  items: AccountBody[];
  nextCursor: string | null;
}

describe('administrators', () => {
  let otpost: Otpost;
  let key: string;
  let number = 0;

  beforeAll(async () => {
    otpost = await startOtpost();
    key = await createApiKey(otpost.database.url, ['admin']);
  });
  beforeEach(() => otpost.database.query(`UPDATE accounts SET role = 'user'`));
  afterAll(() => otpost.stop());

  const person = (role: 'user' | 'operator' | 'admin' = 'user') =>
    signIn(otpost, `person${++number}@example.com`, role);
  const setRole = (bearer: string, id: string, role: string) =>
    ask<AccountBody>(otpost, bearer, 'PATCH', `/v1/accounts/${id}`, { role });
  const admins = async (): Promise<string[]> =>
    (await otpost.database.query<{ id: string }>(`SELECT id FROM accounts WHERE role = 'admin'`)).map(({ id }) => id);

  it('give and take roles, and both are recorded with who did it', async () => {
    const ada = await person('admin');
    const { account } = await person();
    const raised = await setRole(ada.accessToken, account.id, 'operator');
    expect([raised.status, raised.body.role, raised.body.email]).toEqual([200, 'operator', account.email]);
    expect((await setRole(key, account.id, 'user')).body.role).toBe('user');
    const rows = await otpost.database.query(
      'SELECT action, result, actor_kind, actor_id, details FROM audit_events WHERE target_id = $1 AND action = $2 ORDER BY id',
      [account.id, 'role.changed'],
    );
    expect(rows).toEqual([
      {
        action: 'role.changed',
        result: 'done',
        actor_kind: 'account',
        actor_id: ada.account.id,
        details: { from: 'user', to: 'operator' },
      },
      {
        action: 'role.changed',
        result: 'done',
        actor_kind: 'api_key',
        actor_id: expect.any(String) as string,
        details: { from: 'operator', to: 'user' },
      },
    ]);
  });

  it('record nothing where the role is the same', async () => {
    const { account } = await person('operator');
    expect((await setRole(key, account.id, 'operator')).status).toBe(200);
    expect(
      await otpost.database.query('SELECT 1 FROM audit_events WHERE target_id = $1 AND action = $2', [
        account.id,
        'role.changed',
      ]),
    ).toEqual([]);
  });

  it('never lose their last one, not even to themselves or to a key, and the try is recorded', async () => {
    const { account, accessToken } = await person('admin');
    for (const bearer of [accessToken, key]) {
      const { status, body } = await setRole(bearer, account.id, 'operator');
      expect([status, body.code]).toEqual([409, 'last_admin']);
    }
    const gone = await ask(otpost, accessToken, 'DELETE', '/v1/me');
    expect([gone.status, gone.body.code]).toEqual([409, 'last_admin']);
    expect(await admins()).toEqual([account.id]);
    const [row] = await otpost.database.query(
      'SELECT result, details FROM audit_events WHERE target_id = $1 AND action = $2',
      [account.id, 'role.changed'],
    );
    expect(row).toEqual({ result: 'refused', details: { from: 'admin', to: 'operator' } });
  });

  it('keep one when two demote each other, or leave, at the same moment', async () => {
    for (let round = 1; round <= 10; round++) {
      await otpost.database.query(`UPDATE accounts SET role = 'user'`);
      const [ada, eve] = [await person('admin'), await person('admin')] as [SignedInBody, SignedInBody];
      const statuses = await Promise.all(
        round % 2 === 0
          ? [setRole(key, ada.account.id, 'user'), setRole(key, eve.account.id, 'user')]
          : [ask(otpost, ada.accessToken, 'DELETE', '/v1/me'), setRole(key, eve.account.id, 'operator')],
      );
      expect([round, statuses.filter(({ status }) => status === 409).length, (await admins()).length]).toEqual([
        round,
        1,
        1,
      ]);
    }
  });

  it('look at accounts: newest first, in pages, by address and by role', async () => {
    const made = [await person(), await person('operator'), await person('admin')].map(({ account }) => account);
    const list = (query: string) => ask<ListBody>(otpost, key, 'GET', `/v1/accounts${query}`);
    const first = (await list('?limit=2')).body;
    expect(first.items.map(({ id }) => id)).toEqual([made[2]!.id, made[1]!.id]);
    expect((await list(`?limit=2&cursor=${first.nextCursor}`)).body.items[0]!.id).toBe(made[0]!.id);
    expect((await list(`?email=${made[1]!.email.toUpperCase()}`)).body.items.map(({ id }) => id)).toEqual([
      made[1]!.id,
    ]);
    expect((await list('?email=none@example.com')).body).toEqual({ items: [], nextCursor: null });
    expect((await list('?role=operator')).body.items.map(({ id, role }) => [id, role])).toEqual([
      [made[1]!.id, 'operator'],
    ]);
    expect((await ask<AccountBody>(otpost, key, 'GET', `/v1/accounts/${made[0]!.id}`)).body).toMatchObject({
      id: made[0]!.id,
      email: made[0]!.email,
      role: 'user',
      hasPassword: false,
    });
    expect(JSON.stringify(first)).not.toMatch(/passwordHash|argon2/);
  });

  it('sign somebody out everywhere, and it is recorded', async () => {
    const { account, accessToken } = await person();
    expect((await ask(otpost, accessToken, 'GET', '/v1/me')).status).toBe(200);
    expect((await ask(otpost, key, 'DELETE', `/v1/accounts/${account.id}/sessions`)).status).toBe(204);
    expect((await ask(otpost, accessToken, 'GET', '/v1/me')).status).toBe(401);
    const [row] = await otpost.database.query(
      'SELECT actor_kind, details FROM audit_events WHERE target_id = $1 AND action = $2',
      [account.id, 'sessions.ended'],
    );
    expect(row).toEqual({ actor_kind: 'api_key', details: { sessionsEnded: 1 } });
  });

  it.each([
    ['?role=owner', 'role'],
    ['?email=nobody', 'email'],
    ['?cursor=bm9uZQ', 'cursor'],
    ['?name=ada', 'name'],
  ])('are told what is wrong with %s', async (query, field) => {
    const { status, body } = await ask(otpost, key, 'GET', `/v1/accounts${query}`);
    expect([status, body.errors?.[0]?.field]).toEqual([422, field]);
  });

  it('are told that there is no such account, or role', async () => {
    for (const id of ['x', randomUUID()]) expect((await setRole(key, id, 'admin')).body.code).toBe('account_not_found');
    const { account } = await person();
    expect((await setRole(key, account.id, 'owner')).body.errors?.[0]?.field).toBe('role');
    expect(
      (await ask(otpost, key, 'PATCH', `/v1/accounts/${account.id}`, { role: 'user', email: 'eve@example.com' }))
        .status,
    ).toBe(422);
  });
});
