import { setTimeout as delay } from 'node:timers/promises';
import { type Lane, LANES } from '../core/lanes.js';
import type { LaneFacts } from '../mail/outbox/records.js';
import type { CountingOutbox } from '../mail/worker/delivery.module.js';
import type { LaneDrains } from '../mail/worker/lane-drains.js';
import { lanesIn, oneLine, time, UsageError } from './arguments.js';
import type { Command } from './command.js';
import { type ExitCode, type Io, minute, Progress } from './io.js';
import type { Session } from './session.js';
import type { MailSession } from './with-mail.js';

const MAX_REASON = 200;
const DEFAULT_PATIENCE_MS = 30_000;

export function declare(program: Command): void {
  const queue = program.command('queue');

  queue
    .command('stats')
    .summary('show what each lane has to do, who works it, and whether it is paused')
    .synopsis('[--json]')
    .description(
      `Shows for each lane how many messages are due and how long the oldest has waited, how many wait for later, how many are
being sent, how many live workers work it, and whether it is paused.`,
    )
    .option('--json', 'print a list of objects')
    .onDatabase(stats);

  queue
    .command('pause')
    .summary('deliver nothing of a lane until it is resumed')
    .synopsis('LANE… [--reason TEXT] [--yes] [--json]')
    .description(
      `No process delivers the lanes any more: no worker, no web process that stands in for one, no "queue drain". What was
claimed goes out, which takes seconds. Mail is accepted all the same and waits; codes expire meanwhile. LANE is one of
${LANES.join(', ')}.`,
    )
    .takes(namedLanes)
    .option('--reason <TEXT>', 'why, for those who find it paused', oneLine('--reason', MAX_REASON))
    .option('--yes', 'do not ask')
    .option('--json', 'print what was done as JSON')
    .onDatabase(pause);

  queue
    .command('resume')
    .summary('deliver a paused lane again')
    .synopsis('[LANE…] [--json]')
    .description('Delivers paused lanes again, all of them unless some are named. Workers notice within two seconds.')
    .takes(lanesIn)
    .option('--json', 'print what was done as JSON')
    .onDatabase(resume);

  queue
    .command('drain')
    .summary('deliver what is due now, from this command')
    .synopsis('[LANE…] [--patience TIME] [--json]')
    .description(
      `Delivers what is due at this moment, beside the workers or in place of them, and shows how far it is. Of all lanes unless
some are named; paused ones stay. It uses the transports, rates and secrets of the environment it is started in, as a
worker would. Ctrl-C finishes what is under way and gives back the rest.`,
    )
    .takes(lanesIn)
    .option(
      '--patience <TIME>',
      'give up when nothing has moved for so long, such as 30s (the default) or 5min',
      time('--patience'),
      DEFAULT_PATIENCE_MS,
    )
    .option('--json', 'print what was done as JSON')
    .remark(
      `Exit codes: 0 nothing is due any more, 3 some mail still is (and why is told), 1 it could not begin. How the attempts
ended is in the numbers: what failed is not due.`,
    )
    .does(drain);
}

function namedLanes(names: string[]): Lane[] {
  if (names.length === 0) throw new UsageError(`Name the lanes: ${LANES.join(', ')}.`);
  return lanesIn(names);
}

/** What each lane has to do. */
async function factsOf({ prisma }: Session): Promise<LaneFacts[]> {
  const { OutboxRecords } = await import('../mail/outbox/records.js');
  return new OutboxRecords(prisma).lanes();
}

async function stats(session: Session): Promise<ExitCode> {
  const facts = await factsOf(session);
  if (session.io.json) session.io.out(JSON.stringify(facts));
  else session.io.table(laneTable(facts));
  return 0;
}

export function laneTable(facts: readonly LaneFacts[]): string[][] {
  const rows = facts.map(({ lane, due, oldestDueSeconds, later, sending, workers, pausedAt, pauseReason }) => {
    const oldest = due > 0 ? `${oldestDueSeconds} s` : '-';
    return [lane, String(due), oldest, ...[later, sending, workers].map(String), minute(pausedAt), pauseReason ?? '-'];
  });
  return [['LANE', 'DUE', 'OLDEST DUE', 'LATER', 'SENDING', 'WORKERS', 'PAUSED', 'REASON'], ...rows];
}

async function pause(
  session: Session,
  { reason = null }: { reason?: string | null },
  lanes: Lane[],
): Promise<ExitCode> {
  const { LanePauses } = await import('../mail/outbox/changes.js');
  const { io, prisma } = session;
  if (!(await io.confirmed(`Deliver nothing of ${lanes.join(', ')} until resumed?${codesMissed(lanes)}`))) return 1;
  const paused = await session.transaction(async (unit) => {
    const changed = await new LanePauses(prisma).pause(lanes, reason, unit);
    for (const id of changed)
      await session.record({ action: 'lane.paused', target: { kind: 'lane', id }, details: { reason } }, unit);
    return changed;
  });
  const words = `Paused ${paused.join(', ')}. To go on: otpost queue resume ${paused.join(' ')}`;
  io.tell({ paused }, paused.length > 0 ? words : 'Paused already.');
  return 0;
}

/** Of mail or of texts: while only texts wait, people sign in by mail. */
function codesMissed(lanes: readonly Lane[]): string {
  if (lanes.includes('critical')) return ' Nobody can sign in by code meanwhile.';
  return lanes.includes('sms') ? ' No code goes by SMS meanwhile.' : '';
}

