import { parseArgs } from 'node:util';
import { Audit, OPERATOR } from '../audit/audit.js';
import { SystemClock } from '../core/clock.js';
import { LANES } from '../core/lanes.js';
import { Transactions } from '../database/unit-of-work.js';
import { LanePauses } from '../mail/lane-pauses.js';
import { OutboxRecords } from '../mail/outbox-records.js';
import { ALIVE_WITHIN_MS } from '../queue/worker-registry.js';
import { lanesIn, timeIn } from './arguments.js';
import { type Command, type LoneWork, UsageError } from './command.js';
import { confirmed } from './confirm.js';
import { withDatabaseUrl } from './database.js';
import { printLanes } from './outbox.js';
import type { DrainOrder } from './queue-drain.js';

const MAX_REASON = 200;
const DEFAULT_PATIENCE = '30s';

const stats: Command = {
  name: 'queue stats',
  summary: 'show what each lane has to do, who works it, and whether it is paused',
  help: `Usage: otpost queue stats [--json]

Shows for each lane how many messages are due and how long the oldest has waited, how many wait for later, how many are
being sent, how many live workers work it, and whether it is paused.

  --json  print a list of objects`,
  parse(args) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    return async (prisma, terminal) => {
      const lanes = await new OutboxRecords(prisma).lanes(ALIVE_WITHIN_MS);
      if (values.json) terminal.out(JSON.stringify(lanes));
      else printLanes(lanes, terminal);
      return 0;
    };
  },
};

const pause: Command = {
  name: 'queue pause',
  summary: 'deliver nothing of a lane until it is resumed',
  help: `Usage: otpost queue pause LANE… [--reason TEXT] [--yes] [--json]

No process delivers the lanes any more: no worker, no web process that stands in for one, no "queue drain". What was
claimed goes out, which takes seconds. Mail is accepted all the same and waits; codes expire meanwhile. LANE is one of
${LANES.join(', ')}.

  --reason TEXT  why, for those who find it paused
  --yes          do not ask
  --json         print what was done as JSON`,
  parse(args) {
    const { positionals, values } = parseArgs({ args, options: { reason: { type: 'string' }, yes: { type: 'boolean' }, json: { type: 'boolean' } }, allowPositionals: true });
    const lanes = namedLanes(positionals);
    const reason = reasonIn(values.reason);
    return async (prisma, terminal) => {
      const codes = lanes.includes('critical') ? ' Nobody can sign in by code meanwhile.' : '';
      if (!(await confirmed(`Deliver nothing of ${lanes.join(', ')} until resumed?${codes}`, values.yes ?? false))) {
        terminal.err('Nothing was done.');
        return 1;
      }
      const audit = new Audit(prisma, new SystemClock());
      const paused = await new Transactions(prisma).run(async (unit) => {
        const changed = await new LanePauses(prisma).pause(lanes, reason, unit);
        for (const id of changed) await audit.record({ action: 'lane.paused', result: 'done', ...OPERATOR, target: { kind: 'lane', id }, details: { reason } }, unit);
        return changed;
      });
      if (values.json) terminal.out(JSON.stringify({ paused }));
      else terminal.err(paused.length > 0 ? `Paused ${paused.join(', ')}. To go on: otpost queue resume ${paused.join(' ')}` : 'Paused already.');
      return 0;
    };
  },
};

const resume: Command = {
  name: 'queue resume',
  summary: 'deliver a paused lane again',
  help: `Usage: otpost queue resume [LANE…] [--json]

Delivers paused lanes again, all of them unless some are named. Workers notice within two seconds.

  --json  print what was done as JSON`,
  parse(args) {
    const { positionals, values } = parseArgs({ args, options: { json: { type: 'boolean' } }, allowPositionals: true });
    const lanes = lanesIn(positionals);
    return async (prisma, terminal) => {
      const audit = new Audit(prisma, new SystemClock());
      const resumed = await new Transactions(prisma).run(async (unit) => {
        const changed = await new LanePauses(prisma).resume(lanes, unit);
        for (const id of changed) await audit.record({ action: 'lane.resumed', result: 'done', ...OPERATOR, target: { kind: 'lane', id } }, unit);
        return changed;
      });
      if (values.json) terminal.out(JSON.stringify({ resumed }));
      else terminal.err(resumed.length > 0 ? `Resumed ${resumed.join(', ')}.` : 'None was paused; there was nothing to resume.');
      return 0;
    };
  },
};

const drain: Command = {
  name: 'queue drain',
  alone: true,
  summary: 'deliver what is due now, from this command',
  help: `Usage: otpost queue drain [LANE…] [--patience TIME] [--json]

Delivers what is due at this moment, beside the workers or in place of them, and shows how far it is. Of all lanes unless
some are named; paused ones stay. It uses the transports, rates and secrets of the environment it is started in, as a
worker would. Ctrl-C finishes what is under way and gives back the rest.

  --patience TIME  give up when nothing has moved for so long, such as 30s (the default) or 5min
  --json           print what was done as JSON

Exit codes: 0 nothing is due any more, 3 some mail still is (and why is told), 1 it could not begin. How the attempts
ended is in the numbers: what failed is not due.`,
  parse(args) {
    const { positionals, values } = parseArgs({ args, options: { patience: { type: 'string' }, json: { type: 'boolean' } }, allowPositionals: true });
    return draining({ lanes: lanesIn(positionals), patienceMs: timeIn('patience', values.patience ?? DEFAULT_PATIENCE), json: values.json ?? false });
  },
};

export const QUEUE_COMMANDS: readonly Command[] = [stats, pause, resume, drain];

/** Loads what it takes only now: all that a worker is made of. */
function draining(order: DrainOrder): LoneWork {
  return async (terminal) => {
    const { drainByHand } = await import('./queue-drain.js');
    return withDatabaseUrl(terminal, (url, loaded) => drainByHand(order, url, loaded, terminal));
  };
}

function namedLanes(names: string[]): ReturnType<typeof lanesIn> {
  if (names.length === 0) throw new UsageError(`Name the lanes: ${LANES.join(', ')}.`);
  return lanesIn(names);
}

function reasonIn(text: string | undefined): string | null {
  const reason = text?.trim();
  if (!reason) return null;
  if (reason.length > MAX_REASON || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(reason)) throw new UsageError(`--reason is one line of at most ${MAX_REASON} characters.`);
  return reason;
}
