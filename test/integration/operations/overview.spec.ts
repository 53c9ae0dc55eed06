import type { Overview } from '../../../src/operations/overview-reader.js';
import { createApiKey } from '../../support/service/api-key.js';
import { messageTo } from '../../support/service/console.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask, signIn } from '../../support/service/staff.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

describe('what operators look at and hold in their hands', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let key: string;
  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_FROM: 'post@example.com', MAIL_TRANSPORTS: `${sink.url}?rate=500/s&daily=9000` });
    key = await createApiKey(otpost.database.url, ['admin']);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const overview = async (): Promise<Overview> =>
    (await ask<Overview>(otpost, key, 'GET', '/v1/operations/overview')).body;
  const post = (path: string, body?: object) => ask<Record<string, unknown>>(otpost, key, 'POST', path, body);
  const audited = () =>
    otpost.database.query(
      `SELECT action, actor_kind, target_id, details FROM audit_events WHERE target_kind IN ('lane', 'transport') ORDER BY id`,
    );

  it('what was handed over is told with its transport, its quota and how long it took', async () => {
    await post('/v1/emails', { to: 'ada@example.com', subject: 'Hello', text: 'Hello' });
    await messageTo(otpost.database, 'ada@example.com', 'sent');
    const found = await eventually(async () => {
      const now = await overview();
      // For a moment a claim that finds nothing holds some of the quota.
      return now.problems.length === 0 && now.transports[0]!.sentToday === 1 && now;
    }, 'all to be well');
    expect(found.ledger).toMatchObject({ accepted: 1, imbalance: 0 });
    expect(found.handOvers).toMatchObject({ handedOver: 1, minutes: [{ handedOver: 1, notHandedOver: 0 }] });
    expect(found.handOvers.medianMs).toBeGreaterThan(0);
    expect(found.transports).toMatchObject([
      {
        state: 'ok',
        rate: { count: 500, windowMs: 1_000 },
        daily: 9_000,
        sentToday: 1,
        lastAttempt: { status: 'sent' },
      },
    ]);
    expect(found.workers).toMatchObject([{ alive: true, sending: 0 }]);
    expect(found.lanes.map(({ lane }) => lane)).toEqual(['critical', 'default', 'bulk']);
  });

  it('a lane is paused once, by whoever it was, and resumed once', async () => {
    expect((await post('/v1/operations/lanes/bulk/pause', { reason: 'wrong price' })).body).toEqual({
      lane: 'bulk',
      changed: true,
    });
    expect((await post('/v1/operations/lanes/bulk/pause', {})).body).toEqual({ lane: 'bulk', changed: false });
    const { problems, lanes } = await overview();
    expect(problems).toMatchObject([
      { code: 'lane_paused', since: lanes.find(({ lane }) => lane === 'bulk')!.pausedAt },
    ]);
    expect((await post('/v1/operations/lanes/bulk/resume')).body).toEqual({ lane: 'bulk', changed: true });
    expect((await post('/v1/operations/lanes/bulk/resume')).body).toEqual({ lane: 'bulk', changed: false });
    await expect(audited()).resolves.toEqual([
      { action: 'lane.paused', actor_kind: 'api_key', target_id: 'bulk', details: { reason: 'wrong price' } },
      { action: 'lane.resumed', actor_kind: 'api_key', target_id: 'bulk', details: null },
    ]);
  });

  it('a reason names no address, and what there is not is not found', async () => {
    const address = await post('/v1/operations/lanes/bulk/pause', { reason: 'as ada@example.com asked' });
    expect(address).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
    expect(await post('/v1/operations/lanes/fast/pause', {})).toMatchObject({
      status: 404,
      body: { code: 'lane_not_found' },
    });
    const transport = await post('/v1/operations/transports/elsewhere%3A25/resume');
    expect(transport).toMatchObject({ status: 404, body: { code: 'transport_not_found' } });
  });

  it('a transport that is paused is resumed, for everybody', async () => {
    const { name } = (await overview()).transports[0]!;
    const path = `/v1/operations/transports/${encodeURIComponent(name)}/resume`;
    expect((await post(path)).body).toEqual({ name, resumed: false, hosts: [] });
    await otpost.database.query(
      `UPDATE transport_states SET paused_at = now(), pause_reason = 'auth', last_error_code = 'smtp_auth', failures = 1`,
    );
    expect((await overview()).problems).toMatchObject([
      { code: 'transport_paused', since: expect.any(String) as string },
    ]);
    expect((await post(path)).body).toEqual({ name, resumed: true, hosts: [] });
    await eventually(async () => (await overview()).problems.length === 0, 'it to be open');
  });

  it('what cannot be recorded is not done', async () => {
    const { database } = otpost;
    await database.query(`UPDATE transport_states SET paused_at = now(), pause_reason = 'auth', failures = 1`);
    await database.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION refuse()`);
    const { name } = (await overview()).transports[0]!;
    const paths = [`transports/${encodeURIComponent(name)}/resume`, 'lanes/bulk/pause'];
    const before = await audited();
    const answers = await Promise.all(paths.map((path) => post(`/v1/operations/${path}`, {})));
    await database.query('DROP FUNCTION refuse CASCADE');
    expect(answers.map(({ status }) => status)).toEqual([500, 500]);
    await expect(database.query('SELECT paused_at IS NULL AS open FROM transport_states')).resolves.toEqual([
      { open: false },
    ]);
    await expect(database.query('SELECT FROM lane_pauses')).resolves.toEqual([]);
    await expect(audited()).resolves.toEqual(before);
    expect((await post(`/v1/operations/${paths[0]!}`)).body).toEqual({ name, resumed: true, hosts: [] });
    expect(await audited()).toEqual([...before, expect.objectContaining({ action: 'transport.resumed' })]);
    await eventually(async () => (await overview()).problems.length === 0, 'it to be open');
  });

  it('keys that only send, and people without a role, are not let', async () => {
    const sender = await createApiKey(otpost.database.url, ['emails:send']);
    for (const path of ['/v1/operations/lanes/bulk/pause', '/v1/operations/transports/x/resume'])
      expect(await ask(otpost, sender, 'POST', path, {})).toMatchObject({
        status: 403,
        body: { code: 'scope_missing' },
      });
    expect((await ask(otpost, undefined, 'GET', '/v1/operations/overview')).status).toBe(401);
  });
});

describe('staff by their role', () => {
  let otpost: Otpost;
  beforeAll(async () => {
    otpost = await startOtpost();
  });
  afterAll(() => otpost.stop());

  it('whoever is of the staff sees the overview and where somebody is signed in, users do not, and only admins end it', async () => {
    const user = await signIn(otpost, 'mary@example.com');
    const operator = await signIn(otpost, 'grace@example.com', 'operator');
    const admin = await signIn(otpost, 'ada@example.com', 'admin');
    const status = async ({ accessToken }: { accessToken: string }, path: string) =>
      (await ask(otpost, accessToken, 'GET', path)).status;
    await expect(status(user, '/v1/operations/overview')).resolves.toBe(403);
    await expect(status(operator, '/v1/operations/overview')).resolves.toBe(200);
    const sessions = `/v1/accounts/${admin.account.id}/sessions`;
    await expect(status(user, sessions)).resolves.toBe(403);
    await expect(status(operator, sessions)).resolves.toBe(200);
    expect((await ask(otpost, operator.accessToken, 'DELETE', sessions)).status).toBe(403);
    const found = await ask<{ items: object[] }>(otpost, admin.accessToken, 'GET', sessions);
    expect(found.body.items).toMatchObject([{ current: true, method: 'code' }]);
    await expect(status(admin, `/v1/accounts/${'0'.repeat(8)}-0000-7000-8000-000000000000/sessions`)).resolves.toBe(
      404,
    );
  });
});
