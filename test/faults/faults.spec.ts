import { FaultPostgres } from '../support/faults/fault-postgres.js';
import { turnByTurn } from '../support/signals/side-by-side.js';
import { endedContainers } from './containers.js';
import { absentPostgres } from './postgres.js';
import { failingRedis } from './redis.js';
import { failingMailServer } from './sink.js';
import { killedTexts } from './sms.js';
import { queuedMeanwhile, smtpClients } from './smtp.js';
import { killedWorkers } from './workers.js';

/** Side by side, for some wait for leases to run out: Jest runs the concurrent tests of one block together. */
describe('under faults,', () => {
  let shared: FaultPostgres;
  const postgres = (): FaultPostgres => shared;
  beforeAll(async () => {
    shared = await FaultPostgres.start();
  });

  const [deaths, twoDeaths] = killedWorkers(postgres);
  // Five at a time, in this order: what waits for leases first, and of the others each row has its turn.
  const longest = [deaths!, ...killedTexts(postgres), ...endedContainers(postgres)];
  const others = turnByTurn([...failingMailServer(postgres), twoDeaths!], failingRedis(postgres), absentPostgres(), [
    ...smtpClients(postgres),
    ...queuedMeanwhile(),
  ]);
  for (const story of [...longest, ...others]) story();

  afterAll(() => shared.remove());
});
