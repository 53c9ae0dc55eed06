import { readSettings } from '../../../src/configuration.js';
import { settingsModule } from '../../../src/config/settings.module.js';
import { Clock } from '../../../src/core/clock.js';
import { createLogger } from '../../../src/core/logger.js';
import { type RunningProcess, startProcess } from '../../../src/process.js';
import { createDatabase, type TestDatabase } from '../database/postgres.js';
import { noteConfiguration, openLog } from '../text/test-logs.js';
import { Api } from './api.js';
import { LIMITS_OFF } from './limits.js';

export const TEST_SECRET = 'a secret of more than thirty-two characters for tests';

/** A clock that stands until the test moves it. */
export class HeldClock extends Clock {
  constructor(private time = new Date()) {
    super();
  }

  now(): Date {
    return this.time;
  }

  advance(seconds: number): void {
    this.time = new Date(this.time.getTime() + seconds * 1_000);
  }
}

export interface Otpost {
  api: Api;
  database: TestDatabase;
  process: RunningProcess;
  stop(): Promise<void>;
}

/** The whole service in this process, on a real database of its own. */
export async function startOtpost(env: Record<string, string> = {}, clock?: Clock): Promise<Otpost> {
  const database = await createDatabase();
  const environment = {
    DATABASE_URL: database.url,
    APP_SECRET: TEST_SECRET,
    PORT: '0',
    LOG_LEVEL: 'silent',
    ...LIMITS_OFF,
    ...env,
  };
  const { settings, warnings } = readSettings(environment);
  noteConfiguration(environment);
  // What the gate searches for secrets; a test that looks at what is printed says so with LOG_LEVEL, and gets it there.
  const kept = env['LOG_LEVEL'] === undefined ? openLog() : undefined;
  const log = kept && createLogger('debug', settings.role, kept);
  const running = await startProcess({ settings, warnings, module: settingsModule(settings) }, clock, log);
  return {
    api: new Api(running.url!),
    database,
    process: running,
    stop: async () => {
      await running.stop();
      await database.drop();
    },
  };
}
