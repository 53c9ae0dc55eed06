import { inspect } from 'node:util';
import 'reflect-metadata';
import { announce, lookAround } from './announce.js';
import { loadSettings } from './config/settings.module.js';
import { CONFIGURATION } from './configuration.js';
import { visible, visibleLines } from './core/mask.js';
import { StartupError } from './core/startup-error.js';
import { type RunningProcess, startProcess } from './process.js';

const SIGNALS: NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

async function main(): Promise<void> {
  const stopping = new AbortController();
  const starting = start(stopping.signal);
  stopOnSignals(starting, stopping);
  await starting;
}

async function start(stopping: AbortSignal): Promise<RunningProcess> {
  const loaded = await loadSettings(CONFIGURATION);
  const running = await startProcess(loaded, undefined, undefined, stopping);
  await announce(loaded.settings, running);
  return lookAround(loaded.settings, running);
}

/** The first signal drains, also when it comes before the start is over; a second one does not wait. */
function stopOnSignals(starting: Promise<RunningProcess>, stopping: AbortController): void {
  const handle = async (signal: NodeJS.Signals): Promise<void> => {
    const again = stopping.signal.aborted;
    stopping.abort();
    const running = await starting;
    running.log.info({ signal }, again ? 'stopping at once' : 'stopping: finishing what is under way');
    await (again ? running.abandon() : running.stop());
    process.exit(again ? 1 : 0);
  };
  for (const signal of SIGNALS) process.on(signal, () => void handle(signal).catch(refuse));
}

/** A reason that an operator can mend is one line; anything else is a bug and shows its stack. */
function refuse(error: unknown): never {
  if (error instanceof StartupError) console.error(error.lines.map(visible).join('\n'));
  else console.error(visibleLines(inspect(error)));
  process.exit(1);
}

main().catch(refuse);
