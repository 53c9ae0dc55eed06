import { parseArgs } from 'node:util';
import { LANES } from '../core/lanes.js';
import { lanesIn, timeIn } from './arguments.js';
import { type Command, UsageError } from './command.js';

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
      const { showLanes } = await import('./queue-work.js');
      return showLanes(values.json ?? false, prisma, terminal);
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
      const { pauseLanes } = await import('./queue-work.js');
      return pauseLanes({ lanes, reason, yes: values.yes ?? false, json: values.json ?? false }, prisma, terminal);
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
      const { resumeLanes } = await import('./queue-work.js');
      return resumeLanes(lanes, values.json ?? false, prisma, terminal);
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
    const order = { lanes: lanesIn(positionals), patienceMs: timeIn('patience', values.patience ?? DEFAULT_PATIENCE), json: values.json ?? false };
    return async (terminal) => {
      const { drainByHand } = await import('./queue-drain.js');
      return drainByHand(order, terminal);
    };
  },
};

export const QUEUE_COMMANDS: readonly Command[] = [stats, pause, resume, drain];

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
