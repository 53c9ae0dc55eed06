import { readSettings } from '../../../src/configuration.js';
import { settingsModule } from '../../../src/config/settings.module.js';
import { LOOKS } from '../../../src/mail/webhooks/webhook-drain.js';
import { type RunningProcess, startProcess } from '../../../src/process.js';
import { runScheduled } from '../../support/database/scheduled-run.js';
import { WebhookClient } from '../../support/http/webhook-client.js';
import { signaturesBy, WebhookReceiver } from '../../support/http/webhook-receiver.js';
import { OtpostProcess } from '../../support/service/otpost-process.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

describe('workers that deliver webhooks', () => {
  let otpost: Otpost;
  let receiver: WebhookReceiver;
  let client: WebhookClient;

  // The web process delivers none; each test brings its own workers.
  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    receiver = await WebhookReceiver.start();
    client = await WebhookClient.for(otpost);
  });
  afterAll(async () => {
    await otpost.stop();
    await receiver.stop();
  });
  afterEach(() => otpost.database.query('TRUNCATE webhook_endpoints CASCADE'));

  const workerEnv = (more: Record<string, string> = {}) => ({
    DATABASE_URL: otpost.database.url,
    APP_SECRET: TEST_SECRET,
    ROLE: 'worker',
    LOG_LEVEL: 'warn',
    DATABASE_POOL: '4',
    ...more,
  });

  async function startWorker(more: Record<string, string> = {}): Promise<RunningProcess> {
    const { settings, warnings } = readSettings(workerEnv({ LOG_LEVEL: 'silent', ...more }));
    return startProcess({ settings, warnings, module: settingsModule(settings) });
  }

  async function queued(endpointId: string, count: number): Promise<string[]> {
    const rows = await otpost.database.query<{ id: string }>(
      `INSERT INTO webhook_deliveries (endpoint_id, type, payload) SELECT $1, 'webhook.test', '{}' FROM generate_series(1, $2::int) RETURNING id`,
      [endpointId, count],
    );
    return rows.map(({ id }) => id);
  }

  async function statuses(): Promise<Record<string, number>> {
    const rows = await otpost.database.query<{ status: string; count: number }>(
      'SELECT status, count(*)::int AS count FROM webhook_deliveries GROUP BY 1',
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }

  it('deliver each once, however many workers there are, and no more than ten at once to one endpoint', async () => {
    let open = 0;
    let most = 0;
    receiver.answer('/shared', (response) => {
      most = Math.max(most, ++open);
      setImmediate(() => {
        open--;
        response.writeHead(204).end();
      });
    });
    const { id } = await client.register(receiver.url('/shared'), ['email.sent']);
    const ids = await queued(id, 300);
    const workers = await Promise.all([startWorker(), startWorker()]);
    try {
      await receiver.arrived('/shared', 300);
      await eventually(async () => (await statuses())['delivered'] === 300, 'all to be delivered');
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
    const seen = receiver.at('/shared').map(({ headers }) => String(headers['webhook-id']));
    expect(seen.sort()).toEqual([...ids].sort());
    expect(most).toBeLessThanOrEqual(10);
  });

  it('go on with a busy endpoint as soon as it took one, and do not wait for the next look', async () => {
    const { id } = await client.register(receiver.url('/busy'), ['email.sent']);
    await queued(id, 300);
    const looks = { ...LOOKS };
    Object.assign(LOOKS, { everyMs: 3_600_000, againMs: 3_600_000 });
    const worker = await startWorker(); // it looks once, and takes ten
    try {
      await receiver.arrived('/busy', 300);
      await eventually(async () => (await statuses())['delivered'] === 300, 'all to be delivered');
    } finally {
      await worker.stop();
      Object.assign(LOOKS, looks);
    }
  });

  it('give back what they have not finished when they stop, and record nothing over another', async () => {
    receiver.answer('/stopping', () => undefined);
    const { id } = await client.register(receiver.url('/stopping'), ['email.sent']);
    const [first, second] = await queued(id, 2);
    const worker = await startWorker();
    await receiver.arrived('/stopping', 2);
    // As if it had been taken for dead, and another one had the second.
    await otpost.database.query(`UPDATE webhook_deliveries SET lease_token = gen_random_uuid() WHERE id = $1`, [
      second,
    ]);
    await worker.stop();
    expect(await client.delivery(first!)).toMatchObject({ status: 'queued', attempts: 0, log: [] });
    expect(await client.delivery(second!)).toMatchObject({ status: 'sending', attempts: 1, log: [] });
    expect(await client.endpoint(id)).toMatchObject({ failures: 0 });
  });

  it('ask where a name leads each time: what was allowed at registration is refused by a stricter worker', async () => {
    const { id } = await client.register(receiver.url('/inside', 'localhost'), ['email.sent']);
    const [delivery] = await queued(id, 1);
    const worker = await startWorker({ WEBHOOK_ALLOW_PRIVATE: '10.0.0.0/8' });
    try {
      expect((await client.becomes(delivery!, 'deferred')).log).toMatchObject([
        { statusCode: null, errorCode: 'private_address', response: null },
      ]);
    } finally {
      await worker.stop();
    }
    expect(receiver.at('/inside')).toEqual([]);
  });

  it('put off what was sealed with a secret they do not know, and blame no endpoint', async () => {
    const { id, secret } = await client.register(receiver.url('/rotated'), ['email.sent']);
    const [delivery] = await queued(id, 1);
    const stranger = await startWorker({ APP_SECRET: 'another secret of more than thirty-two characters' });
    try {
      expect((await client.becomes(delivery!, 'deferred')).log).toMatchObject([{ errorCode: 'secret_unknown' }]);
    } finally {
      await stranger.stop();
    }
    expect(await client.endpoint(id)).toMatchObject({ failures: 0 });

    // One start with the former secret beside the new one seals it anew; after that the former is not needed.
    const APP_SECRET = 'a newer secret of more than thirty-two characters';
    await client.ask('POST', `/v1/webhook-endpoints/${id}/rotate-secret`);
    await (await startWorker({ APP_SECRET, APP_SECRET_PREVIOUS: TEST_SECRET })).stop();
    await client.makeDue(delivery!);
    const worker = await startWorker({ APP_SECRET });
    try {
      const [webhook] = await receiver.arrived('/rotated');
      expect(await signaturesBy(secret, webhook!)).toBe(1);
    } finally {
      await worker.stop();
    }
  });

  describe('in a process of its own', () => {
    let worker: OtpostProcess;

    beforeAll(async () => {
      worker = await OtpostProcess.start(workerEnv({ LOG_LEVEL: 'trace' }));
    });
    afterAll(() => worker.stop('SIGKILL'));

    it('say nothing of queries, paths and secrets in their logs', async () => {
      receiver.answer(
        '/hidden-path?token=hidden-query',
        (response) => void response.writeHead(410).end('hidden-answer'),
      );
      const { id, secret } = await client.register(receiver.url('/hidden-path?token=hidden-query'), ['email.sent']);
      const [delivery] = await queued(id, 1);
      await client.becomes(delivery!, 'failed');
      await eventually(() => worker.text.includes('A WEBHOOK ENDPOINT WAS DISABLED'), 'the log to say so');
      expect(worker.text).toContain(id);
      for (const hidden of ['hidden', secret, secret.slice(6)]) expect(worker.text).not.toContain(hidden);
    });

    // Last: it ends the process.
    it('take back what a killed one was about to deliver', async () => {
      receiver.answer('/killed', (response, _, nth) => (nth === 1 ? undefined : void response.writeHead(204).end()));
      const { id } = await client.register(receiver.url('/killed'), ['email.sent']);
      const [delivery] = await queued(id, 1);
      await receiver.arrived('/killed');
      await worker.stop('SIGKILL');
      expect(await client.delivery(delivery!)).toMatchObject({ status: 'sending', attempts: 1 });

      // Its lease of 20 s runs out; nobody renews it.
      await otpost.database.query(
        `UPDATE webhook_deliveries SET lease_until = now() - interval '1 second' WHERE status = 'sending'`,
      );
      const heir = await startWorker();
      try {
        await runScheduled(otpost.database, 'webhooks.rescue');
        const { attempts, log } = await client.becomes(delivery!, 'delivered', 2);
        expect(attempts).toBe(2);
        expect(log.map(({ attempt, errorCode }) => [attempt, errorCode])).toEqual([
          [1, 'lease_expired'],
          [2, null],
        ]);
      } finally {
        await heir.stop();
      }
      expect(new Set(receiver.at('/killed').map(({ headers }) => headers['webhook-id']))).toEqual(new Set([delivery]));
    });
  });
});
