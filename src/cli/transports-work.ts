import { Audit, OPERATOR } from '../audit/audit.js';
import { DatabaseClock } from '../database/database-clock.js';
import type { PrismaService } from '../database/prisma.service.js';
import { type TransportRecord, TransportRecords } from '../mail/transport/transport-records.js';
import type { ExitCode, Terminal } from './command.js';
import { minute, printTable } from './table.js';

export async function listTransports(json: boolean, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const records = await new TransportRecords(prisma).list();
  if (json) terminal.out(JSON.stringify(records.map(shown)));
  else if (records.length === 0) terminal.err('There is no transport yet: a worker tells of its own when it starts.');
  else printRecords(records, terminal);
  return 0;
}

export async function resumeTransport(name: string, json: boolean, prisma: PrismaService, terminal: Terminal): Promise<ExitCode> {
  const result = await new TransportRecords(prisma).resume(name);
  if (result.kind === 'not_found') {
    const known = result.names.length > 0 ? `There are: ${result.names.join(', ')}.` : 'There is none yet: a worker tells of its own when it starts.';
    terminal.err(`There is no transport "${name}". ${known}`);
    return 1;
  }
  const hosts = result.kind === 'resumed' ? result.hosts : [];
  if (result.kind === 'resumed') {
    const target = { kind: 'transport', id: name };
    await new Audit(prisma, await DatabaseClock.read(prisma)).record({ action: 'transport.resumed', result: 'done', ...OPERATOR, target, details: { hosts: hosts.length } });
  }
  if (json) terminal.out(JSON.stringify({ name, resumed: result.kind === 'resumed', hosts }));
  else if (result.kind === 'not_paused') terminal.err(`${name} is open; there was nothing to resume.`);
  else terminal.err(`Resumed ${name}${hosts.length > 0 ? `, also for ${hosts.join(', ')}` : ''}.`);
  return 0;
}

function stateOf({ pausedAt, backingOff }: Pick<TransportRecord, 'pausedAt' | 'backingOff'>): 'open' | 'backing_off' | 'paused' {
  if (pausedAt) return 'paused';
  return backingOff ? 'backing_off' : 'open';
}

/** In this order, whatever the database answers. */
function shown(record: TransportRecord): object {
  const { name, pausedAt, pauseReason, backoffUntil, unreachableFrom } = record;
  return {
    name,
    state: stateOf(record),
    pausedAt,
    pauseReason,
    backoffUntil,
    unreachableFrom: unreachableFrom.map(({ host, since, backoffUntil: tried }) => ({ host, since, backoffUntil: tried })),
  };
}

function printRecords(records: readonly TransportRecord[], terminal: Terminal): void {
  printTable(
    [
      ['NAME', 'STATE', 'REASON', 'SINCE', 'NEXT TRY', 'CANNOT BE REACHED FROM'],
      ...records.map((record) => {
        const next = record.pausedAt || record.backingOff ? record.backoffUntil : null;
        const hosts = record.unreachableFrom.map(({ host }) => host).join(',') || '-';
        return [record.name, stateOf(record), record.pauseReason ?? '-', minute(record.pausedAt), minute(next), hosts];
      }),
    ],
    terminal,
  );
}
