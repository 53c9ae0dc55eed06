import pg from 'pg';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { WebhookOutbox } from '../../../src/mail/webhooks/webhook-outbox.js';
import { WebhookClient } from '../../support/http/webhook-client.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

// No worker: what stands in the outbox of webhooks stays there.
describe('the outbox of webhooks', () => {
  let otpost: Otpost;
  let client: WebhookClient;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', RETENTION_DAYS: '10' });
    client = await WebhookClient.for(otpost);
  });
  afterAll(() => otpost.stop());
  afterEach(() => otpost.database.query('TRUNCATE webhook_endpoints CASCADE'));

  const types = async (): Promise<string[]> =>
    (await otpost.database.query<{ type: string }>('SELECT type FROM webhook_deliveries ORDER BY email_event_id')).map(
      ({ type }) => type,
    );

  /** Adds rows to the timeline of a message, each by a statement of its own. */
  async function happens(emailId: string, ...rows: { status: string; worker?: string }[]): Promise<void> {
    for (const { status, worker } of rows) {
      await otpost.database.query(
        `INSERT INTO email_events (email_id, status, attempt, worker) VALUES ($1, $2::email_status, 1, $3)`,
        [emailId, status, worker ?? null],
      );
    }
  }

  /** Until somebody waits for what another has locked. */
  async function waitingForLock(): Promise<void> {
    await eventually(
      async () =>
        (
          await otpost.database.query(
            `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
          )
        ).length > 0,
      'somebody to wait for a lock',
    );
  }

  async function run(task: string): Promise<string> {
    const [before] = await otpost.database.query<{ now: Date }>(
      'UPDATE scheduled_tasks SET next_run_at = now() WHERE name = $1 RETURNING now() AS now',
      [task],
    );
    return eventually(async () => {
      const [row] = await otpost.database.query<{ last_result: string }>(
        'SELECT last_result FROM scheduled_tasks WHERE name = $1 AND last_run_at >= $2 AND leased_by IS NULL',
        [task, before!.now],
      );
      return row?.last_result;
    }, `a run of ${task}`);
  }

  it('gets what every change of a message commits, in the same transaction', async () => {
    await client.register('https://1.1.1.1/');
    const emailId = await client.send();
    await happens(
      emailId,
      { status: 'sending', worker: 'w' },
      { status: 'deferred', worker: 'w' },
      { status: 'sending', worker: 'w' },
      { status: 'deferred', worker: 'w' },
      { status: 'sending', worker: 'w' },
      { status: 'unknown', worker: 'w' },
      { status: 'sent' },
      { status: 'delivered' },
      { status: 'bounced' },
      { status: 'complained' },
    );
    expect(await types()).toEqual([
      'email.queued',
      'email.deferred',
      'email.deferred',
      'email.unknown',
      'email.sent',
      'email.delivered',
      'email.bounced',
      'email.complained',
    ]);
    await client.send({ scheduledAt: new Date(Date.now() + 3_600_000).toISOString() });
    expect((await types()).at(-1)).toBe('email.scheduled');
  });

  it('gets nothing of what was rolled back', async () => {
    await client.register('https://1.1.1.1/');
    const emailId = await client.send();
    const other = new pg.Client({ connectionString: otpost.database.url });
    await other.connect();
    await other.query('BEGIN');
    await other.query(`INSERT INTO email_events (email_id, status, attempt) VALUES ($1, 'sent', 1)`, [emailId]);
    expect((await other.query('SELECT 1 FROM webhook_deliveries')).rowCount).toBe(2);
    await other.query('ROLLBACK');
    await other.end();
    expect(await types()).toEqual(['email.queued']);
  });

  it('is told neither of what a worker gave back nor of a state said twice', async () => {
    await client.register('https://1.1.1.1/');
    const emailId = await client.send();
    await happens(
      emailId,
      { status: 'sending', worker: 'w' },
      { status: 'queued', worker: 'w' },
      { status: 'sending', worker: 'w' },
      { status: 'sent', worker: 'w' },
      { status: 'sent' },
    );
    expect(await types()).toEqual(['email.queued', 'email.sent']);
  });

  it('never fails a message for an endpoint that is removed at that moment, nor does it lock one out', async () => {
    const { id } = await client.register('https://1.1.1.1/');
    const staying = await client.register('https://1.1.1.1/staying');
    const emailId = await client.send();
    await otpost.database.query('DELETE FROM webhook_deliveries');
    const remover = new pg.Client({ connectionString: otpost.database.url });
    await remover.connect();
    await remover.query('BEGIN');
    await remover.query('DELETE FROM webhook_endpoints WHERE id = $1', [id]);
    const happened = happens(emailId, { status: 'sent' });
    await waitingForLock();
    await remover.query('COMMIT');
    await remover.end();
    await happened;
    expect(await otpost.database.query('SELECT endpoint_id, type FROM webhook_deliveries')).toEqual([
      { endpoint_id: staying.id, type: 'email.sent' },
    ]);
  });

  it('can be claimed, given up and emptied while messages go on changing: nobody is in the way of another', async () => {
    await client.register('https://1.1.1.1/staying');
    const emailId = await client.send();
    const prisma = new PrismaService({ url: otpost.database.url, poolSize: 6 });
    const outbox = new WebhookOutbox(prisma);
    let finished = 0;
    const stop = new AbortController();
    const errors: unknown[] = [];
    const keepOn = async (step: () => Promise<unknown>): Promise<void> => {
      while (!stop.signal.aborted) await step().catch((error: unknown) => errors.push(error));
    };
    let turn = 0;
    const claim = async (): Promise<void> => {
      await Promise.all(
        (await outbox.claim(20)).map(async (row) => {
          if (row.attempt % 2 === 0) await outbox.endpointFailed(row.endpoint, 0);
          else await outbox.endpointWorked(row.endpoint);
          const status = row.attempt > 2 ? 'delivered' : 'deferred';
          if (await outbox.finish(row, { status, tookMs: 1 }, 'test')) finished++;
        }),
      );
      await outbox.takeBackExpired('test');
      await outbox.failWaitingOfDisabled(5);
    };
    const churn = [
      ...[1, 2, 3].map(() => keepOn(claim)),
      ...[1, 2].map(() => keepOn(() => happens(emailId, { status: ['sent', 'delivered'][turn++ % 2]! }))),
      ...[1, 2].map(() =>
        keepOn(async () => {
          const { id } = await client.register(`https://1.1.1.1/${turn}`);
          await client.ask('PATCH', `/v1/webhook-endpoints/${id}`, { disabled: turn % 3 === 0 });
          await client.ask('DELETE', `/v1/webhook-endpoints/${id}`);
        }),
      ),
    ];
    await eventually(() => turn > 150 && finished > 150, 'enough changes');
    stop.abort();
    await Promise.all(churn);
    await prisma.$disconnect();
    expect(errors).toEqual([]);
    expect(await otpost.database.query('SELECT 1 FROM webhook_endpoints')).toHaveLength(1);
  });

  it('keeps of a message what may change, and tells of one that an older build noted what it is now', async () => {
    await client.register('https://1.1.1.1/');
    const kept = () => otpost.database.query('SELECT to_address, scheduled_at FROM webhook_deliveries');
    const scheduledAt = new Date(Date.now() + 3_600_000);
    await client.send({ to: ['ada@example.com', 'grace@example.com'], scheduledAt: scheduledAt.toISOString() });
    expect(await kept()).toEqual([{ to_address: 'ada@example.com', scheduled_at: scheduledAt }]);
    await otpost.database.query('TRUNCATE webhook_deliveries CASCADE');
    await client.send();
    expect(await kept()).toEqual([{ to_address: null, scheduled_at: -Infinity }]);

    await otpost.database.query('UPDATE webhook_deliveries SET scheduled_at = NULL');
    await otpost.database.query('UPDATE outbound_emails SET scheduled_at = $1', [scheduledAt]);
    const prisma = new PrismaService({ url: otpost.database.url, poolSize: 1 });
    const [claimed] = await new WebhookOutbox(prisma).claim(1);
    expect(claimed!.event).toMatchObject({ to: 'ada@example.com', scheduledAt });
    await prisma.$disconnect();
  });

  it('gives an endpoint that is down one delivery at a time, others ten, none while it is left alone, and all their turn', async () => {
    const prisma = new PrismaService({ url: otpost.database.url, poolSize: 1 });
    const outbox = new WebhookOutbox(prisma);
    const endpoints = new Map<string, string>();
    for (const [name, failures, backoff] of [
      ['down', 3, null],
      ['healthy', 2, '-1 second'],
      ['left alone', 1, '1 minute'],
      ['late', 0, null],
    ] as const) {
      const { id } = await client.register(`https://1.1.1.1/${failures}`);
      endpoints.set(id, name);
      await otpost.database.query(
        'UPDATE webhook_endpoints SET failures = $2, backoff_until = now() + $3::interval WHERE id = $1',
        [id, failures, backoff],
      );
      // The late one has the newest rows, and comes to its turn all the same.
      await otpost.database.query(
        `INSERT INTO webhook_deliveries (endpoint_id, type, payload, next_attempt_at) SELECT $1, 'webhook.test', '{}', now() - $2::interval FROM generate_series(1, 30)`,
        [id, name === 'late' ? '1 second' : '1 hour'],
      );
    }
    const claim = async (limit: number): Promise<Record<string, number>> => {
      const counts: Record<string, number> = {};
      for (const { endpoint } of await outbox.claim(limit))
        counts[endpoints.get(endpoint.id)!] = (counts[endpoints.get(endpoint.id)!] ?? 0) + 1;
      return counts;
    };
    expect(await claim(5)).toEqual({ down: 1, healthy: 2, late: 2 });
    expect(await claim(40)).toEqual({ healthy: 8, late: 8 });
    expect(await claim(40)).toEqual({});
    await prisma.$disconnect();
  });

  it('gives an endpoint no more than ten, however many workers claim side by side', async () => {
    for (let n = 0; n < 20; n++) {
      const { id } = await client.register(`https://1.1.1.1/${n}`);
      await otpost.database.query(
        `INSERT INTO webhook_deliveries (endpoint_id, type, payload) SELECT $1, 'webhook.test', '{}' FROM generate_series(1, 300)`,
        [id],
      );
    }
    const prisma = new PrismaService({ url: otpost.database.url, poolSize: 6 });
    const outbox = new WebhookOutbox(prisma);
    for (let round = 0; round < 40; round++) {
      await Promise.all(Array.from({ length: 12 }, () => outbox.claim(1_000)));
      const most = await otpost.database.query<{ most: number }>(
        `SELECT max(count)::int AS most FROM (
           SELECT count(*) FROM webhook_deliveries WHERE status = 'sending' GROUP BY endpoint_id) AS counted`,
      );
      expect(most).toEqual([{ most: 10 }]);
      await otpost.database.query(`UPDATE webhook_deliveries SET status = 'queued' WHERE status = 'sending'`);
    }
    await prisma.$disconnect();
  });

  it.each(['renewed', 'finished'] as const)(
    'is %s in the order of ids, so that nobody waits in a circle',
    async (how) => {
      const { id } = await client.register('https://1.1.1.1/');
      // The last of them fell due first, is claimed first, and comes first in the table.
      await otpost.database.query(
        `INSERT INTO webhook_deliveries (endpoint_id, type, payload, id, next_attempt_at)
         SELECT $1, 'webhook.test', '{}', lpad(to_hex(n), 32, '0')::uuid, now() - n * interval '1 second' FROM generate_series(1, 10) AS n`,
        [id],
      );
      const prisma = new PrismaService({ url: otpost.database.url, poolSize: 2 });
      const outbox = new WebhookOutbox(prisma);
      const rows = await outbox.claim(10);
      const ids = rows.map((row) => row.id).sort();
      const other = new pg.Client({ connectionString: otpost.database.url });
      await other.connect();
      await other.query('BEGIN');
      await other.query('SELECT FROM webhook_deliveries WHERE id = $1 FOR UPDATE', [ids[5]]);
      const done =
        how === 'renewed'
          ? outbox.renew(rows)
          : Promise.all(rows.map((row) => outbox.finish(row, { status: 'delivered', tookMs: 1 }, 'test')));
      await waitingForLock();
      const free = await otpost.database.query<{ id: string }>(
        'SELECT id FROM webhook_deliveries ORDER BY id FOR UPDATE SKIP LOCKED',
      );
      await other.query('ROLLBACK');
      await other.end();
      await done;
      await prisma.$disconnect();
      expect(free.map((row) => row.id)).toEqual(ids.slice(6));
    },
  );

  it('looks only at what is due, whatever has been delivered', async () => {
    const { id } = await client.register('https://1.1.1.1/');
    await otpost.database.query(
      `INSERT INTO webhook_deliveries (endpoint_id, type, payload, status) SELECT $1, 'webhook.test', '{}', 'delivered' FROM generate_series(1, 20000)`,
      [id],
    );
    await otpost.database.query('VACUUM ANALYZE webhook_deliveries');
    const plan = await otpost.database.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT id FROM webhook_deliveries WHERE endpoint_id = '${id}' AND status IN ('queued', 'deferred') AND next_attempt_at <= now()
       ORDER BY next_attempt_at, id LIMIT 10`,
    );
    expect(JSON.stringify(plan)).toContain('webhook_deliveries_due');
  });

  it('is cleaned of deliveries after the retention time, with their log', async () => {
    const { id } = await client.register('https://1.1.1.1/');
    await otpost.database.query(
      `WITH made AS (
         INSERT INTO webhook_deliveries (endpoint_id, type, payload, status, created_at)
         SELECT $1::uuid, 'webhook.test', '{}'::jsonb, (ARRAY['delivered', 'failed', 'queued'])[1 + n % 3], now() - interval '11 days' FROM generate_series(1, 1200) AS n
         UNION ALL SELECT $1::uuid, 'webhook.test', '{}'::jsonb, 'delivered', now() - interval '9 days'
         RETURNING id)
       INSERT INTO webhook_attempts (delivery_id, attempt, took_ms) SELECT id, 1, 0 FROM made`,
      [id],
    );
    expect(await run('webhooks.retention')).toBe('1200 deliveries removed');
    expect(await otpost.database.query('SELECT 1 FROM webhook_deliveries')).toHaveLength(1);
    expect(await otpost.database.query('SELECT 1 FROM webhook_attempts')).toHaveLength(1);
  });

  it('takes back what a dead worker left, until its attempts are used up, and leaves what is under way', async () => {
    const { id } = await client.register('https://1.1.1.1/');
    await otpost.database.query(
      `INSERT INTO webhook_deliveries (endpoint_id, type, payload, status, attempts, lease_token, lease_until)
       SELECT $1::uuid, 'webhook.test', '{}', 'sending', attempts, gen_random_uuid(), now() + seconds * interval '1 second'
       FROM (VALUES (1, -1), (12, -1), (2, 60)) AS v (attempts, seconds)`,
      [id],
    );
    expect(await run('webhooks.rescue')).toMatch(/^[02] taken back/); // its own rhythm may have been first
    expect(await otpost.database.query('SELECT attempts, status FROM webhook_deliveries ORDER BY attempts')).toEqual([
      { attempts: 1, status: 'deferred' },
      { attempts: 2, status: 'sending' },
      { attempts: 12, status: 'failed' },
    ]);
  });

  it('fails what was queued for an endpoint while it went, and keeps what waits for one that people disabled', async () => {
    const gone = await client.register('https://1.1.1.1/gone');
    const paused = await client.register('https://1.1.1.1/paused');
    for (const { id } of [gone, paused]) await client.test(id);
    await otpost.database.query(
      `UPDATE webhook_endpoints SET disabled_at = now(), disabled_reason = CASE WHEN id = $1 THEN 'gone' ELSE 'operator' END`,
      [gone.id],
    );
    expect(await run('webhooks.rescue')).toMatch(/^0 taken back, [01] failed with their endpoint$/); // its own rhythm may have been first
    expect(await otpost.database.query('SELECT endpoint_id, status FROM webhook_deliveries ORDER BY status')).toEqual([
      { endpoint_id: gone.id, status: 'failed' },
      { endpoint_id: paused.id, status: 'queued' },
    ]);
  });
});
