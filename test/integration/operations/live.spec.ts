import { EventReader } from '../../support/http/event-reader.js';
import { createApiKey } from '../../support/service/api-key.js';
import { atRest } from '../../support/service/at-rest.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask, signIn } from '../../support/service/staff.js';
import { codeFromInbox } from '../../support/service/story.js';
import { eventually } from '../../support/signals/wait.js';

describe('what operators are told as it changes', () => {
  let otpost: Otpost;
  let key: string;
  beforeAll(async () => {
    otpost = await startOtpost();
    key = await createApiKey(otpost.database.url, ['admin']);
  });
  afterAll(() => otpost.stop());

  const listen = (token: string): Promise<EventReader> =>
    EventReader.open(`${otpost.api.url}/v1/operations/events`, { token });

  const post = (path: string, body?: object) =>
    ask<{ id: string; status: string; emailId: string; to: string; code: string }>(otpost, key, 'POST', path, body);

  it('is the overview at once, and the topic of whatever changes after it', async () => {
    const listener = await listen(key);
    // At once: what is committed before the first look is told as well.
    await post('/v1/emails', { to: 'ada@example.com', subject: 'Hello', text: 'Hello' });
    await listener.until('changed', ({ topics }: { topics: string[] }) => topics.includes('messages'));
    await post('/v1/operations/lanes/bulk/pause', {});
    await listener.until('changed', ({ topics }: { topics: string[] }) => topics.includes('record'));
    await listener.until('overview', ({ problems }: { problems: { code: string; level: string }[] }) =>
      problems.some(({ code, level }) => code === 'lane_paused' && level === 'fault'),
    );
    await listener.until('overview', ({ lanes }: { lanes: object[] }) => lanes.length === 3);
    await post('/v1/operations/lanes/bulk/resume');
    await listener.close();
  });

  it('ends with the session of whoever listens, and is for the staff alone', async () => {
    const viewer = await signIn(otpost, 'vera@example.com', 'viewer');
    const listener = await listen(viewer.accessToken);
    await listener.until('overview');
    await otpost.database.query(
      `UPDATE sessions SET revoked_at = now(), revoked_reason = 'ended' WHERE account_id = $1`,
      [viewer.account.id],
    );
    await expect(listener.until('end')).resolves.toEqual({ reason: 'unauthorized' });
    await listener.end();
    const user = await signIn(otpost, 'mary@example.com');
    const refused = await listen(user.accessToken);
    expect(refused.status).toBe(403);
    await refused.close();
  });

  it('is bounded for each caller, and says when to come again', async () => {
    const another = await createApiKey(otpost.database.url, ['admin']);
    const listeners = await Promise.all(Array.from({ length: 10 }, () => listen(another)));
    expect((await ask(otpost, another, 'GET', '/v1/operations/events')).headers.get('retry-after')).toBe('10');
    await Promise.all(listeners.map((listener) => listener.close()));
    await eventually(async () => {
      const again = await listen(another);
      await again.close();
      return again.status === 200;
    }, 'their places to be free');
  });

  it('workers say their version and how far the clock of their host is off', async () => {
    await atRest(otpost.database);
    const { workers } = (
      await ask<{ workers: { version: string; aheadMs: number }[] }>(otpost, key, 'GET', '/v1/operations/overview')
    ).body;
    expect(workers).toMatchObject([{ version: '0.1.0', hands: [], aheadMs: expect.any(Number) as number }]);
  });

  it('schedules tell what was done and when it is done next', async () => {
    const find = async () => {
      const { items } = (
        await ask<{ items: { name: string; lastResult: string | null }[] }>(
          otpost,
          key,
          'GET',
          '/v1/operations/schedules',
        )
      ).body;
      return items.find(({ name, lastResult }) => name === 'mail.retention' && lastResult !== null);
    };
    await expect(eventually(find, 'the retention to have run')).resolves.toMatchObject({
      late: false,
      lastError: null,
    });
  });

  it('a code to oneself goes all the way, and to nobody else', async () => {
    const operator = await signIn(otpost, 'grace@example.com', 'operator');
    const as = <Body>(path: string, body: object) => ask<Body>(otpost, operator.accessToken, 'POST', path, body);
    const elsewhere = await as<{ code: string }>('/v1/operations/codes', { to: 'ada@example.com' });
    expect([elsewhere.status, elsewhere.body.code]).toEqual([422, 'validation_failed']);
    expect((await post('/v1/operations/codes', {})).status).toBe(422); // a key has no address of its own
    const { status, body } = await as<{ id: string; emailId: string; to: string; reference: string }>(
      '/v1/operations/codes',
      {},
    );
    expect([status, body.to]).toEqual([202, 'grace@example.com']);
    const { code } = await codeFromInbox(otpost.api, body.to, { challenge: body } as never);
    expect((await as(`/v1/operations/codes/${body.id}/check`, { code })).body).toEqual({ status: 'arrived' });
    await atRest(otpost.database);
    const { lane, events } = (
      await ask<{ lane: string; events: { status: string }[] }>(otpost, key, 'GET', `/v1/emails/${body.emailId}`)
    ).body;
    expect([lane, events.at(-1)!.status]).toEqual(['critical', 'sent']);
  });

  it('a code to somebody goes once by one request, however often it comes', async () => {
    const send = (to: string) =>
      otpost.api.post<{ code?: string }>(
        '/v1/operations/codes',
        { to },
        { authorization: `Bearer ${key}`, 'idempotency-key': 'trial' },
      );
    const first = await send('once@example.com');
    const again = await send('once@example.com');
    expect([first.status, again.status, again.body, again.headers.get('idempotency-replayed')]).toEqual([
      ...[202, 202, first.body],
      'true',
    ]);
    expect((await send('twice@example.com')).body.code).toBe('idempotency_mismatch');
    const sent = await otpost.database.query(
      `SELECT to_address AS to FROM outbound_emails WHERE to_address IN ('once@example.com', 'twice@example.com')`,
    );
    expect(sent).toEqual([{ to: 'once@example.com' }]);
  });
});
