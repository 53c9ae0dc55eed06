import type { EmailAddress } from '../core/email-address.js';
import { maskAddress } from '../core/mask.js';
import {
  MAX_WORDS,
  SUPPRESSION_REASONS,
  SUPPRESSION_SCOPES,
  type SuppressionReason,
  type SuppressionScope,
} from '../mail/suppressions/suppression-policy.js';
import type { SuppressionChanges, SuppressionRecord } from '../mail/suppressions/suppressions.js';
import { eitherOf, emailAddress, lifetime, oneLine, oneOf, onlyOne, UsageError } from './arguments.js';
import type { Command } from './command.js';
import { type ExitCode, minute } from './io.js';
import type { Session } from './session.js';

const addressIn = emailAddress('The address');
const oneAddress = onlyOne('Name one address.');
const scopeIn = eitherOf('--scope', SUPPRESSION_SCOPES);

export function declare(program: Command): void {
  const suppressions = program.command('suppressions');

  suppressions
    .command('list')
    .summary('show the addresses that get no mail, newest first')
    .synopsis('[--address ADDRESS] [--reason REASON] [--limit N] [--show-addresses] [--json]')
    .description(
      `Shows the addresses that get no mail, or no bulk mail, why, and until when; newest first. What has expired is left out.
The addresses are masked unless they are asked for.`,
    )
    .option('--address <ADDRESS>', 'of this address', addressIn)
    .option('--reason <REASON>', SUPPRESSION_REASONS.join(', '), oneOf('reason', SUPPRESSION_REASONS))
    .limited()
    .option('--show-addresses', 'show the addresses')
    .option('--json', 'print a list of objects')
    .onDatabase(list);

  suppressions
    .command('add')
    .summary('send no more mail to an address')
    .synopsis('ADDRESS [--scope all|bulk] [--expires 30d] [--note TEXT] [--json]')
    .description(
      `Sends no more mail to an address, codes included. What is being sent at this moment is not stopped. What stands for a
stronger reason, a complaint say, stays as it is.`,
    )
    .takes((names) => addressIn(oneAddress(names)))
    .option('--scope <bulk>', 'no bulk mail alone: codes and ordinary mail still go there', scopeIn, 'all')
    .option(
      '--expires <TIME>',
      'how long, such as 30d or 12h; until it is removed where this is left out',
      lifetime('--expires', '30d'),
    )
    .option('--note <TEXT>', 'for those who find it', oneLine('--note', MAX_WORDS))
    .option('--json', 'print what stands now as JSON')
    .onDatabase(add);

  suppressions
    .command('remove')
    .summary('send mail to an address again')
    .synopsis('ADDRESS --reason TEXT [--scope all|bulk] [--json]')
    .description(
      `Sends mail to an address again, from the next message that is claimed. What ended as "suppressed" stays so. Who complained
or unsubscribed did not want the mail: remove it only when they asked for it.`,
    )
    .takes((names) => addressIn(oneAddress(names)))
    .option(
      '--reason <TEXT>',
      'why, for the record of who did what (otpost audit list); it must name no address',
      reasonIn,
    )
    .option(
      '--scope <SCOPE>',
      'that of this scope alone; whatever stands against the address where it is left out',
      scopeIn,
    )
    .option('--json', 'print what was removed as JSON')
    .remark('Exit codes: 0 removed, 1 the address is not on the list.')
    .needs('reason', 'Say why with --reason: it is kept in the record of who did what.')
    .onDatabase(remove);
}

/** Kept in the record of who did what, where no address is. */
function reasonIn(text: string): string | null {
  const reason = oneLine('--reason', MAX_WORDS)(text);
  if (reason === null || !/\S@\S/.test(reason)) return reason;
  throw new UsageError('--reason must name no address: it stays in the record of who did what.');
}

interface Query {
  address?: EmailAddress;
  reason?: SuppressionReason;
  limit: number;
  showAddresses?: true;
}

async function list({ io, prisma }: Session, { address, reason, limit, showAddresses }: Query): Promise<ExitCode> {
  const { SuppressionRecords } = await import('../mail/suppressions/suppressions.js');
  const records = await new SuppressionRecords(prisma).list({ address: address?.canonical, reason }, limit);
  return io.list(records.map(showAddresses ? shown : masked), {
    none: 'No such address is suppressed.',
    heading: ['SINCE', 'ADDRESS', 'NO', 'REASON', 'SOURCE', 'LAST SEEN', 'EXPIRES', 'NOTE', 'MESSAGE'],
    row: rowOf,
  });
}

interface Addition {
  scope: SuppressionScope;
  /** Milliseconds; undefined: until it is removed. */
  expires?: number;
  note?: string | null;
}

async function add(
  session: Session,
  { scope, expires, note = null }: Addition,
  address: EmailAddress,
): Promise<ExitCode> {
  const expiresAt = expires === undefined ? null : new Date((await session.clock()).now().getTime() + expires);
  const changes = await changesOf(session);
  const { kind, record } = await changes.add({ address: address.canonical, scope, note, expiresAt }, session.operator);
  const words = `${wordsFor(record)}.`;
  session.io.tell({ kind, ...masked(record) }, kind === 'added' ? words : `It stays as it is: ${words}`);
  return 0;
}

interface Removal {
  reason: string;
  scope?: SuppressionScope;
}

async function remove(session: Session, removal: Removal, address: EmailAddress): Promise<ExitCode> {
  const { io, operator } = session;
  const { reason, scope } = removal;
  const result = await (await changesOf(session)).lift({ address: address.canonical, scope, reason }, operator);
  if (result.kind === 'not_found') {
    if (io.json) io.out('[]');
    io.err('The address is not on the list. Compare with: otpost suppressions list --address ADDRESS');
    return 1;
  }
  io.tell(result.records.map(masked), ...result.records.map((record) => `Removed: ${wordsFor(record)}.`));
  return 0;
}

async function changesOf(session: Session): Promise<SuppressionChanges> {
  const { SuppressionChanges: Changes } = await import('../mail/suppressions/suppressions.js');
  return new Changes(session.transactions, await session.audit());
}

type Shown = Omit<SuppressionRecord, 'id'> & { id: string };

/** As GET /v1/suppressions shows it. */
function shown({
  id,
  address,
  scope,
  reason,
  source,
  emailId,
  note,
  createdAt,
  lastSeenAt,
  expiresAt,
}: SuppressionRecord): Shown {
  return { id: String(id), address, scope, reason, source, emailId, note, createdAt, lastSeenAt, expiresAt };
}

function masked(record: SuppressionRecord): Shown {
  return shown({ ...record, address: maskAddress(record.address) });
}

/** Such as `a***@example.com gets no bulk mail (manual) until 2030-01-31 09:00Z` */
function wordsFor({ address, scope, reason, expiresAt }: SuppressionRecord): string {
  return `${maskAddress(address)} gets no ${scope === 'bulk' ? 'bulk ' : ''}mail (${reason})${expiresAt ? ` until ${minute(expiresAt)}` : ''}`;
}

function rowOf({ address, scope, reason, source, emailId, note, createdAt, lastSeenAt, expiresAt }: Shown): string[] {
  const no = scope === 'bulk' ? 'bulk mail' : 'mail';
  return [
    minute(createdAt),
    address,
    no,
    reason,
    source,
    minute(lastSeenAt),
    minute(expiresAt),
    note ?? '-',
    emailId ?? '-',
  ];
}
