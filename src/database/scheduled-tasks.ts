import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { cut } from '../core/input.js';
import type { Logger } from '../core/logger.js';
import { WORKER_NAME } from '../core/process-facts.js';
import type { PrismaService, UnitOfWork } from './prisma.service.js';

type RunEnding =
  | { kind: 'done'; result: string }
  /** The process stopped meanwhile; what is left is for another one. */
  | { kind: 'interrupted'; result: string }
  | { kind: 'failed'; error: string };

/** Milliseconds after which work that failed is tried again at the latest; a daily task must not wait for a day. */
export const AGAIN_WITHIN_MS = 60_000;

/** Milliseconds from the end of a run to the next one: counted from its start, so that slow work keeps its rhythm. */
export function waitUntilNextRun(ending: RunEnding, everyMs: number, tookMs: number): number {
  if (ending.kind === 'interrupted') return 0;
  if (ending.kind === 'failed') return Math.min(everyMs, AGAIN_WITHIN_MS);
  return Math.max(0, everyMs - tookMs);
}

export interface ScheduledTask {
  /** Names its row in `scheduled_tasks`; the same in every process that can run it. */
  readonly name: string;
  /** Milliseconds from one run to the next, whichever process makes it. */
  readonly everyMs: number;
  /**
   * Answers in a few words what it did, such as `3 erased`. May run again after a crash. `signal`: the process stops.
   */
  run(signal: AbortSignal): Promise<string>;
}

/** Milliseconds. */
interface TaskTiming {
  /** Between two looks for tasks that are due. */
  lookEvery: number;
  /** How long a lease lasts unless it is renewed: what a killed process delays its task by. */
  lease: number;
  renewEvery: number;
}

const TIMING: TaskTiming = { lookEvery: 1_000, lease: 15_000, renewEvery: 5_000 };
/** Characters of a result or an error that are kept. */
const TEXT_LIMIT = 500;

/**
 * Periodic work shared by any number of processes: whoever takes the lease of a task's row runs it, and writes down
 * what became of it. Leases instead of session locks, which misbehave on pools; judged by the clock of Postgres.
 */
