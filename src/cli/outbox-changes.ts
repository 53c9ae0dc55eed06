import { parseArgs } from 'node:util';
import { LANES } from '../core/lanes.js';
import { UUID } from '../core/uuid.pipe.js';
import type { CANCELLABLE as Cancellable, RETRYABLE as Retryable, Selection } from '../mail/outbox-batches.js';
import { laneIn, sinceIn, wholeNumberIn } from './arguments.js';
import { type Command, type LoneWork, UsageError } from './command.js';
import type { Change } from './outbox-changes-work.js';

// Said again, for to import them would load Prisma; the compiler keeps both the same.
const CANCELLABLE: typeof Cancellable = ['scheduled', 'queued', 'deferred'];
const RETRYABLE: typeof Retryable = ['failed', 'deferred'];

const OPTIONS = {
  status: { type: 'string' },
  lane: { type: 'string' },
  since: { type: 'string' },
  yes: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

const retry: Command = {
  name: 'outbox retry',
  alone: true,
  summary: 'send messages again that failed, at once',
  help: `Usage: otpost outbox retry ID… [--json]
       otpost outbox retry --status failed|deferred [--lane LANE] [--since TIME] [--yes] [--json]

Puts failed or deferred messages into the queue again, due at once, with at least one attempt left. Of many, those are
passed over whose content was erased, that have expired, or whose recipient is on the suppression list.

  --status STATUS  all that failed, or all that wait for their next attempt
  --lane LANE      of those: ${LANES.join(', ')}
  --since TIME     of those: accepted at or after, such as 2030-01-31T09:00:00Z
  --yes            do not ask
  --json           print what was done as JSON

Exit codes: 0 all were, 1 some of those named were not, and why is told.`,
  parse(args) {
    const order = orderIn(args, RETRYABLE);
    if (order.selection && order.selection.statuses.length > 1) throw new UsageError(`Say with --status whether ${RETRYABLE.join(' or ')}.`);
    return changing({ verb: 'retry', ...order });
  },
};

const cancel: Command = {
  name: 'outbox cancel',
  alone: true,
  summary: 'never send messages that still wait',
  help: `Usage: otpost outbox cancel ID… [--json]
       otpost outbox cancel --status ${CANCELLABLE.join('|')} [--lane LANE] [--since TIME] [--yes] [--json]
       otpost outbox cancel --lane LANE [--since TIME] [--yes] [--json]

Cancels messages that have not been handed over: scheduled, queued or deferred. What is being sent at this moment is not
stopped. It cannot be undone.

  --status STATUS  all in that state; all that wait unless it is given
  --lane LANE      of those: ${LANES.join(', ')}
  --since TIME     of those: accepted at or after, such as 2030-01-31T09:00:00Z
  --yes            do not ask
  --json           print what was done as JSON

Exit codes: 0 all were, 1 some of those named were not, and why is told.`,
  parse(args) {
    return changing({ verb: 'cancel', ...orderIn(args, CANCELLABLE) });
  },
};

const purge: Command = {
  name: 'outbox purge',
  summary: 'remove messages that are over, with their timelines',
  help: `Usage: otpost outbox purge --older-than 30d [--yes] [--json]

Removes the record of messages that are over and were accepted longer ago than that, as RETENTION_DAYS does each day.
What still waits, and what is unknown, stays; the ledger goes on counting all. It cannot be undone.

  --older-than DAYS  such as 30d; at least 1d
  --yes              do not ask
  --json             print what was done as JSON`,
  parse(args) {
    const { values } = parseArgs({ args, options: { 'older-than': { type: 'string' }, yes: { type: 'boolean' }, json: { type: 'boolean' } } });
    if (values['older-than'] === undefined) throw new UsageError('Say how old with --older-than, such as 30d.');
    const days = wholeNumberIn('older-than', /^(\d+)d$/.exec(values['older-than'])?.[1] ?? '', { least: 1, most: 36_500 });
    return async (prisma, terminal) => {
      const { purgeMessages } = await import('./outbox-changes-work.js');
      return purgeMessages({ days, yes: values.yes ?? false, json: values.json ?? false }, prisma, terminal);
    };
  },
};

export const OUTBOX_CHANGES: readonly Command[] = [retry, cancel, purge];

function changing(change: Change): LoneWork {
  return async (terminal) => {
    const { changeMessages } = await import('./outbox-changes-work.js');
    return changeMessages(change, terminal);
  };
}

/** Either messages by their ids, or a selection. */
function orderIn(args: string[], statuses: Selection['statuses']): Omit<Change, 'verb'> {
  const { positionals, values } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  const { status, yes = false, json = false } = values;
  const [lane, since] = [laneIn(values.lane), sinceIn(values.since)];
  const selective = status !== undefined || lane !== undefined || since !== undefined;
  if ((positionals.length > 0) === selective) throw new UsageError('Name messages by their ids, or say which with --status.');
  const strange = positionals.find((id) => !UUID.test(id));
  if (strange !== undefined) throw new UsageError(`"${strange}" is no id of a message; "otpost outbox list" shows them.`);
  if (!selective) return { ids: positionals, yes, json };
  const known = statuses.find((one) => one === status);
  if (status !== undefined && !known) throw new UsageError(`--status is ${statuses.join(' or ')}.`);
  return { selection: { statuses: known ? [known] : statuses, lane, since }, yes, json };
}
