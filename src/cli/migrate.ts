import { parseArgs } from 'node:util';
import { timeIn } from './arguments.js';
import { type Command, UsageError } from './command.js';

const DEFAULT_TIMEOUT = '10min';

const migrate: Command = {
  name: 'migrate',
  alone: true,
  summary: 'bring the schema of the database up to this build, or say how it stands',
  help: `Usage: otpost migrate [--json]
       otpost migrate --status [--json]
       otpost migrate --wait [--timeout TIME] [--json]

Applies the migrations that the database lacks, whatever MIGRATE_ON_START says: for a job that runs before the new build
starts. Any number may run at once: one applies, the others wait for it.

  --status        change nothing; show each migration and whether it is applied
  --wait          change nothing; wait until another job has applied all, for containers that start beside it
  --timeout TIME  how long to wait at most, such as 90s or 10min (the default)
  --json          print one document: {version, current, fits, migrations: [{name, state}], applied}

A migration is applied, pending, interrupted (its process was killed), failed, or newer (of a later build).

Exit codes: 0 nothing is pending, 1 something is, or the database cannot be used by this build.`,
  parse(args) {
    const { values } = parseArgs({ args, options: { status: { type: 'boolean' }, wait: { type: 'boolean' }, timeout: { type: 'string' }, json: { type: 'boolean' } } });
    if (values.status && values.wait) throw new UsageError('Either --status or --wait.');
    if (values.timeout !== undefined && !values.wait) throw new UsageError('--timeout goes with --wait.');
    const mode = values.status ? 'status' : values.wait ? 'wait' : 'apply';
    const order = { mode, timeoutMs: timeIn('timeout', values.timeout ?? DEFAULT_TIMEOUT), json: values.json ?? false } as const;
    return async (terminal) => {
      const { migrateOrTell } = await import('./migrate-work.js');
      return migrateOrTell(order, terminal);
    };
  },
};

export const MIGRATE_COMMANDS: readonly Command[] = [migrate];
