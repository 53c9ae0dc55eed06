import { LOWEST_UUID } from '../core/ids.js';
import { type Lane, LANES } from '../core/lanes.js';
import type {
  CANCELLABLE as Cancellable,
  Resolution,
  RESOLUTIONS as Resolutions,
  RETRYABLE as Retryable,
  TransitionResult,
} from '../mail/outbox/changes.js';
import type { EmailFilter } from '../mail/outbox/search-statement.js';
import { eitherOf, laneIn, moment, oneOf, UsageError } from './arguments.js';
import type { Command } from './command.js';
import { type ExitCode, type Io, Progress } from './io.js';
import { declareReading, idIn } from './outbox-reading.js';
import { laneTable } from './queue.js';
import type { Session } from './session.js';
import type { MailSession } from './with-mail.js';

// Said again, for to import them would load Prisma; the compiler keeps them the same.
const CANCELLABLE: typeof Cancellable = ['scheduled', 'queued', 'deferred'];
const RETRYABLE: typeof Retryable = ['failed', 'deferred'];

const RESOLUTIONS: typeof Resolutions = ['sent', 'not_sent', 'failed'];

export function declare(program: Command): void {
  const outbox = program.command('outbox');

  outbox
    .command('stats')
    .summary('count the messages by state and lane, and check the ledger')
    .synopsis('[--json]')
    .description(
      `Shows how many messages there ever were in each state, what each lane still has to do and how long its oldest due message
has waited, and whether the ledger adds up: every message that was accepted is in exactly one state.`,
    )
    .option('--json', 'print one document: {accepted, states, imbalance, lanes}')
    .remark('Exit codes: 0 the ledger adds up, 1 it does not (a bug of Otpost).')
    .onDatabase(stats);

  declareReading(outbox);

  const selecting = (command: Command, statuses: string): Command =>
    command
      .takes((ids) => ids)
      .option('--status <STATUS>', statuses)
      .option('--lane <LANE>', `of those: ${LANES.join(', ')}`, laneIn)
      .option('--since <TIME>', 'of those: accepted at or after, such as 2030-01-31T09:00:00Z', moment('--since'))
      .option('--yes', 'do not ask')
      .option('--json', 'print what was done as JSON')
      .remark('Exit codes: 0 all were, 1 some of those named were not, and why is told.');

  selecting(outbox.command('retry'), 'all that failed, or all that wait for their next attempt')
    .summary('send messages again that failed, at once')
    .synopsis('ID… [--json]', '--status failed|deferred [--lane LANE] [--since TIME] [--yes] [--json]')
    .description(
      `Puts failed or deferred messages into the queue again, due at once, with at least one attempt left. Of many, those are
passed over whose content was erased, that have expired, or whose recipient is on the suppression list.`,
    )
    .does((io, flags: Flags, ids: string[]) => change('retry', io, flags, ids));

  selecting(outbox.command('cancel'), 'all in that state; all that wait unless it is given')
    .summary('never send messages that still wait')
    .synopsis(
      'ID… [--json]',
      `--status ${CANCELLABLE.join('|')} [--lane LANE] [--since TIME] [--yes] [--json]`,
      '--lane LANE [--since TIME] [--yes] [--json]',
    )
    .description(
      `Cancels messages that have not been handed over: scheduled, queued or deferred. What is being sent at this moment is not
stopped. It cannot be undone.`,
    )
    .does((io, flags: Flags, ids: string[]) => change('cancel', io, flags, ids));

  outbox
    .command('resolve')
    .summary('say what became of messages whose outcome is unknown')
    .synopsis(`ID… --as ${RESOLUTIONS.join('|')} [--json]`)
    .description(
      `Tells what is known of messages in the state "unknown": that they were sent, that they failed for good, or that they were
not sent, so that they are sent again.`,
    )
    .takes((ids) => ids)
    .option('--as <OUTCOME>', RESOLUTIONS.join(', '), oneOf('outcome', RESOLUTIONS))
    .option('--json', 'print what was done as JSON')
    .remark('Exit codes: 0 all were, 1 some of them were not, and why is told.')
    .needs('as', `Say with --as what became of them: ${RESOLUTIONS.join(', ')}.`)
    .does(resolve);

  outbox
    .command('purge')
    .summary('remove messages that are over, with their timelines')
    .synopsis('--older-than 30d [--yes] [--json]')
    .description(
      `Removes the record of messages that are over and were accepted longer ago than that, as RETENTION_DAYS does each day.
What still waits, and what is unknown, stays; the ledger goes on counting all. It cannot be undone.`,
    )
    .option('--older-than <DAYS>', 'such as 30d; at least 1d', daysIn)
    .option('--yes', 'do not ask')
    .option('--json', 'print what was done as JSON')
    .needs('olderThan', 'Say how old with --older-than, such as 30d.')
    .onDatabase(purge);
}

