import { Audit, OPERATOR } from '../audit/audit.js';
import { maskAddress } from '../core/mask.js';
import { DatabaseClock } from '../database/database-clock.js';
import type { PrismaService } from '../database/prisma.service.js';
import { Transactions } from '../database/unit-of-work.js';
import { type Lift, type ManualSuppression, SuppressionChanges } from '../mail/suppressions/suppression-changes.js';
import { type SuppressionFilter, type SuppressionRecord, SuppressionRecords } from '../mail/suppressions/suppression-records.js';
import type { ExitCode, Terminal } from './command.js';
import { minute, printTable } from './table.js';

interface ListOrder {
  filter: SuppressionFilter;
  limit: number;
  showAddresses: boolean;
  json: boolean;
}

export async function listSuppressions({ filter, limit, showAddresses, json }: ListOrder, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const records = await new SuppressionRecords(prisma).list(filter, limit);
  const listed = records.map((record) => shown(record, showAddresses));
  if (json) terminal.out(JSON.stringify(listed));
  else if (listed.length === 0) terminal.err('No such address is suppressed.');
  else printSuppressions(listed, terminal);
  return 0;
}

/** `lifetime`: milliseconds; undefined: until it is removed. */
type AddOrder = Omit<ManualSuppression, 'expiresAt'> & { lifetime: number | undefined; json: boolean };

export async function addSuppression({ lifetime, json, ...suppression }: AddOrder, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const clock = await DatabaseClock.read(prisma);
  const expiresAt = lifetime === undefined ? null : new Date(clock.now().getTime() + lifetime);
  const { kind, record } = await changesOf(prisma, clock).add({ ...suppression, expiresAt }, OPERATOR);
  if (json) terminal.out(JSON.stringify({ kind, ...shown(record, false) }));
  else terminal.err(kind === 'added' ? `${wordsFor(record)}.` : `It stays as it is: ${wordsFor(record)}.`);
  return 0;
}

export async function removeSuppression({ json, ...lift }: Lift & { json: boolean }, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const result = await changesOf(prisma, await DatabaseClock.read(prisma)).lift(lift, OPERATOR);
  if (result.kind === 'not_found') {
    if (json) terminal.out('[]');
    terminal.err('The address is not on the list. Compare with: otpost suppressions list --address ADDRESS');
    return 1;
  }
  if (json) terminal.out(JSON.stringify(result.records.map((record) => shown(record, false))));
  else for (const record of result.records) terminal.err(`Removed: ${wordsFor(record)}.`);
  return 0;
}

function changesOf(prisma: PrismaService, clock: DatabaseClock): SuppressionChanges {
  return new SuppressionChanges(new Transactions(prisma), new Audit(prisma, clock));
}

type Shown = Omit<SuppressionRecord, 'id'> & { id: string };

/** As GET /v1/suppressions shows it, but for the address. */
function shown({ id, address, scope, reason, source, emailId, note, createdAt, lastSeenAt, expiresAt }: SuppressionRecord, showAddress: boolean): Shown {
  return { id: String(id), address: showAddress ? address : maskAddress(address), scope, reason, source, emailId, note, createdAt, lastSeenAt, expiresAt };
}

/** Such as `a***@example.com gets no bulk mail (manual) until 2030-01-31 09:00Z` */
function wordsFor({ address, scope, reason, expiresAt }: SuppressionRecord): string {
  return `${maskAddress(address)} gets no ${scope === 'bulk' ? 'bulk ' : ''}mail (${reason})${expiresAt ? ` until ${minute(expiresAt)}` : ''}`;
}

function printSuppressions(records: readonly Shown[], terminal: Terminal): void {
  printTable(
    [
      ['SINCE', 'ADDRESS', 'NO', 'REASON', 'SOURCE', 'LAST SEEN', 'EXPIRES', 'NOTE', 'MESSAGE'],
      ...records.map(({ address, scope, reason, source, emailId, note, createdAt, lastSeenAt, expiresAt }) => [
        minute(createdAt), address, scope === 'bulk' ? 'bulk mail' : 'mail', reason, source, minute(lastSeenAt), minute(expiresAt), note ?? '-', emailId ?? '-',
      ]),
    ],
    terminal,
  );
}
