import { setTimeout as delay } from 'node:timers/promises';
import type { INestApplicationContext } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';
import { CountingOutbox, DrainByHandModule } from '../mail/drain-by-hand.module.js';
import { DueLanes } from '../mail/due-lanes.js';
import { LaneDrains } from '../mail/lane-drains.js';
import { LanePauses } from '../mail/lane-pauses.js';
import { OutboxRecords } from '../mail/outbox-records.js';
import { ALIVE_WITHIN_MS } from '../queue/worker-registry.js';
import type { ExitCode, Terminal } from './command.js';
import { withDatabaseUrl } from './database.js';
import { Progress } from './progress.js';
import { withMail } from './with-mail.js';

export interface DrainOrder {
  lanes: readonly Lane[];
  /** Milliseconds without any attempt ending after which it gives up. */
  patienceMs: number;
  json: boolean;
}

/** Milliseconds between two drains while something is due that could not be claimed: a rate, a closed transport, others at it. */
const AGAIN_MS = 250;
const SHOW_EVERY_MS = 1_000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Delivers what is due, as a worker would, until nothing is. */
export async function drainByHand(order: DrainOrder, terminal: Terminal): Promise<ExitCode> {
  return withDatabaseUrl(terminal, (url, loaded) => {
    const { settings } = loaded;
    const modules = { more: [DrainByHandModule.forLanes(order.lanes, settings)], poolSize: settings.database.poolSize };
    return withMail(url, loaded, (context) => drain(order, context, terminal), modules);
  });
}

async function drain(order: DrainOrder, context: INestApplicationContext, terminal: Terminal): Promise<ExitCode> {
  const outbox = context.get(CountingOutbox);
  const drains = context.get(LaneDrains);
  const progress = showing(order, outbox, context, terminal);
  const interrupted = new AbortController();
  const interrupt = (): void => interrupted.abort();
  for (const signal of SIGNALS) process.once(signal, interrupt);
  try {
    await untilNothingIsDue(order, outbox, context, interrupted.signal);
    await drains.stop();
  } finally {
    await progress.stop();
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
  return tell(order, outbox, context, interrupted.signal.aborted, terminal);
}

async function untilNothingIsDue({ lanes, patienceMs }: DrainOrder, outbox: CountingOutbox, context: INestApplicationContext, signal: AbortSignal): Promise<void> {
  const [drains, dueLanes] = [context.get(LaneDrains), context.get(DueLanes)];
  // A drain goes on while there is more; to end it in the middle is what `stop` does.
  signal.addEventListener('abort', () => void drains.stop());
  let [ended, movedAt] = [0, performance.now()];
  while (!signal.aborted) {
    await Promise.all(lanes.map((lane) => drains.drain(lane)));
    // What was claimed and has not started would be given back by the end.
    const idle = drains.underWay === 0;
    if (idle && !(await dueLanes.read()).some((lane) => lanes.includes(lane))) return;
    if (!idle || sum(outbox) > ended) [ended, movedAt] = [sum(outbox), performance.now()];
    if (performance.now() - movedAt > patienceMs) return;
    await delay(AGAIN_MS);
  }
}

function showing({ lanes, json }: DrainOrder, outbox: CountingOutbox, context: INestApplicationContext, terminal: Terminal): { stop(): Promise<void> } {
  const progress = new Progress(terminal);
  const records = new OutboxRecords(context.get(PrismaService));
  const done = new AbortController();
  const show = async (): Promise<void> => {
    while (!done.signal.aborted) {
      progress.show(`${endingsOf(outbox)}; ${await dueIn(lanes, records)} due`);
      await delay(SHOW_EVERY_MS, undefined, { signal: done.signal }).catch(() => undefined); // told to end
    }
  };
  // What it shows is a courtesy: the deliveries do not depend on it, and say themselves when Postgres is away.
  const shown = json ? Promise.resolve() : show().catch(() => undefined);
  return {
    stop: async () => {
      done.abort();
      await shown;
      progress.end();
    },
  };
}

async function tell({ lanes, json }: DrainOrder, outbox: CountingOutbox, context: INestApplicationContext, interrupted: boolean, terminal: Terminal): Promise<ExitCode> {
  const prisma = context.get(PrismaService);
  const paused = (await new LanePauses(prisma).list()).map(({ lane }) => lane).filter((lane) => lanes.includes(lane));
  const due = await dueIn(lanes, new OutboxRecords(prisma));
  if (json) terminal.out(JSON.stringify({ endings: Object.fromEntries(outbox.endings), due, paused }));
  else {
    terminal.err(`${endingsOf(outbox)}.`);
    if (due > 0) terminal.err(`${due} still due. ${paused.length > 0 ? `Paused: ${paused.join(', ')}.` : whyDue(interrupted)}`);
  }
  return due === 0 ? 0 : 3;
}

function whyDue(interrupted: boolean): string {
  return interrupted ? 'It was interrupted.' : 'A rate is used up, or no transport is open: otpost doctor';
}

async function dueIn(lanes: readonly Lane[], records: OutboxRecords): Promise<number> {
  const facts = await records.lanes(ALIVE_WITHIN_MS);
  return facts.filter(({ lane }) => lanes.includes(lane)).reduce((all, { due }) => all + due, 0);
}

function sum({ endings }: CountingOutbox): number {
  return [...endings.values()].reduce((all, count) => all + count, 0);
}

function endingsOf({ endings }: CountingOutbox): string {
  return endings.size === 0 ? 'nothing handed over' : [...endings].map(([status, count]) => `${count} ${status}`).join(', ');
}