const MOST_DAYS = 36_500;

function daysIn(text: string): number {
  const days = /^[1-9]\d{0,4}d$/.test(text) ? Number(text.slice(0, -1)) : Infinity;
  if (days <= MOST_DAYS) return days;
  throw new UsageError(`--older-than is a number of days from 1d to ${MOST_DAYS}d, such as 30d.`);
}

async function stats({ io, prisma }: Session): Promise<ExitCode> {
  const { Ledger } = await import('../mail/outbox/ledger.js');
  const { OutboxRecords } = await import('../mail/outbox/records.js');
  const [ledger, lanes] = await Promise.all([new Ledger(prisma).read(), new OutboxRecords(prisma).lanes()]);
  if (io.json) io.out(JSON.stringify({ ...ledger, lanes }));
  else {
    const states = Object.entries({ ...ledger.states, all: ledger.accepted });
    io.table([['STATE', 'MESSAGES'], ...states.map(([state, count]) => [state, String(count)])]);
    io.out('');
    io.table(laneTable(lanes));
  }
  if (ledger.imbalance === 0) return 0;
  io.err(
    `The ledger is off by ${ledger.imbalance}: a message was lost or doubled. This is a bug of Otpost; please report it.`,
  );
  return 1;
}

type Verb = 'retry' | 'cancel';
const STATUSES_FOR: Record<Verb, NonNullable<EmailFilter['statuses']>> = { retry: RETRYABLE, cancel: CANCELLABLE };
const ACTIONS = { retry: 'email.retried', cancel: 'email.cancelled', resolve: 'email.resolved' };
const DONE = { retry: 'queued again', cancel: 'cancelled', resolve: 'resolved' };
const PARTICIPLES = { retry: 'retried', cancel: 'cancelled', resolve: 'resolved' };

/** Which messages are meant. */
type Selection = Pick<EmailFilter, 'lane' | 'since'> & Required<Pick<EmailFilter, 'statuses'>>;

interface Flags {
  status?: string;
  lane?: Lane;
  since?: Date;
}

/** Changes either messages by their ids, or a selection. */
async function change(verb: Verb, io: Io, flags: Flags, ids: readonly string[]): Promise<ExitCode> {
  const selection = selectionIn(verb, flags, ids);
  const { withMail } = await import('./with-mail.js');
  return withMail(io, (session) =>
    selection ? changeSelected(verb, selection, session) : changeNamed(verb, ids, session),
  );
}

async function resolve(io: Io, { as }: { as: Resolution }, ids: readonly string[]): Promise<ExitCode> {
  if (ids.length === 0)
    throw new UsageError('Name messages by their ids; "otpost outbox list --status unknown" shows them.');
  ids.forEach(idIn);
  const { withMail } = await import('./with-mail.js');
  return withMail(io, (session) => changeNamed('resolve', ids, session, as));
}

/** Undefined: those are changed that are named. @throws UsageError */
function selectionIn(verb: Verb, { status, lane, since }: Flags, ids: readonly string[]): Selection | undefined {
  const statuses = STATUSES_FOR[verb];
  const selective = status !== undefined || lane !== undefined || since !== undefined;
  if (ids.length > 0 === selective) throw new UsageError('Name messages by their ids, or say which with --status.');
  ids.forEach(idIn);
  if (!selective) return undefined;
  if (status !== undefined) return { statuses: [eitherOf('--status', statuses)(status)], lane, since };
  if (verb === 'retry') throw new UsageError(`Say with --status whether ${statuses.join(' or ')}.`);
  return { statuses, lane, since };
}

/** Each in a transaction of its own, with its line in the record of who did what. */
async function changeNamed(
  verb: Verb | 'resolve',
  ids: readonly string[],
  session: MailSession,
  as?: Resolution,
): Promise<ExitCode> {
  const { Transitions } = await import('../mail/outbox/changes.js');
  const { io } = session;
  const results: { id: string; result: string }[] = [];
  for (const id of new Set(ids)) {
    const result = await session.transaction(async (unit) => {
      const transitions = session.get(Transitions);
      const changed = await (verb === 'resolve' ? transitions.resolve(id, as!, unit) : transitions[verb](id, unit));
      const done = { action: ACTIONS[verb], target: { kind: 'email', id }, ...(as ? { details: { as } } : {}) };
      if (changed.kind === 'done') await session.record(done, unit);
      return changed;
    });
    if (!io.json) io.err(`${id}: ${wordsFor(verb, result)}`);
    results.push({ id, result: result.kind });
  }
  if (io.json) io.out(JSON.stringify(results));
  return results.every(({ result }) => result === 'done') ? 0 : 1;
}

