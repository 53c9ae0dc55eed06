import { parseArgs } from 'node:util';
import { readDuration } from '../access/key-policy.js';
import { parseEmailAddress } from '../core/email-address.js';
import { MAX_WORDS, SUPPRESSION_REASONS, SUPPRESSION_SCOPES, type SuppressionReason, type SuppressionScope } from '../mail/suppressions/suppression-policy.js';
import { wholeNumberIn } from './arguments.js';
import { type Command, UsageError } from './command.js';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 1_000;

const list: Command = {
  name: 'suppressions list',
  summary: 'show the addresses that get no mail, newest first',
  help: `Usage: otpost suppressions list [--address ADDRESS] [--reason REASON] [--limit N] [--show-addresses] [--json]

Shows the addresses that get no mail, or no bulk mail, why, and until when; newest first. What has expired is left out.
The addresses are masked unless they are asked for.

  --address ADDRESS  of this address
  --reason REASON    ${SUPPRESSION_REASONS.join(', ')}
  --limit N          at most so many, 1 to ${MAX_LIMIT}; ${DEFAULT_LIMIT} unless it is given
  --show-addresses   show the addresses
  --json             print a list of objects`,
  parse(args) {
    const { values } = parseArgs({
      args,
      options: { address: { type: 'string' }, reason: { type: 'string' }, limit: { type: 'string' }, 'show-addresses': { type: 'boolean' }, json: { type: 'boolean' } },
    });
    const filter = { address: values.address === undefined ? undefined : addressIn(values.address), reason: reasonIn(values.reason) };
    const limit = wholeNumberIn('limit', values.limit ?? String(DEFAULT_LIMIT), { least: 1, most: MAX_LIMIT });
    return async (prisma, terminal) => {
      const { listSuppressions } = await import('./suppressions-work.js');
      return listSuppressions({ filter, limit, showAddresses: values['show-addresses'] ?? false, json: values.json ?? false }, prisma, terminal);
    };
  },
};

const add: Command = {
  name: 'suppressions add',
  summary: 'send no more mail to an address',
  help: `Usage: otpost suppressions add ADDRESS [--scope all|bulk] [--expires 30d] [--note TEXT] [--json]

Sends no more mail to an address, codes included. What is being sent at this moment is not stopped. What stands for a
stronger reason, a complaint say, stays as it is.

  --scope bulk    no bulk mail alone: codes and ordinary mail still go there
  --expires TIME  how long, such as 30d or 12h; until it is removed where this is left out
  --note TEXT     for those who find it
  --json          print what stands now as JSON`,
  parse(args) {
    const { positionals, values } = parseArgs({
      args,
      options: { scope: { type: 'string' }, expires: { type: 'string' }, note: { type: 'string' }, json: { type: 'boolean' } },
      allowPositionals: true,
    });
    const order = { address: oneAddressIn(positionals), scope: scopeIn(values.scope) ?? 'all', lifetime: lifetimeIn(values.expires), note: wordsIn('note', values.note) };
    return async (prisma, terminal) => {
      const { addSuppression } = await import('./suppressions-work.js');
      return addSuppression({ ...order, json: values.json ?? false }, prisma, terminal);
    };
  },
};

const remove: Command = {
  name: 'suppressions remove',
  summary: 'send mail to an address again',
  help: `Usage: otpost suppressions remove ADDRESS --reason TEXT [--scope all|bulk] [--json]

Sends mail to an address again, from the next message that is claimed. What ended as "suppressed" stays so. Who complained
or unsubscribed did not want the mail: remove it only when they asked for it.

  --reason TEXT  why, for the record of who did what (otpost audit list); it must name no address
  --scope SCOPE  that of this scope alone; whatever stands against the address where it is left out
  --json         print what was removed as JSON

Exit codes: 0 removed, 1 the address is not on the list.`,
  parse(args) {
    const { positionals, values } = parseArgs({
      args,
      options: { reason: { type: 'string' }, scope: { type: 'string' }, json: { type: 'boolean' } },
      allowPositionals: true,
    });
    const [address, scope, reason] = [oneAddressIn(positionals), scopeIn(values.scope), wordsIn('reason', values.reason)];
    if (reason === null) throw new UsageError('Say why with --reason: it is kept in the record of who did what.');
    if (/\S@\S/.test(reason)) throw new UsageError('--reason must name no address: it stays in the record of who did what.');
    return async (prisma, terminal) => {
      const { removeSuppression } = await import('./suppressions-work.js');
      return removeSuppression({ address, scope, reason, json: values.json ?? false }, prisma, terminal);
    };
  },
};

export const SUPPRESSION_COMMANDS: readonly Command[] = [list, add, remove];

/** By the rule of the API. */
function addressIn(text: string): string {
  const address = parseEmailAddress(text);
  if (!address) throw new UsageError('The address must be an e-mail address such as ada@example.com.');
  return address.canonical;
}

function oneAddressIn([address, ...more]: readonly string[]): string {
  if (address === undefined || more.length > 0) throw new UsageError('Name one address.');
  return addressIn(address);
}

function scopeIn(text: string | undefined): SuppressionScope | undefined {
  const scope = SUPPRESSION_SCOPES.find((known) => known === text);
  if (text !== undefined && !scope) throw new UsageError(`--scope is ${SUPPRESSION_SCOPES.join(' or ')}.`);
  return scope;
}

function reasonIn(text: string | undefined): SuppressionReason | undefined {
  const reason = SUPPRESSION_REASONS.find((known) => known === text);
  if (text !== undefined && !reason) throw new UsageError(`There is no reason "${text}"; there are ${SUPPRESSION_REASONS.join(', ')}.`);
  return reason;
}

/** Milliseconds; undefined: for ever. */
function lifetimeIn(text: string | undefined): number | undefined {
  const lifetime = text === undefined ? undefined : readDuration(text);
  if (text !== undefined && lifetime === undefined) throw new UsageError('--expires is a number of days or hours, at most ten years, such as 30d or 12h.');
  return lifetime;
}

function wordsIn(name: string, text: string | undefined): string | null {
  const words = text?.trim();
  if (!words) return null;
  if (words.length > MAX_WORDS || /[\p{Cc}\p{Zl}\p{Zp}]/u.test(words)) throw new UsageError(`--${name} is one line of at most ${MAX_WORDS} characters.`);
  return words;
}
