import { once } from 'node:events';
import { get } from 'node:http';
import { WebhookClient } from '../../support/http/webhook-client.js';
import { WebhookReceiver } from '../../support/http/webhook-receiver.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { codeFromInbox } from '../../support/service/story.js';
import { series } from '../../support/signals/series.js';
import { eventually } from '../../support/signals/wait.js';
import { wrongCode } from '../../support/text/wrong-code.js';

async function scrapeOf({ api }: Otpost): Promise<string> {
  return (await api.get<string>('/metrics')).body;
}

describe('the metrics of a process that does everything', () => {
  let otpost: Otpost;
  beforeAll(async () => {
    otpost = await startOtpost({ LIMIT_DESTINATION: '4/h', WEBHOOK_ALLOW_PRIVATE: '127.0.0.1' });
  });
  afterAll(() => otpost.stop());

  const scrape = () => scrapeOf(otpost);
  const value = async (name: string) => series(await scrape(), name);

  it('count the codes by purpose: asked for, taken, and not taken and why', async () => {
    const { api } = otpost;
    const issued = await api.register('ada@example.com');
    const { code } = await codeFromInbox(api, 'ada@example.com', issued);
    const verify = (given: string) => api.post(`/v1/otp/${issued.challenge.id}/verify`, { code: given });
    expect((await verify(wrongCode(code))).status).toBe(400);
    expect((await verify(code)).status).toBe(200);
    expect((await verify(code)).status).toBe(200); // the answer once more, which is no refusal
    expect((await verify(wrongCode(code))).status).toBe(410);
    const key = await createApiKey(otpost.database.url, ['verifications']);
    const wanted = { to: 'eve@example.com', purpose: 'a-name-that-a-caller-made-up' };
    expect((await api.post('/v1/verifications', wanted, { authorization: `Bearer ${key}` })).status).toBeLessThan(300);

    const text = await scrape();
    expect(series(text, 'otpost_codes_requested_total{purpose="register"}')).toBe(1);
    expect(series(text, 'otpost_codes_verified_total{purpose="register"}')).toBe(1);
    expect(series(text, 'otpost_codes_refused_total{purpose="register",reason="wrong"}')).toBe(1);
    expect(series(text, 'otpost_codes_refused_total{purpose="register",reason="consumed"}')).toBe(1);
    expect(series(text, 'otpost_codes_requested_total{purpose="custom"}')).toBe(1);
    for (const told of ['made-up', 'ada@', code]) expect(text).not.toContain(told);
  });

  it('count what a limit refused, by the limit', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 6; n++)
      statuses.push((await otpost.api.post('/v1/accounts', { email: 'bob@example.com' })).status);
    expect(statuses).toEqual([202, 202, 202, 202, 429, 429]);
    expect(await value('otpost_requests_limited_total{policy="destination"}')).toBe(2);
  });

  it('tell how many streams are open', async () => {
    const { challenge } = await otpost.api.register('carol@example.com');
    await otpost.database.query(
      `UPDATE outbound_emails SET status = 'deferred', next_attempt_at = now() + interval '1 hour'`,
    );
    const request = get(`${otpost.api.url}/v1/otp/${challenge.id}/delivery/events`);
    await once(request, 'response');
    expect(await value('otpost_streams_open')).toBe(1);
    request.destroy();
    await eventually(async () => (await value('otpost_streams_open')) === 0, 'the stream to be gone');
  });

  it('tell the worker, by lane and by the age of its heartbeat, and the broker', async () => {
    const text = await eventually(async () => {
      const body = await scrape();
      return series(body, 'otpost_workers_alive{lane="critical"}') === 1 && body;
    }, 'a worker that lives');
    const ages = [...text.matchAll(/^otpost_worker_heartbeat_age_seconds\{worker="[^"]+"\} ([\d.]+)$/gm)].map(
      ([, age]) => Number(age),
    );
    expect(ages).toHaveLength(1);
    expect(ages[0]).toBeGreaterThanOrEqual(0);
    expect(series(text, 'otpost_broker_up')).toBe(1);
  });

  it('tell how the pool is used', async () => {
    const text = await scrape();
    expect(series(text, 'otpost_database_pool_size')).toBe(10);
    const taken =
      series(text, 'otpost_database_pool_connections{state="in_use"}')! +
      series(text, 'otpost_database_pool_connections{state="idle"}')!;
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThanOrEqual(10);
    expect(series(text, 'otpost_database_pool_waiting')).toBe(0);
    expect(series(text, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
  });

  it('tell the passwords that are hashed, and those that wait', async () => {
    const asked = Array.from({ length: 12 }, (_, n) =>
      otpost.api.post('/v1/sessions', { email: `p${n}@example.com`, password: 'a password of somebody' }),
    );
    let [most, waited] = [0, 0];
    await eventually(async () => {
      const text = await scrape();
      most = Math.max(most, series(text, 'otpost_password_hashes{state="hashing"}')!);
      waited = Math.max(waited, series(text, 'otpost_password_hashes{state="waiting"}')!);
      return most > 0 && waited > 0;
    }, 'hashes under way');
    await Promise.all(asked);
    expect(await value('otpost_password_hashes{state="hashing"}')).toBe(0);
  });

  it('count webhooks by what became of them', async () => {
    const receiver = await WebhookReceiver.start();
    try {
      const client = await WebhookClient.for(otpost);
      receiver.answer('/down', (response) => void response.writeHead(500).end());
      const [up, down] = [
        await client.register(receiver.url('/up'), ['email.complained']),
        await client.register(receiver.url('/down'), ['email.complained']),
      ];
      await client.becomes(await client.test(up.id), 'delivered');
      await client.becomes(await client.test(down.id), 'deferred');
      await eventually(
        async () => (await value('otpost_webhook_attempts_total{status="deferred"}')) === 1,
        'the failed attempt',
      );
      const text = await scrape();
      expect(series(text, 'otpost_webhook_attempts_total{status="delivered"}')).toBe(1);
      expect(series(text, 'otpost_webhooks_waiting')).toBe(1);
      expect(series(text, 'otpost_webhooks_oldest_due_seconds')).toBe(0);
      await otpost.database.query(`UPDATE webhook_endpoints SET backoff_until = now() + interval '1 hour'`);
      await otpost.database.query(
        `UPDATE webhook_deliveries SET next_attempt_at = now() - interval '2 minutes' WHERE status = 'deferred'`,
      );
      expect(await value('otpost_webhooks_oldest_due_seconds')).toBeGreaterThanOrEqual(120);
      await otpost.database.query(`UPDATE webhook_endpoints SET disabled_at = now() WHERE id = '${down.id}'`);
      const disabled = await scrape();
      expect(['waiting', 'oldest_due_seconds'].map((name) => series(disabled, `otpost_webhooks_${name}`))).toEqual([
        0, 0,
      ]);
      expect(series(disabled, 'otpost_webhook_endpoints_disabled')).toBe(1);
    } finally {
      await receiver.stop();
    }
  });
});

describe('the metrics of the record', () => {
  let otpost: Otpost;
  beforeAll(async () => {
    otpost = await startOtpost({
      ROLE: 'web',
      OUTBOX_RESCUE: 'off',
      MAIL_TRANSPORTS: 'smtp://127.0.0.1:2525,smtp://127.0.0.1:2525,capture:',
    });
  });
  afterAll(() => otpost.stop());

  it('tell the state of each transport that is configured, and of no other', async () => {
    await otpost.database.query(
      `INSERT INTO transport_states (name, paused_at, backoff_until) VALUES
       ('127.0.0.1:2525', now(), now() + interval '1 minute'), ('127.0.0.1:2525#2', NULL, now() + interval '1 minute'), ('old.example.com:25', now(), NULL), ('capture', NULL, NULL)
       ON CONFLICT (name) DO UPDATE SET paused_at = excluded.paused_at, backoff_until = excluded.backoff_until`,
    );
    await otpost.database.query(
      `INSERT INTO transport_hosts (name, host, failures) VALUES ('capture', 'web-1', 2), ('capture', 'web-2', 1)`,
    );
    const text = await scrapeOf(otpost);
    const states = [...text.matchAll(/^otpost_transport_state\{transport="([^"]+)",state="([^"]+)"\} 1$/gm)].map(
      ([, name, state]) => `${name} ${state}`,
    );
    expect(states).toEqual(['127.0.0.1:2525 paused', '127.0.0.1:2525#2 backing_off', 'capture open']);
    expect(series(text, 'otpost_transport_state{transport="capture",state="paused"}')).toBe(0);
    expect(series(text, 'otpost_transport_unreachable_hosts{transport="capture"}')).toBe(2);
    expect(text).not.toContain('old.example.com');
  });

  it('tell that no worker lives, and one that went', async () => {
    await otpost.database.query(
      `INSERT INTO workers (name, lanes, heartbeat_at) VALUES ('host:1', '{critical,bulk}', now()), ('host:2', '{bulk}', now() - interval '1 minute')`,
    );
    const text = await scrapeOf(otpost);
    expect(['critical', 'default', 'bulk'].map((lane) => series(text, `otpost_workers_alive{lane="${lane}"}`))).toEqual(
      [1, 0, 1],
    );
    expect(series(text, 'otpost_worker_heartbeat_age_seconds{worker="host:2"}')).toBeGreaterThanOrEqual(60);
    await otpost.database.query('DELETE FROM workers');
    const without = await scrapeOf(otpost);
    expect(without).not.toContain('worker="host:');
    expect(series(without, 'otpost_workers_alive{lane="critical"}')).toBe(0);
  });

  it('estimate by what left in the last minute how long a lane needs', async () => {
    const insert = (lane: string, status: string, count: number) =>
      otpost.database.query(
        `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, max_attempts, message_id)
         SELECT gen_random_uuid(), $1::lane, $2::email_status, 'a@b.c', 'a@b.c', 'a@b.c', 'en', 'x', false, 1, '<a@b>' FROM generate_series(1, $3::int)`,
        [lane, status, count],
      );
    await insert('bulk', 'sent', 300);
    await insert('bulk', 'queued', 100);
    await insert('critical', 'queued', 7);
    await otpost.database.query(
      `INSERT INTO email_events (email_id, status, attempt, transport, worker, at)
       SELECT id, 'sent', 1, 'capture', 'host:1', now() - interval '30 seconds' FROM outbound_emails WHERE status = 'sent'`,
    );
    const estimate = async (lane: string) =>
      series(await scrapeOf(otpost), `otpost_drain_seconds_estimate{lane="${lane}"}`)!;
    expect(await estimate('bulk')).toBeCloseTo(20, 1); // 300 in 60 s are 5 a second
    expect(await estimate('critical')).toBe(7);
    expect(await estimate('default')).toBe(0);
    await otpost.database.query(`UPDATE email_events SET at = now() - interval '2 minutes'`);
    expect(await estimate('bulk')).toBe(100);
  });
});
