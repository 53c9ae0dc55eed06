import { maskAddress } from '../core/mask.js';
import type { PrismaService } from '../database/prisma.service.js';
import { Ledger } from '../mail/ledger.js';
import { type LaneFacts, type ListedEmail, OutboxRecords } from '../mail/outbox-records.js';
import { ALIVE_WITHIN_MS } from '../queue/worker-registry.js';
import type { ExitCode, Terminal } from './command.js';
import { minute, printTable } from './table.js';

interface ListOrder {
  filter: Parameters<OutboxRecords['list']>[0];
  limit: number;
  showAddresses: boolean;
  json: boolean;
}

export async function showStats(json: boolean, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const [ledger, lanes] = await Promise.all([new Ledger(prisma).read(), new OutboxRecords(prisma).lanes(ALIVE_WITHIN_MS)]);
  if (json) terminal.out(JSON.stringify({ ...ledger, lanes }));
  else {
    printTable([['STATE', 'MESSAGES'], ...Object.entries(ledger.states).map(([state, count]) => [state, String(count)]), ['all', String(ledger.accepted)]], terminal);
    terminal.out('');
    printLanes(lanes, terminal);
  }
  if (ledger.imbalance === 0) return 0;
  terminal.err(`The ledger is off by ${ledger.imbalance}: a message was lost or doubled. This is a bug of Otpost; please report it.`);
  return 1;
}

export async function listMessages({ filter, limit, showAddresses, json }: ListOrder, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const found = await new OutboxRecords(prisma).list(filter, limit);
  const shown = found.map((email) => (showAddresses ? email : { ...email, to: maskAddress(email.to) }));
  if (json) terminal.out(JSON.stringify(shown));
  else if (shown.length === 0) terminal.err('There is no such message.');
  else printEmails(shown, terminal);
  return 0;
}

/** What each lane has to do, for people. */
export function printLanes(lanes: readonly LaneFacts[], terminal: Terminal): void {
  printTable(
    [
      ['LANE', 'DUE', 'OLDEST DUE', 'LATER', 'SENDING', 'WORKERS', 'PAUSED', 'REASON'],
      ...lanes.map(({ lane, due, oldestDueSeconds, later, sending, workers, pausedAt, pauseReason }) => [
        lane,
        String(due),
        due > 0 ? `${oldestDueSeconds} s` : '-',
        String(later),
        String(sending),
        String(workers),
        minute(pausedAt),
        pauseReason ?? '-',
      ]),
    ],
    terminal,
  );
}

function printEmails(emails: readonly ListedEmail[], terminal: Terminal): void {
  printTable(
    [
      ['ACCEPTED', 'STATUS', 'LANE', 'TO', 'TRIES', 'BY', 'ERROR', 'ID'],
      ...emails.map(({ createdAt, status, lane, to, attempts, transport, lastErrorCode, id }) => [
        minute(createdAt), status, lane, to, String(attempts), transport ?? '-', lastErrorCode ?? '-', id,
      ]),
    ],
    terminal,
  );
}
