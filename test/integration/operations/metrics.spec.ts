import { get } from 'node:http';
import { Registry } from 'prom-client';
import { DeliveryMetrics } from '../../../src/core/metrics.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { series } from '../../support/signals/series.js';
import { eventually } from '../../support/signals/wait.js';

const TOKEN = 'a token for the scraper';
const PRODUCTION = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  APP_URL: 'https://otpost.example.com',
  MAIL_FROM: 'Acme <no-reply@example.com>',
  MAIL_TRANSPORTS: 'capture:',
};

describe('the metrics', () => {
  let otpost: Otpost;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
  });
  afterAll(() => otpost.stop());

  async function scrape(): Promise<string> {
    const { status, headers, body } = await otpost.api.get<string>('/metrics');
    expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
      200,
      'text/plain; version=0.0.4; charset=utf-8',
      'no-store',
    ]);
    return body;
  }

  it('tell the messages by state, and that the ledger balances', async () => {
    const key = await createApiKey(otpost.database.url);
    const accept = async (more: object = {}) =>
      (
        await otpost.api.post<{ id: string }>(
          '/v1/emails',
          { to: 'ada@example.com', subject: 'a', text: 'b', ...more },
          { authorization: `Bearer ${key}` },
        )
      ).body.id;
    const empty = await scrape();
    expect([series(empty, 'otpost_emails_accepted_total'), series(empty, 'otpost_emails{status="queued"}')]).toEqual([
      0, 0,
    ]);

    const cancelled = await accept();
    for (const lane of ['default', 'bulk', 'bulk']) await accept({ lane });
    await accept({ scheduledAt: new Date(Date.now() + 3_600_000).toISOString() });
    await otpost.api.post(`/v1/emails/${cancelled}/cancel`, {}, { authorization: `Bearer ${key}` });

    const text = await scrape();
    expect(series(text, 'otpost_emails_accepted_total')).toBe(5);
    expect(series(text, 'otpost_emails{status="queued"}')).toBe(3);
    expect(series(text, 'otpost_emails{status="scheduled"}')).toBe(1);
    expect(series(text, 'otpost_emails{status="cancelled"}')).toBe(1);
    expect(series(text, 'otpost_ledger_imbalance')).toBe(0);
    expect(series(text, 'otpost_due_emails{lane="default"}')).toBe(1);
    expect(series(text, 'otpost_due_emails{lane="bulk"}')).toBe(2);
    expect(series(text, 'otpost_due_emails{lane="critical"}')).toBe(0);
    expect(series(text, 'otpost_oldest_due_seconds{lane="critical"}')).toBe(0);
    expect(series(text, 'otpost_database_up')).toBe(1);
    expect(text).not.toContain('ada@');

    // The scrape shows the present and does not add up.
    expect(series(await scrape(), 'otpost_emails_accepted_total')).toBe(5);
  });

  it('tell how long the oldest due message of a lane has waited', async () => {
    await otpost.database.query(
      `UPDATE outbound_emails SET next_attempt_at = now() - interval '2 minutes' WHERE lane = 'bulk'`,
    );
    const waited = series(await scrape(), 'otpost_oldest_due_seconds{lane="bulk"}')!;
    expect(waited).toBeGreaterThanOrEqual(120);
    expect(waited).toBeLessThan(3_600);
  });

  it('show a row that was lost', async () => {
    await otpost.database.query(`INSERT INTO ledger_deltas (status, delta) VALUES ('accepted', 1)`);
    expect(series(await scrape(), 'otpost_ledger_imbalance')).toBe(1);
    await otpost.database.query(`INSERT INTO ledger_deltas (status, delta) VALUES ('accepted', -1)`);
    expect(series(await scrape(), 'otpost_ledger_imbalance')).toBe(0);
  });

  it('tell how the process itself does', async () => {
    const text = await scrape();
    expect(series(text, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThan(0);
    expect(series(text, 'process_resident_memory_bytes')).toBeGreaterThan(0);
  });

  it('of the record are absent, and not old, while it cannot be read', async () => {
    await otpost.database.query('ALTER TABLE ledger RENAME TO ledger_away');
    const text = await scrape();
    await otpost.database.query('ALTER TABLE ledger_away RENAME TO ledger');
    expect(series(text, 'otpost_database_up')).toBe(0);
    for (const name of [
      'otpost_emails_accepted_total',
      'otpost_ledger_imbalance',
      'otpost_emails{status="queued"}',
      'otpost_due_emails{lane="bulk"}',
      'otpost_drain_seconds_estimate{lane="bulk"}',
      'otpost_workers_alive{lane="bulk"}',
      'otpost_webhooks_waiting',
    ]) {
      expect([name, series(text, name)]).toEqual([name, undefined]);
    }
    expect(series(text, 'process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(series(await scrape(), 'otpost_emails_accepted_total')).toBe(5);
  });

  it('are for this machine alone in development: not for a page that renamed itself', async () => {
    const asking = (host: string) =>
      new Promise((resolve, reject) => {
        get(`${otpost.api.url}/metrics`, { headers: { host } }, (response) => resolve(response.resume().statusCode)).on(
          'error',
          reject,
        );
      });
    expect(await asking('localhost:3000')).toBe(200);
    expect(await asking('evil.example:3000')).toBe(404);
  });
});

describe('the metrics of deliveries', () => {
  it('count each attempt, and time those that were handed over', async () => {
    const registry = new Registry();
    const metrics = new DeliveryMetrics(registry);
    metrics.observe({ lane: 'critical', transport: 'a:587', status: 'sent', seconds: 0.2 });
    metrics.observe({ lane: 'critical', transport: 'a:587', status: 'sent', seconds: 3 });
    metrics.observe({ lane: 'critical', transport: 'a:587', status: 'deferred', seconds: 100 });
    const text = await registry.metrics();
    expect(series(text, 'otpost_delivery_attempts_total{lane="critical",transport="a:587",status="sent"}')).toBe(2);
    expect(series(text, 'otpost_delivery_attempts_total{lane="critical",transport="a:587",status="deferred"}')).toBe(1);
    const bucket = (le: string) =>
      series(text, `otpost_hand_over_seconds_bucket{le="${le}",lane="critical",transport="a:587"}`);
    expect([bucket('0.1'), bucket('0.25'), bucket('2'), bucket('5'), bucket('+Inf')]).toEqual([0, 1, 1, 2, 2]);
  });
});

describe('who may see the metrics', () => {
  const METRICS_TOKEN = TOKEN.replaceAll(' ', '-');
  const SERVICES = { closed: PRODUCTION, production: { ...PRODUCTION, METRICS_TOKEN }, development: { METRICS_TOKEN } };
  const opened = new Map<string, Otpost>();

  beforeAll(async () => {
    await Promise.all(
      Object.entries(SERVICES).map(async ([name, env]) => opened.set(name, await startOtpost({ ROLE: 'web', ...env }))),
    );
  });
  afterAll(() => Promise.all([...opened.values()].map((otpost) => otpost.stop())));

  async function ask(service: keyof typeof SERVICES, authorization?: string): Promise<[number, string | undefined]> {
    const { status, body } = await opened
      .get(service)!
      .api.send<ProblemBody>('GET', '/metrics', authorization ? { authorization } : {});
    return [status, body.code];
  }

  it('is nobody in production without a token', async () => {
    expect(await ask('closed')).toEqual([404, 'not_found']);
    expect(await ask('closed', 'Bearer undefined')).toEqual([404, 'not_found']);
  });

  it.each(['production', 'development'] as const)('is whoever has the token in %s', async (service) => {
    expect(await ask(service)).toEqual([401, 'unauthorized']);
    expect(await ask(service, `Bearer ${METRICS_TOKEN}x`)).toEqual([401, 'unauthorized']);
    expect(await ask(service, `Bearer ${METRICS_TOKEN}`)).toEqual([200, undefined]);
  });
});

describe('health of the mail', () => {
  interface MailHealth {
    status: string;
    ledger: { accepted: number; imbalance: number; states: Record<string, number> };
    oldestDueSeconds: number;
    workers: { name: string; alive: boolean; lanes: string[] }[];
    transports: { name: string; state: string; pauseReason: string | null; lastAttempt: object | null }[];
    problems: { code: string; message: string }[];
  }

  let otpost: Otpost;
  beforeAll(async () => {
    otpost = await startOtpost({
      ROLE: 'web',
      OUTBOX_RESCUE: 'off',
      MAIL_TRANSPORTS: 'smtp://127.0.0.1:2525,capture:',
    });
  });
  afterAll(() => otpost.stop());

  /** Checks run in the background: asks until the answer is what is waited for. */
  function once(is: (health: MailHealth) => boolean, what: string): Promise<MailHealth> {
    return eventually(async () => {
      const { status, body } = await otpost.api.get<MailHealth>('/health/mail');
      expect(status).toBe(200);
      return is(body) && body;
    }, what);
  }
  const has = (code: string) => (health: MailHealth) => health.problems.some((problem) => problem.code === code);
  const strict = async (query = '?strict') => (await otpost.api.get(`/health/mail${query}`)).status;

  it('names the missing worker, with 503 only for who asks strictly', async () => {
    const health = await once(has('no_worker'), 'no worker');
    expect(health).toMatchObject({
      status: 'degraded',
      workers: [],
      oldestDueSeconds: 0,
      ledger: { accepted: 0, imbalance: 0, states: { queued: 0 } },
    });
    expect([await strict(), await strict('?strict=1'), await strict('?strict=true')]).toEqual([503, 503, 503]);
    expect([await strict(''), await strict('?strict=false'), await strict('?strict=0')]).toEqual([200, 200, 200]);
  });

  it('is ok once a worker lives and works every lane', async () => {
    await otpost.database.query(
      `INSERT INTO workers (name, lanes) VALUES ('host:1', '{critical,default}'), ('host:2', '{bulk}')`,
    );
    const well = await once(({ status }) => status === 'ok', 'ok');
    expect(well.problems).toEqual([]);
    expect(well.workers.map(({ name, alive }) => [name, alive]).sort()).toEqual([
      ['host:1', true],
      ['host:2', true],
    ]);
    expect(well.transports.map(({ name, state }) => [name, state])).toEqual([
      ['127.0.0.1:2525', 'unused'],
      ['capture', 'unused'],
    ]);
    expect(await strict()).toBe(200);
  });

  it('says which lane no worker works, and of each transport whether it is used, failing, or paused and why, and quotes no reply', async () => {
    await otpost.database.query(
      `UPDATE workers SET heartbeat_at = now() - interval '16 seconds' WHERE name = 'host:2'`,
    );
    await otpost.database.query(
      `INSERT INTO transport_states (name, paused_at, pause_reason) VALUES ('127.0.0.1:2525', now(), 'smtp_535')
       ON CONFLICT (name) DO UPDATE SET paused_at = excluded.paused_at, pause_reason = excluded.pause_reason`,
    );
    const id = '01936000-0000-7000-8000-000000000000';
    await otpost.database.query(
      `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, max_attempts, message_id)
       VALUES ($1, 'bulk', 'deferred', 'a@b.c', 'ada@example.com', 'ada@example.com', 'en', 'x', false, 1, '<a@b>')`,
      [id],
    );
    await otpost.database.query(
      `INSERT INTO email_events (email_id, status, attempt, transport, error_code, reply, worker)
       VALUES ($1, 'deferred', 1, 'capture', 'smtp_451', '451 <ada@example.com> later', 'host:1')`,
      [id],
    );
    // What never came to a transport is held against none, and what a provider tells later is no attempt.
    await otpost.database.query(
      `INSERT INTO email_events (email_id, status, attempt, transport, error_code, worker) SELECT $1, 'failed', 1, 'none', 'template_error', 'host:1' FROM generate_series(1, 9)`,
      [id],
    );
    await otpost.database.query(
      `INSERT INTO email_events (email_id, status, attempt, transport, error_code) SELECT $1, 'sent', 1, 'capture', 'provider_deferred' FROM generate_series(1, 9)`,
      [id],
    );
    const health = await once(
      (body) => has('lane_without_worker')(body) && has('transport_failing')(body),
      'a lane without a worker and a failing transport',
    );
    expect(health.problems.filter(({ code }) => code === 'lane_without_worker').map(({ message }) => message)).toEqual([
      'No live worker works the lane bulk.',
    ]);
    expect(health.workers.find(({ name }) => name === 'host:2')).toMatchObject({ alive: false });
    const { body } = await otpost.api.get<{ details: { smtp: { lastAttempt: object } } }>('/health');
    expect(body.details.smtp.lastAttempt).toMatchObject({ transport: 'capture', errorCode: 'smtp_451' });
    expect(health.transports).toMatchObject([
      { name: '127.0.0.1:2525', state: 'paused', pauseReason: 'smtp_535', lastAttempt: null },
      { name: 'capture', state: 'failing', lastAttempt: { status: 'deferred', errorCode: 'smtp_451' } },
    ]);
    // The row above was put in past accept.
    expect(health.problems.map(({ code }) => code).sort()).toEqual([
      'lane_without_worker',
      'ledger_imbalance',
      'transport_failing',
      'transport_paused',
    ]);
    expect(JSON.stringify(health)).not.toContain('ada@');
  });

  it('tells a transport that a host cannot reach, a ledger that is off, and mail that waits', async () => {
    await otpost.database.query(`INSERT INTO transport_states (name) VALUES ('capture')`);
    await otpost.database.query(`INSERT INTO transport_hosts (name, host, failures) VALUES ('capture', 'web-1', 2)`);
    await otpost.database.query(`INSERT INTO ledger_deltas (status, delta) VALUES ('accepted', 7)`);
    await otpost.database.query(`UPDATE outbound_emails SET next_attempt_at = now() - interval '1 minute'`);
    const health = await once(
      (body) => ['transport_unreachable', 'mail_waits'].every((code) => has(code)(body)),
      'a transport out of reach, and mail that waits',
    );
    expect(health.problems.map(({ code }) => code)).toContain('ledger_imbalance');
    expect(health.transports[1]).toMatchObject({ state: 'unreachable', unreachableFrom: [{ host: 'web-1' }] });
    expect(health.problems.map(({ message }) => message)).toContain(
      'From web-1: There is no route from this host to capture.',
    );
    expect(health.ledger.imbalance).toBe(6); // less the row that was put in past accept
    expect(health.oldestDueSeconds).toBeGreaterThanOrEqual(60);
  });
});
