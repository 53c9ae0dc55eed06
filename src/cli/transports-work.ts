import { Audit, OPERATOR } from '../audit/audit.js';
import { DatabaseClock } from '../database/database-clock.js';
import { PrismaService } from '../database/prisma.service.js';
import { keysOf } from '../mail/transport/choices.js';
import { type TransportRecord, TransportRecords } from '../mail/transport/transport-records.js';
import type { ExitCode, Terminal } from './command.js';
import { withDatabaseUrl } from './database.js';
import { minute, printTable } from './table.js';

/** Those on record, as far as the configuration that this command sees has them. */
export async function listTransports(json: boolean, terminal: Terminal): Promise<ExitCode> {
  return withDatabaseUrl<ExitCode>(terminal, async (url, { settings }) => {
    const prisma = new PrismaService({ url, poolSize: 1 });
    try {
      const records = withConfigured(await new TransportRecords(prisma).list(), keysOf(settings.mail.transports));
      if (json) terminal.out(JSON.stringify(records.map(shown)));
      else if (records.length === 0) terminal.err('There is no transport yet: a worker tells of its own when it starts.');
      else printRecords(records, terminal);
      tellUnknown(records, terminal);
      return 0;
    } finally {
      await prisma.$disconnect();
    }
  });
}

interface Listed extends TransportRecord {
  /** Null: this command was started without the transports of the workers, and cannot know. */
  configured: boolean | null;
}

/** A configuration that has none of those on record is not that of the workers: without MAIL_TRANSPORTS it is the inbox alone. */
function withConfigured(records: readonly TransportRecord[], keys: readonly string[]): Listed[] {
  const known = records.some(({ name }) => keys.includes(name));
  return records.map((record) => ({ ...record, configured: known ? keys.includes(record.name) : null }));
}

function tellUnknown(records: readonly Listed[], terminal: Terminal): void {
  if (records.some(({ configured }) => configured === null)) {
    terminal.err('None of these is in the MAIL_TRANSPORTS of this command, so which of them are still used is not known here. Run it with the environment of a worker.');
  } else if (records.some(({ configured }) => configured === false)) {
    terminal.err('What is not_configured is in the MAIL_TRANSPORTS of this command no more, and gets no mail from workers that have the same.');
  }
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

function stateOf({ configured, pausedAt, backingOff }: Pick<Listed, 'configured' | 'pausedAt' | 'backingOff'>): 'open' | 'backing_off' | 'paused' | 'not_configured' {
  if (configured === false) return 'not_configured';
  if (pausedAt) return 'paused';
  return backingOff ? 'backing_off' : 'open';
}

/** In this order, whatever the database answers. */
function shown(record: Listed): object {
  const { name, configured, pausedAt, pauseReason, backoffUntil, unreachableFrom } = record;
  return {
    name,
    state: stateOf(record),
    configured,
    pausedAt,
    pauseReason,
    backoffUntil,
    unreachableFrom: unreachableFrom.map(({ host, since, backoffUntil: tried }) => ({ host, since, backoffUntil: tried })),
  };
}

function printRecords(records: readonly Listed[], terminal: Terminal): void {
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
