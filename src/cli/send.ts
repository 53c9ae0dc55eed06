import { parseArgs } from 'node:util';
import { parseEmailAddress } from '../core/email-address.js';
import { LANES } from '../core/lanes.js';
import { laneIn, timeIn } from './arguments.js';
import { type Command, UsageError } from './command.js';
import type { Order } from './send-and-follow.js';

const DEFAULT_SUBJECT = 'Otpost test message';
const MAX_SUBJECT_LENGTH = 500;
const DEFAULT_WAIT = '60s';

const send: Command = {
  name: 'send',
  alone: true,
  summary: 'send a test message and follow it to its end',
  help: `Usage: otpost send --to ADDRESS [--subject TEXT] [--lane LANE] [--wait TIME] [--json]

Accepts a real message, as the API would, and shows what becomes of it: each change of its state, with the transport
and the words of the server. It is delivered by the workers that run, not by this command.

  --to ADDRESS    such as ada@example.com
  --subject TEXT  "${DEFAULT_SUBJECT}" unless given
  --lane LANE     ${LANES.join(', ')}; default unless given
  --wait TIME     how long to follow it, such as 30s or 5min; ${DEFAULT_WAIT} unless given
  --json          print each change as a JSON object on a line of its own

Exit codes: 0 handed over or delivered, 1 failed, unknown, suppressed or expired, 2 not understood, 3 still waiting (and
why is told); the message stays accepted then, and goes out when what holds it up is over.`,
  parse(args) {
    const { values } = parseArgs({
      args,
      options: { to: { type: 'string' }, subject: { type: 'string' }, lane: { type: 'string' }, wait: { type: 'string' }, json: { type: 'boolean' } },
    });
    const order: Order = {
      to: addressIn(values.to),
      subject: subjectIn(values.subject),
      lane: laneIn(values.lane) ?? 'default',
      waitMs: timeIn('wait', values.wait ?? DEFAULT_WAIT),
      json: values.json ?? false,
    };
    return async (terminal) => {
      const { sendAndFollow } = await import('./send-and-follow.js');
      return sendAndFollow(order, terminal);
    };
  },
};

export const SEND_COMMANDS: readonly Command[] = [send];

/** By the rule of the API. */
function addressIn(text: string | undefined): string {
  if (text === undefined) throw new UsageError('Name the recipient with --to.');
  const address = parseEmailAddress(text);
  if (!address) throw new UsageError('--to must be an e-mail address such as ada@example.com.');
  return address.stored;
}

function subjectIn(text = DEFAULT_SUBJECT): string {
  if (text.length < 1 || text.length > MAX_SUBJECT_LENGTH || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) {
    throw new UsageError(`--subject is one line of at most ${MAX_SUBJECT_LENGTH} characters.`);
  }
  return text;
}
