import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { BareServer } from '../support/network/bare-server.js';
import { StallingProxy } from '../support/network/stalling-proxy.js';
import { Api } from '../support/service/api.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { tellStory } from '../support/service/story.js';

const PROBES = ['/health/live', '/health', '/health/mail'];
const ROUNDS = 200;
/** Milliseconds; platforms give up after one to five seconds. */
const P99_WITHIN = 50;
const MEDIAN_WITHIN = 25;
/** Measured again on a machine that is busy with other things; a probe that waits for what hangs is never fast. */
const MEASUREMENTS = 4;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

function share(took: number[], part: number): number {
  return [...took].sort((one, other) => one - other)[Math.ceil(took.length * part) - 1]!;
}

describe('the probes, while Postgres hangs,', () => {
  let database: TestDatabase;
  let proxy: StallingProxy;
  let service: OtpostProcess;
  let bare: BareServer;

  beforeAll(async () => {
    bare = await BareServer.start();
    database = await createDatabase();
    proxy = await StallingProxy.to(database.url);
    service = await OtpostProcess.start({
      DATABASE_URL: proxy.through(database.url),
      APP_SECRET: TEST_SECRET,
      PORT: '0',
    });
    await tellStory(await service.api(), 'ada@example.com');
    proxy.stall();
  });
  afterAll(async () => {
    await service.stop('SIGKILL');
    await proxy.stop();
    await database.drop();
    await bare.stop();
  });

  // Where the machine itself is slower than a probe may be, the probe is held against a server that does nothing.
  it.each(PROBES)('answer at once: %s', async (path) => {
    const [api, nothing] = [await service.api(), new Api(bare.url)];
    for (let measurement = 1; measurement <= MEASUREMENTS; measurement++) {
      const took: Record<'bare' | 'probe', number[]> = { bare: [], probe: [] };
      for (let round = 0; round < ROUNDS; round++) {
        took.bare.push(await timed(() => nothing.get('/')));
        took.probe.push(await timed(() => api.get(path)));
      }
      const [median, p99, bareP99] = [share(took.probe, 0.5), share(took.probe, 0.99), share(took.bare, 0.99)];
      console.log(
        `${path}: median ${median.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms; p99 of a bare server ${bareP99.toFixed(1)} ms`,
      );
      if (median < MEDIAN_WITHIN && p99 < Math.max(P99_WITHIN, 2 * bareP99)) return;
    }
    throw new Error(`${path} was not within ${P99_WITHIN} ms in any of ${MEASUREMENTS} measurements`);
  });
});