async function resume(session: Session, _: object, lanes: Lane[]): Promise<ExitCode> {
  const { LanePauses } = await import('../mail/outbox/changes.js');
  const { io, prisma } = session;
  const resumed = await session.transaction(async (unit) => {
    const changed = await new LanePauses(prisma).resume(lanes, unit);
    for (const id of changed) await session.record({ action: 'lane.resumed', target: { kind: 'lane', id } }, unit);
    return changed;
  });
  io.tell(
    { resumed },
    resumed.length > 0 ? `Resumed ${resumed.join(', ')}.` : 'None was paused; there was nothing to resume.',
  );
  return 0;
}

/**
 * Milliseconds between two drains while something is due that could not be claimed: a rate, a closed transport, others
 * at it.
 */
const AGAIN_MS = 250;
const SHOW_EVERY_MS = 1_000;

/** What a drain works with. */
interface Draining {
  session: MailSession;
  lanes: readonly Lane[];
  /** Milliseconds without any attempt ending after which it gives up. */
  patience: number;
  outbox: CountingOutbox;
  drains: LaneDrains;
}

/** Delivers what is due, as a worker would, until nothing is. */
async function drain(io: Io, { patience }: { patience: number }, lanes: Lane[]): Promise<ExitCode> {
  const { withMail } = await import('./with-mail.js');
  const { CountingOutbox: Outbox, DrainByHandModule } = await import('../mail/worker/delivery.module.js');
  const { LaneDrains: Drains } = await import('../mail/worker/lane-drains.js');
  const work = async (session: MailSession): Promise<ExitCode> => {
    const draining = { session, lanes, patience, outbox: session.get(Outbox), drains: session.get(Drains) };
    const progress = showing(draining);
    const interrupted = await io.terminal.interruptible(async (signal) => {
      try {
        await untilNothingIsDue(draining, signal);
        await draining.drains.stop();
      } finally {
        await progress.stop();
      }
      return signal.aborted;
    });
    return tell(draining, interrupted);
  };
  return withMail(io, work, (settings) => ({
    more: [DrainByHandModule.forLanes(lanes, settings)],
    poolSize: settings.database.poolSize,
  }));
}

async function untilNothingIsDue(
  { session, lanes, patience, outbox, drains }: Draining,
  signal: AbortSignal,
): Promise<void> {
  const { OutboxRecords } = await import('../mail/outbox/records.js');
  const records = session.get(OutboxRecords);
  // A drain goes on while there is more; to end it in the middle is what `stop` does.
  signal.addEventListener('abort', () => void drains.stop());
  let [ended, movedAt] = [0, performance.now()];
  while (!signal.aborted) {
    await Promise.all(lanes.map((lane) => drains.drain(lane)));
    // What was claimed and has not started would be given back by the end.
    const idle = drains.underWay === 0;
    if (idle && !(await records.dueLanes()).some((lane) => lanes.includes(lane))) return;
    if (!idle || sum(outbox) > ended) [ended, movedAt] = [sum(outbox), performance.now()];
    if (performance.now() - movedAt > patience) return;
    await delay(AGAIN_MS);
  }
}

function showing({ session, lanes, outbox }: Draining): { stop(): Promise<void> } {
  const progress = new Progress(session.io);
  const done = new AbortController();
  const show = async (): Promise<void> => {
    while (!done.signal.aborted) {
      progress.show(`${endingsOf(outbox)}; ${await dueIn(lanes, session)} due`);
      await delay(SHOW_EVERY_MS, undefined, { signal: done.signal }).catch(() => undefined); // told to end
    }
  };
  // What it shows is a courtesy: the deliveries do not depend on it, and say themselves when Postgres is away.
  const shown = session.io.json ? Promise.resolve() : show().catch(() => undefined);
  return {
    stop: async () => {
      done.abort();
      await shown;
      progress.end();
    },
  };
}

async function tell({ session, lanes, outbox }: Draining, interrupted: boolean): Promise<ExitCode> {
  const { LanePauses } = await import('../mail/outbox/changes.js');
  const { io, prisma } = session;
  const paused = (await new LanePauses(prisma).list()).map(({ lane }) => lane).filter((lane) => lanes.includes(lane));
  const due = await dueIn(lanes, session);
  const why = paused.length > 0 ? `Paused: ${paused.join(', ')}.` : whyDue(interrupted);
  const words = [`${endingsOf(outbox)}.`, ...(due > 0 ? [`${due} still due. ${why}`] : [])];
  io.tell({ endings: Object.fromEntries(outbox.endings), due, paused }, ...words);
  return due === 0 ? 0 : 3;
}

function whyDue(interrupted: boolean): string {
  return interrupted ? 'It was interrupted.' : 'A rate is used up, or no transport is open: otpost doctor';
}

async function dueIn(lanes: readonly Lane[], session: Session): Promise<number> {
  const facts = await factsOf(session);
  return facts.filter(({ lane }) => lanes.includes(lane)).reduce((all, { due }) => all + due, 0);
}

function sum({ endings }: CountingOutbox): number {
  return [...endings.values()].reduce((all, count) => all + count, 0);
}

function endingsOf({ endings }: CountingOutbox): string {
  return endings.size === 0
    ? 'nothing handed over'
    : [...endings].map(([status, count]) => `${count} ${status}`).join(', ');
}
