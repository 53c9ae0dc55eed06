import type { TransportRecord } from '../mail/routing/breaker-records.js';
import { onlyOne } from './arguments.js';
import type { Command } from './command.js';
import { type ExitCode, minute } from './io.js';
import type { Session } from './session.js';

export function declare(program: Command): void {
  const transports = program.command('transports');

  transports
    .command('list')
    .summary('show the transports of mail, and which are paused')
    .synopsis('[--json]')
    .description(
      `Shows every transport that Otpost was started with on this database: whether it is open, having a break or paused, why,
since when, when it is tried next, and which hosts cannot reach it. A second account at one server is numbered, #2.

One that is on record and not in MAIL_TRANSPORTS any more is not_configured. What workers are configured with is not on
record: run this with their environment.`,
    )
    .option('--json', 'print a list of objects; "configured" is null where this command cannot know')
    .onDatabase(list);

  transports
    .command('resume')
    .summary('use a paused transport again, at once')
    .synopsis('NAME [--json]')
    .description(
      `Opens a transport again that is paused or has a break, for all workers and hosts; they notice within seconds, and mail that
waited for it goes out. Paused ones are also tried by themselves, with one message a minute or more often. NAME is what "otpost transports list" shows.`,
    )
    .takes(onlyOne('Name one transport, as "otpost transports list" shows it.'))
    .option('--json', 'print what was done as JSON')
    .onDatabase(resume);
}

interface Listed extends TransportRecord {
  /** Null: this command was started without the transports of the workers, and cannot know. */
  configured: boolean | null;
}

/** Those on record, as far as the configuration that this command sees has them. */
async function list({ io, prisma, settings }: Session): Promise<ExitCode> {
  const { TransportRecords } = await import('../mail/routing/breaker-records.js');
  const { keysOf, allTransports } = await import('../mail/routing/routes.js');
  const records = withConfigured(await new TransportRecords(prisma).list(), keysOf(allTransports(settings)));
  io.list(records, {
    none: 'There is no transport yet: a worker tells of its own when it starts.',
    heading: ['NAME', 'STATE', 'REASON', 'SINCE', 'NEXT TRY', 'CANNOT BE REACHED FROM'],
    row: rowOf,
    shown,
  });
  if (records.some(({ configured }) => configured === null)) io.err(NONE_CONFIGURED);
  else if (records.some(({ configured }) => configured === false)) io.err(NOT_CONFIGURED);
  return 0;
}

const NONE_CONFIGURED =
  'None of these is in the MAIL_TRANSPORTS of this command, so which of them are still used is not known here. Run it with the environment of a worker.';
const NOT_CONFIGURED =
  'What is not_configured is in the MAIL_TRANSPORTS of this command no more, and gets no mail from workers that have the same.';

/**
 * A configuration that has none of those on record is not that of the workers: without MAIL_TRANSPORTS it is the inbox
 * alone.
 */
function withConfigured(records: readonly TransportRecord[], keys: readonly string[]): Listed[] {
  const known = records.some(({ name }) => keys.includes(name));
  return records.map((record) => ({ ...record, configured: known ? keys.includes(record.name) : null }));
}

async function resume(session: Session, _: object, name: string): Promise<ExitCode> {
  const { TransportRecords } = await import('../mail/routing/breaker-records.js');
  const { io, prisma } = session;
  const result = await new TransportRecords(prisma).resume(
    name,
    (work) => session.transaction(work),
    (entry, unit) => session.record(entry, unit),
  );
  switch (result.kind) {
    case 'not_found': {
      const known =
        result.names.length > 0
          ? `There are: ${result.names.join(', ')}.`
          : 'There is none yet: a worker tells of its own when it starts.';
      io.err(`There is no transport "${name}". ${known}`);
      return 1;
    }
    case 'not_paused':
      io.tell({ name, resumed: false, hosts: [] }, `${name} is open; there was nothing to resume.`);
      return 0;
    case 'resumed': {
      const { hosts } = result;
      io.tell(
        { name, resumed: true, hosts },
        `Resumed ${name}${hosts.length > 0 ? `, also for ${hosts.join(', ')}` : ''}.`,
      );
      return 0;
    }
  }
}

function stateOf({ configured, pausedAt, backingOff }: Listed): 'open' | 'backing_off' | 'paused' | 'not_configured' {
  if (configured === false) return 'not_configured';
  if (pausedAt) return 'paused';
  return backingOff ? 'backing_off' : 'open';
}

/** In this order, whatever the database answers. */
function shown(record: Listed): object {
  const { name, configured, pausedAt, pauseReason, backoffUntil, unreachableFrom } = record;
  const hosts = unreachableFrom.map(({ host, since, backoffUntil: tried }) => ({ host, since, backoffUntil: tried }));
  return { name, state: stateOf(record), configured, pausedAt, pauseReason, backoffUntil, unreachableFrom: hosts };
}

function rowOf(record: Listed): string[] {
  const next = record.pausedAt || record.backingOff ? record.backoffUntil : null;
  const hosts = record.unreachableFrom.map(({ host }) => host).join(',') || '-';
  return [record.name, stateOf(record), record.pauseReason ?? '-', minute(record.pausedAt), minute(next), hosts];
}
