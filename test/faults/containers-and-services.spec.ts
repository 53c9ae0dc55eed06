import { endedContainers } from './containers.js';
import { absentPostgres } from './postgres.js';
import { failingMailServer } from './sink.js';

/** Side by side, for some wait for leases to run out: Jest runs the concurrent tests of one block together. */
describe('under faults,', () => {
  endedContainers();
  failingMailServer();
  absentPostgres();
});