function wordsFor(verb: Verb | 'resolve', result: TransitionResult): string {
  switch (result.kind) {
    case 'done':
      return verb === 'resolve' ? `${DONE[verb]}, it is ${result.status} now` : DONE[verb];
    case 'not_found':
      return 'there is no such message';
    case 'content_erased':
      return 'its content was erased, so that it cannot be sent again';
    case 'invalid_state':
      return `it is ${result.status}, which cannot be ${PARTICIPLES[verb]}`;
  }
}

/** Batch by batch, each with its line in the record of who did what: one that is killed leaves none untold. */
async function changeSelected(verb: Verb, selection: Selection, session: MailSession): Promise<ExitCode> {
  const { changeNext, prospectOf } = await import('../mail/outbox/batch-changes.js');
  const { CANCEL, RETRY } = await import('../mail/outbox/changes.js');
  const { OutboxSearch } = await import('../mail/outbox/search.js');
  const { MailQueue } = await import('../queue/mail-queue.js');
  const { io, prisma } = session;
  const change = verb === 'retry' ? RETRY : CANCEL;
  const found = await session.transaction((unit) => prospectOf(selection, change, unit));
  const { count, over, suppressed, lastId } = found;
  const question = verb === 'retry' ? `Send ${messages(count)} again?` : `Cancel ${messages(count)}, for good?`;
  if (count > 0 && !(await io.confirmed(question))) return 1;
  const parts = { search: new OutboxSearch(prisma), queue: session.get(MailQueue) };
  const { statuses, lane = null, since } = selection;
  const which = { statuses: statuses.join(' '), lane, since: since?.toISOString() ?? null };
  const changed = await inBatches(io, { count, after: found.after, words: DONE[verb] }, (after, most) =>
    session.transaction(async (unit) => {
      const batch = await changeNext(parts, selection, change, { after, lastId: lastId!, most }, unit);
      const details = { changed: batch.changed, ...which };
      if (batch.changed > 0) await session.record({ action: ACTIONS[verb], details }, unit);
      return batch;
    }),
  );
  const words = [
    `${messages(changed)} ${DONE[verb]}.`,
    ...passedOver(over, 'expired, or the content was erased'),
    ...passedOver(suppressed, 'the address gets no such mail (otpost suppressions list)'),
  ];
  io.tell({ changed, passedOver: over + suppressed, suppressed }, words.join(' '));
  return 0;
}

function passedOver(count: number, why: string): string[] {
  return count > 0 ? [`${messages(count)} passed over: ${why}.`] : [];
}

async function purge(session: Session, { olderThan: days }: { olderThan: number }): Promise<ExitCode> {
  const { MailRetention, walkMessages } = await import('../mail/outbox/retention.js');
  const { io, prisma } = session;
  const retention = new MailRetention(prisma);
  const { signal } = new AbortController();
  const progress = new Progress(io);
  let looked = 0;
  const count = await walkMessages(
    signal,
    (after, limit) => {
      progress.show(`${looked} messages looked at`);
      looked += limit;
      return retention.countMessages(days, after, limit);
    },
    COUNTED_AT_ONCE,
  );
  progress.end();
  const question = `Remove ${messages(count)} that ${count === 1 ? 'is' : 'are'} over and older than ${days} days, for good?`;
  if (count > 0 && !(await io.confirmed(question))) return 1;
  const removed = await inBatches(io, { count, after: LOWEST_UUID, words: 'removed' }, (after, most) =>
    session.transaction(async (unit) => {
      const { done: changed, last: next } = await retention.removeMessages(days, after, REMOVED_AT_ONCE, {
        most,
        unit,
      });
      const details = { removed: changed, days };
      if (changed > 0) await session.record({ action: 'outbox.purged', details }, unit);
      return { changed, next };
    }),
  );
  io.tell({ removed }, `${messages(removed)} removed.`);
  return 0;
}

/** Messages that one statement looks at to count them. */
const COUNTED_AT_ONCE = 10_000;
/** And to remove them. */
const REMOVED_AT_ONCE = 1_000;

/**
 * Walks through messages, and changes no more of them than were counted and agreed to: what fails again meanwhile is
 * not chased.
 */
async function inBatches<After extends string | undefined>(
  io: Io,
  { count, after, words }: { count: number; after: After; words: string },
  step: (after: After | string, most: number) => Promise<{ changed: number; next: string | null }>,
): Promise<number> {
  const progress = new Progress(io);
  let all = 0;
  for (let at: After | string | null = after; at !== null && all < count;) {
    const { changed, next } = await step(at, count - all);
    all += changed;
    at = next;
    progress.show(`${all} of ${count} ${words}`);
  }
  progress.end();
  return all;
}

function messages(count: number): string {
  return count === 1 ? '1 message' : `${count} messages`;
}
