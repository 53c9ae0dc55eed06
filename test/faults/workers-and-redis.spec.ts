import { failingRedis } from './redis.js';
import { killedWorkers } from './workers.js';

/** Side by side, for some wait for leases to run out: Jest runs the concurrent tests of one block together. */
describe('under faults,', () => {
  killedWorkers();
  failingRedis();
});