@Injectable()
export class ScheduledTasks implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly tasks = new Map<string, ScheduledTask>();
  private readonly running = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private looking: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly prisma: PrismaService,
    private readonly log: Logger,
    /** Names this process in the row while it runs the task. */
    private readonly holder = WORKER_NAME,
    private readonly timing = TIMING,
  ) {}

  /** To be called before the application starts, by whoever knows the work. */
  register(...tasks: ScheduledTask[]): void {
    for (const task of tasks) {
      if (this.tasks.has(task.name)) throw new Error(`Two tasks are called ${task.name}.`);
      this.tasks.set(task.name, task);
    }
  }

  /**
   * From the caller's commit on the task is due, in whichever process looks first. One that runs is due again at its
   * end: its time is then another one than that for which the run was taken.
   */
  async makeDue(name: string, { db }: UnitOfWork): Promise<void> {
    await db.$executeRaw`
      UPDATE scheduled_tasks SET next_run_at = CASE
        WHEN lease_until IS NULL THEN now() ELSE greatest(now(), next_run_at + interval '1 millisecond') END
      WHERE name = ${name}`;
  }

  onApplicationBootstrap(): void {
    this.lookNow();
  }

  async onModuleDestroy(): Promise<void> {
    await this.stop();
  }

  /** Takes no more leases, and waits for what is under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    clearTimeout(this.timer);
    await this.looking;
    await Promise.all(this.running.values());
  }

  private lookNow(): void {
    this.looking = this.look().finally(() => {
      if (this.stopping.signal.aborted) return;
      this.timer = setTimeout(() => this.lookNow(), this.timing.lookEvery).unref();
    });
  }

  private async look(): Promise<void> {
    const idle = [...this.tasks.keys()].filter((name) => !this.running.has(name)).sort();
    if (idle.length === 0) return;
    try {
      for (const { name, dueAt } of await this.take(idle)) {
        const run = this.runLeased(this.tasks.get(name)!, dueAt).finally(() => this.running.delete(name));
        this.running.set(name, run);
      }
    } catch (error) {
      this.log.error({ err: error }, 'scheduled work could not be looked up; the next try is in a second');
    }
  }

  /** The leases of those that are due and that nobody holds. A row that is made here is found by the next look. */
  private async take(names: string[]): Promise<{ name: string; dueAt: Date }[]> {
    return this.prisma.statements.query`
      WITH known AS (
        INSERT INTO scheduled_tasks (name) SELECT unnest(${names}::text[]) ORDER BY 1 ON CONFLICT (name) DO NOTHING
      ), due AS (
        SELECT name FROM scheduled_tasks
        WHERE name = ANY(${names}) AND next_run_at <= now() AND (lease_until IS NULL OR lease_until <= now())
        FOR UPDATE SKIP LOCKED
      )
      UPDATE scheduled_tasks t SET
        leased_by = ${this.holder}, lease_until = now() + ${this.timing.lease} * interval '1 millisecond'
      FROM due WHERE t.name = due.name
      RETURNING t.name, t.next_run_at AS "dueAt"`;
  }

  /** Never rejects. */
  private async runLeased(task: ScheduledTask, dueAt: Date): Promise<void> {
    const renewal = setInterval(() => void this.renew(task), this.timing.renewEvery).unref();
    const started = performance.now();
    const ending = await this.end(task);
    clearInterval(renewal);
    await this.record(task, dueAt, ending, Math.round(performance.now() - started));
  }

  private async end(task: ScheduledTask): Promise<RunEnding> {
    try {
      const result = await task.run(this.stopping.signal);
      return { kind: this.stopping.signal.aborted ? 'interrupted' : 'done', result };
    } catch (error) {
      this.log.error({ err: error, task: task.name }, 'scheduled work failed');
      return { kind: 'failed', error: error instanceof Error ? error.message : String(error) };
    }
  }

  private async renew({ name }: ScheduledTask): Promise<void> {
    try {
      await this.prisma.statements.execute`
        UPDATE scheduled_tasks SET lease_until = now() + ${this.timing.lease} * interval '1 millisecond'
        WHERE name = ${name} AND leased_by = ${this.holder}`;
    } catch (error) {
      this.log.error({ err: error, task: name }, 'the lease of scheduled work could not be renewed');
    }
  }

  /**
   * Only for the holder: a process that slept past its lease must not end a run that is another's by now.
   * @param dueAt its time when it was taken; another one was set meanwhile, and stands
   */
  private async record(
    { name, everyMs }: ScheduledTask,
    dueAt: Date,
    ending: RunEnding,
    tookMs: number,
  ): Promise<void> {
    const waitMs = waitUntilNextRun(ending, everyMs, tookMs);
    try {
      const recorded = await this.prisma.statements.execute`
        UPDATE scheduled_tasks SET
          last_run_at = now() - ${tookMs} * interval '1 millisecond', last_took_ms = ${tookMs},
          last_result = ${ending.kind === 'failed' ? null : cut(ending.result, TEXT_LIMIT)},
          last_error = ${ending.kind === 'failed' ? cut(ending.error, TEXT_LIMIT) : null},
          next_run_at = CASE next_run_at WHEN ${dueAt}::timestamptz THEN now() + ${waitMs} * interval '1 millisecond' ELSE next_run_at END,
          leased_by = NULL, lease_until = NULL
        WHERE name = ${name} AND leased_by = ${this.holder}`;
      if (recorded === 0)
        this.log.warn({ task: name }, 'scheduled work outlived its lease, and another process took it');
    } catch (error) {
      this.log.error(
        { err: error, task: name },
        'the result of scheduled work could not be recorded; it will run again',
      );
    }
  }
}
