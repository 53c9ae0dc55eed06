import { randomUUID } from 'node:crypto';
import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask } from '../../support/service/staff.js';

interface KeyBody extends ProblemBody {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  senders: string[];
  createdAt: string;
  lastUsedAt: string | null;
  expiresAt: string | null;
  revokedAt: string | null;
  replacedBy: string | null;
  key?: string;
}

describe('/v1/api-keys', () => {
  let otpost: Otpost;
  let clock: HeldClock;
  let admin: string;

  beforeAll(async () => {
    clock = new HeldClock();
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' }, clock);
    admin = await createApiKey(otpost.database.url, ['admin']);
  });
  afterAll(() => otpost.stop());

  const call = <Body = KeyBody>(method: string, path = '', body?: object) =>
    ask<Body>(otpost, admin, method, `/v1/api-keys${path}`, body);
  const nobody = `/v1/emails/${randomUUID()}`;
  const opens = async (key: string): Promise<boolean> => (await ask(otpost, key, 'GET', nobody)).status === 404;

  it('makes a key that works at once, and shows it in that answer only', async () => {
    const { status, body } = await call('POST', '', { name: 'billing', scopes: ['emails:read', 'emails:send'] });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      name: 'billing',
      scopes: ['emails:read', 'emails:send'],
      expiresAt: null,
      revokedAt: null,
      replacedBy: null,
    });
    expect(body.key).toMatch(/^otp_live_[\w-]{43}$/);
    expect(await opens(body.key!)).toBe(true);
    const read = await call('GET', `/${body.id}`);
    expect({ ...read.body, key: body.key }).toEqual({ ...body, lastUsedAt: clock.now().toISOString() });
    expect(read.body.key).toBeUndefined();
    const list = await call<{ items: KeyBody[] }>('GET', '');
    expect(list.body.items.find(({ id }) => id === body.id)).toEqual(read.body);
    expect(JSON.stringify([read.body, list.body])).not.toContain(body.key!.slice(14));
  });

  it('makes one that sends from what it names alone, in canonical form, and shows it in lists', async () => {
    const senders = ['Billing@Example.com', '@Bücher.example', 'billing@example.com'];
    const { body } = await call('POST', '', { name: 'narrow', scopes: ['emails:send'], senders });
    expect(body.senders).toEqual(['billing@example.com', '@xn--bcher-kva.example']);
    const successor = (await call('POST', `/${body.id}/rotate`, {})).body;
    const { items } = (await call<{ items: KeyBody[] }>('GET', '')).body;
    // Made in one moment, they have no order among themselves.
    const listed = items.filter(({ name }) => name === 'narrow').map((item) => [item.id, item.senders]);
    expect(new Map(listed as [string, string[]][])).toEqual(
      new Map([
        [body.id, body.senders],
        [successor.id, body.senders],
      ]),
    );
    expect(listed).toHaveLength(2);
  });

  it.each([
    ['no list', 'billing@example.com', 'is_array'],
    ['a domain without its @', ['example.com'], 'invalid_sender'],
    ['an address with a name', ['Ada <ada@example.com>'], 'invalid_sender'],
    ['no text', [1], 'invalid_sender'],
    ['null', null, 'is_array'],
    ['more than there may be', Array.from({ length: 51 }, (_, n) => `a${n}@example.com`), 'array_max_size'],
  ])('refuses senders that are %s', async (_, senders, code) => {
    const { status, body } = await call('POST', '', { name: 'narrow', scopes: ['emails:send'], senders });
    expect([status, body.errors?.map((error) => [error.field, error.code])]).toEqual([
      422,
      expect.arrayContaining([['senders', code]]),
    ]);
  });

  it('makes one that expires', async () => {
    const expiresAt = new Date(clock.now().getTime() + 60_000).toISOString();
    const { body } = await call('POST', '', { name: 'short', scopes: ['emails:read'], expiresAt });
    expect([body.expiresAt, await opens(body.key!)]).toEqual([expiresAt, true]);
    clock.advance(60);
    const refused = await ask(otpost, body.key, 'GET', nobody);
    expect([refused.status, refused.body.detail]).toEqual([
      401,
      `This API key is not valid: it expired at ${expiresAt}.`,
    ]);
  });

  it('puts a new key in the place of one, which works until the overlap ends', async () => {
    const { body: former } = await call('POST', '', { name: 'rotated', scopes: ['emails:read'] });
    const { status, body } = await call('POST', `/${former.id}/rotate`, { overlapHours: 2 });
    expect([status, body.name, body.scopes]).toEqual([201, 'rotated', ['emails:read']]);
    expect([await opens(former.key!), await opens(body.key!)]).toEqual([true, true]);
    clock.advance(7_200);
    expect([await opens(former.key!), await opens(body.key!)]).toEqual([false, true]);
    expect((await call('GET', `/${former.id}`)).body).toMatchObject({
      replacedBy: body.id,
      expiresAt: clock.now().toISOString(),
    });
  });

  it('gives the overlap a day where nobody says otherwise, also without a body', async () => {
    const { body: former } = await call('POST', '', { name: 'default', scopes: ['emails:read'] });
    expect((await call('POST', `/${former.id}/rotate`)).status).toBe(201);
    expect((await call('GET', `/${former.id}`)).body.expiresAt).toBe(
      new Date(clock.now().getTime() + 86_400_000).toISOString(),
    );
  });

  it('makes one successor of two rotations at once', async () => {
    const { body: former } = await call('POST', '', { name: 'twice', scopes: ['emails:read'] });
    const answers = await Promise.all([1, 2].map(() => call('POST', `/${former.id}/rotate`, {})));
    const [won, lost] = answers.sort((left, right) => left.status - right.status);
    expect([won!.status, lost!.status, lost!.body.code]).toEqual([201, 409, 'api_key_over']);
    expect(lost!.body.replacedBy).toBe(won!.body.id);
    expect(lost!.body.key).toBeUndefined();
  });

  it('revokes one, from the next request on, and again is no fault', async () => {
    const { body } = await call('POST', '', { name: 'revoked', scopes: ['emails:read'] });
    expect((await call('DELETE', `/${body.id}`)).status).toBe(204);
    expect(await opens(body.key!)).toBe(false);
    const { revokedAt } = (await call('GET', `/${body.id}`)).body;
    clock.advance(5);
    expect((await call('DELETE', `/${body.id}`)).status).toBe(204);
    expect((await call('GET', `/${body.id}`)).body.revokedAt).toBe(revokedAt);
    expect((await call('POST', `/${body.id}/rotate`)).body.code).toBe('api_key_over');
  });

  it('records who did it: the key that was shown', async () => {
    const { body } = await call('POST', '', { name: 'recorded', scopes: ['emails:read'] });
    await call('POST', `/${body.id}/rotate`, {});
    await call('DELETE', `/${body.id}`);
    const rows = await otpost.database.query(
      'SELECT action, actor_kind, actor_id, ip, request_id FROM audit_events WHERE target_id = $1 ORDER BY id',
      [body.id],
    );
    const [row] = await otpost.database.query<{ id: string }>('SELECT id FROM api_keys WHERE prefix = $1', [
      admin.slice(0, 14),
    ]);
    const by = { actor_kind: 'api_key', actor_id: row!.id, ip: '127.0.0.1', request_id: expect.any(String) as string };
    expect(rows).toEqual(
      ['api_key.created', 'api_key.rotated', 'api_key.revoked'].map((action) => ({ action, ...by })),
    );
  });

  it.each([
    [{ scopes: ['emails:read'] }, 'name'],
    [{ name: '', scopes: ['emails:read'] }, 'name'],
    [{ name: ' ', scopes: ['emails:read'] }, 'name'],
    [{ name: 'a\nb', scopes: ['emails:read'] }, 'name'],
    [{ name: 'x', scopes: [] }, 'scopes'],
    [{ name: 'x', scopes: ['emails:delete'] }, 'scopes'],
    [{ name: 'x', scopes: ['admin'], expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    [{ name: 'x', scopes: ['admin'], expiresAt: '2099-01-01T00:00:00Z' }, 'expiresAt'],
    [{ name: 'x', scopes: ['admin'], expiresAt: 'soon' }, 'expiresAt'],
    [{ name: 'x', scopes: ['admin'], key: 'otp_live_mine' }, 'key'],
  ])('refuses %j', async (body, field) => {
    const answer = await call<ProblemBody>('POST', '', body);
    expect([answer.status, answer.body.errors?.map((error) => error.field)]).toEqual([
      422,
      expect.arrayContaining([field]),
    ]);
  });

  it('refuses an overlap of more than a week, and ids and cursors that are none', async () => {
    const { body } = await call('POST', '', { name: 'week', scopes: ['emails:read'] });
    expect((await call('POST', `/${body.id}/rotate`, { overlapHours: 169 })).status).toBe(422);
    expect((await call('POST', `/${body.id}/rotate`, { overlapHours: -1 })).status).toBe(422);
    for (const id of ['x', randomUUID()]) expect((await call('GET', `/${id}`)).body.code).toBe('api_key_not_found');
    expect((await call<ProblemBody>('GET', '?cursor=bm9uZQ')).body.errors?.[0]?.field).toBe('cursor');
  });

  it('shows long lists in pages, each key once', async () => {
    const all: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { body }: { body: { items: KeyBody[]; nextCursor: string | null } } = await call(
        'GET',
        `?limit=3${cursor && `&cursor=${cursor}`}`,
      );
      expect(body.items.length).toBeLessThanOrEqual(3);
      all.push(...body.items.map(({ id }) => id));
      cursor = body.nextCursor;
    }
    const rows = await otpost.database.query<{ id: string }>('SELECT id FROM api_keys ORDER BY id');
    expect(all).toEqual(rows.map(({ id }) => id));
  });
});
