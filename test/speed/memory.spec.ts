import { createDatabase } from '../support/database/postgres.js';
import { FaultSink } from '../support/faults/fault-sink.js';
import { createApiKey } from '../support/service/api-key.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { describeWithSupervisor, type Memory, SupervisedOtpost } from '../support/service/supervised-otpost.js';
import { eventually } from '../support/signals/wait.js';

const LOAD = 1_000;
const MIB = 1024 * 1024;
/** MiB of PSS, of web, worker and supervisord together: small plans have 512. */
const IDLE_WITHIN = 300;
const LOADED_WITHIN = 420;

const inMib = ({ rss, pss }: Memory): string => `${Math.round(pss / MIB)} MiB PSS (${Math.round(rss / MIB)} MiB RSS)`;

/** The highest of what is measured until `done`. */
async function highest(otpost: SupervisedOtpost, done: Promise<unknown>): Promise<Memory> {
  let over = false;
  void done.finally(() => (over = true)).catch(() => undefined);
  let most: Memory = { rss: 0, pss: 0 };
  while (!over) {
    const now = await otpost.memory();
    if (now.pss > most.pss) most = now;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await done;
  return most;
}

describeWithSupervisor('the container', () => {
  it(`stays within a small plan: ${IDLE_WITHIN} MiB idle, ${LOADED_WITHIN} MiB while ${LOAD} mails are accepted and delivered`, async () => {
    const [database, sink] = [await createDatabase(), new FaultSink()];
    const key = await createApiKey(database.url);
    const otpost = await SupervisedOtpost.start({
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      APP_URL: 'http://localhost:3000',
      MAIL_TRANSPORTS: await sink.door(),
      MAIL_FROM: 'Otpost <no-reply@example.com>',
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
    });
    try {
      for (const program of ['worker', 'web'] as const) await otpost.running(program);
      await otpost.ready();
      const idle = await otpost.memory();
      const send = async (n: number): Promise<void> => {
        const mail = { to: `reader${n}@example.com`, subject: 'News', text: `Number ${n}.` };
        expect((await otpost.api.post('/v1/emails', mail, { authorization: `Bearer ${key}` })).status).toBe(202);
      };
      const delivered = (async () => {
        for (let n = 0; n < LOAD; n += 20) await Promise.all(Array.from({ length: 20 }, (_, i) => send(n + i)));
        await eventually(() => sink.copies.size === LOAD, 'all to be handed over');
      })();
      const loaded = await highest(otpost, delivered);
      console.log(`idle ${inMib(idle)}, under load ${inMib(loaded)}`);
      expect(idle.pss / MIB).toBeLessThanOrEqual(IDLE_WITHIN);
      expect(loaded.pss / MIB).toBeLessThanOrEqual(LOADED_WITHIN);
    } finally {
      await otpost.destroy();
      await sink.stop();
      await database.drop();
    }
  });
});
