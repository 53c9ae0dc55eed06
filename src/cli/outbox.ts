import { parseArgs } from 'node:util';
import { parseEmailAddress } from '../core/email-address.js';
import { LANES } from '../core/lanes.js';
import { EmailStatus } from '../generated/prisma/enums.js';
import { laneIn, sinceIn, wholeNumberIn } from './arguments.js';
import { type Command, UsageError } from './command.js';
import { OUTBOX_CHANGES } from './outbox-changes.js';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;
const STATUSES = Object.values(EmailStatus);

const stats: Command = {
  name: 'outbox stats',
  summary: 'count the messages by state and lane, and check the ledger',
  help: `Usage: otpost outbox stats [--json]

Shows how many messages there ever were in each state, what each lane still has to do and how long its oldest due message
has waited, and whether the ledger adds up: every message that was accepted is in exactly one state.

  --json  print one document: {accepted, states, imbalance, lanes}

Exit codes: 0 the ledger adds up, 1 it does not (a bug of Otpost).`,
  parse(args) {
    const { values } = parseArgs({ args, options: { json: { type: 'boolean' } } });
    return async (prisma, terminal) => {
      const { showStats } = await import('./outbox-work.js');
      return showStats(values.json ?? false, prisma, terminal);
    };
  },
};

const list: Command = {
  name: 'outbox list',
  summary: 'show messages, newest first',
  help: `Usage: otpost outbox list [--status STATUS] [--lane LANE] [--to ADDRESS] [--since TIME] [--limit N]
                          [--show-addresses] [--json]

Shows messages without their content, newest first. Whom they go to is masked unless it is asked for.

  --status STATUS   ${STATUSES.slice(0, 7).join(', ')},
                    ${STATUSES.slice(7).join(', ')}
  --lane LANE       ${LANES.join(', ')}
  --to ADDRESS      those to this address
  --since TIME      accepted at or after, such as 2030-01-31T09:00:00Z
  --limit N         at most so many, 1 to ${MAX_LIMIT}; ${DEFAULT_LIMIT} unless it is given
  --show-addresses  show the recipients
  --json            print a list of objects`,
  parse(args) {
    const { values } = parseArgs({
      args,
      options: {
        status: { type: 'string' },
        lane: { type: 'string' },
        to: { type: 'string' },
        since: { type: 'string' },
        limit: { type: 'string' },
        'show-addresses': { type: 'boolean' },
        json: { type: 'boolean' },
      },
    });
    const filter = { status: statusIn(values.status), lane: laneIn(values.lane), to: canonicalIn(values.to), since: sinceIn(values.since) };
    const limit = wholeNumberIn('limit', values.limit ?? String(DEFAULT_LIMIT), { least: 1, most: MAX_LIMIT });
    return async (prisma, terminal) => {
      const { listMessages } = await import('./outbox-work.js');
      return listMessages({ filter, limit, showAddresses: values['show-addresses'] ?? false, json: values.json ?? false }, prisma, terminal);
    };
  },
};

export const OUTBOX_COMMANDS: readonly Command[] = [stats, list, ...OUTBOX_CHANGES];

function statusIn(text: string | undefined): EmailStatus | undefined {
  const status = STATUSES.find((known) => known === text);
  if (text !== undefined && !status) throw new UsageError(`There is no status "${text}"; there are ${STATUSES.join(', ')}.`);
  return status;
}

/** By the rule of the API. */
function canonicalIn(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const address = parseEmailAddress(text);
  if (!address) throw new UsageError('--to must be an e-mail address such as ada@example.com.');
  return address.canonical;
}
