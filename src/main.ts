import 'reflect-metadata';
import { announce } from './announce.js';
import { loadSettings } from './config/settings.module.js';
import { StartupError } from './core/startup-error.js';
import { type RunningProcess, startProcess } from './process.js';

async function main(): Promise<void> {
  const loaded = await loadSettings();
  const running = await startProcess(loaded);
  stopOnSignals(running);
  announce(loaded.settings, running);
}

/** The first signal drains, a second one does not wait. */
function stopOnSignals(running: RunningProcess): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(1);
    stopping = true;
    running.log.info({ signal }, 'stopping: finishing what is under way');
    running.stop().then(
      () => process.exit(0),
      (error: unknown) => {
        running.log.fatal({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** A reason that an operator can mend is one line; anything else is a bug and shows its stack. */
function refuse(error: unknown): never {
  if (error instanceof StartupError) console.error(`${error.message} ${error.remedy}`.trim());
  else console.error(error);
  process.exit(1);
}

main().catch(refuse);
