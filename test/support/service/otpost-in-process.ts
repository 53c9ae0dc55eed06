import { readSettings } from '../../../src/configuration.js';
import { settingsModule } from '../../../src/config/settings.module.js';
import { createLogger } from '../../../src/core/logger.js';
import { type RunningProcess, startProcess } from '../../../src/process.js';
import { Api } from './api.js';
import { LIMITS_OFF } from './limits.js';
import { TEST_SECRET } from './otpost.js';
import { alone } from '../signals/side-by-side.js';
import { noteConfiguration, openLog } from '../text/test-logs.js';

/**
 * The whole service in this process, on a database that the test brings, with its log to be read: it starts in a
 * fraction of what an `OtpostProcess` takes. For stories in which no process dies. Two workers of one database need two
 * processes, for a worker is named after its process.
 */
export class OtpostInProcess {
  private stopped: Promise<void> | undefined;

  private constructor(
    private readonly running: RunningProcess,
    /** Lines of the log, as they came. */
    readonly output: readonly string[],
  ) {}

  /** One at a time, for a start is all work: several at once would outlast the patience of each other's connections. */
  static start(env: Record<string, string>): Promise<OtpostInProcess> {
    return alone(() => OtpostInProcess.startAlone(env));
  }

  private static async startAlone(env: Record<string, string>): Promise<OtpostInProcess> {
    const environment = { APP_SECRET: TEST_SECRET, PORT: '0', LOG_LEVEL: 'debug', ...LIMITS_OFF, ...env };
    noteConfiguration(environment);
    const { settings, warnings } = readSettings(environment);
    const output: string[] = [];
    const kept = openLog();
    const log = createLogger(environment.LOG_LEVEL, settings.role, {
      write: (line) => {
        output.push(line.trimEnd());
        kept?.write(line);
      },
    });
    return new OtpostInProcess(
      await startProcess({ settings, warnings, module: settingsModule(settings) }, undefined, log),
      output,
    );
  }

  /** Of a worker: where it has a WORKER_PORT. */
  get url(): string {
    return this.running.url!;
  }

  get api(): Api {
    return new Api(this.url);
  }

  get text(): string {
    return this.output.join('\n');
  }

  /** As at SIGTERM; once, however often it is called. */
  stop(): Promise<void> {
    return (this.stopped ??= this.running.stop());
  }
}
