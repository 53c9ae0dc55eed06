import { setTimeout as delay } from 'node:timers/promises';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { Queue, type QueueOptions, Worker } from 'bullmq';
import type { Lane } from '../core/lanes.js';
import type { Logger } from '../core/logger.js';
import type { Broker } from './broker.js';
import { refusalOf } from './redis-state.js';
import type { WorkerRegistry } from './worker-registry.js';

/** Canaries in a row that a broker took and this process did not process, before it counts as stuck. */
export const MISSED_UNTIL_STUCK = 3;

/**
 * What canaries tell about a worker. A worker is stuck when the broker takes its canaries and they come back to nobody,
 * several in a row: a broker that is away, or has just come back, never makes a healthy worker look dead.
 */
export class CanaryPolicy {
  private missed = 0;
  private underWay = false;
  private heard = false;

  /** The broker took a canary. */
  sent(): void {
    this.underWay = true;
  }

  /** This process got one back through the broker: whatever was missed is forgiven. */
  processed(): void {
    this.underWay = false;
    this.missed = 0;
    this.heard = true;
  }

  /** The broker did not take the canary: from now on finished drains tell that the worker lives. */
  brokerFailed(): void {
    this.underWay = false;
    this.missed = 0;
    this.heard = false;
  }

  /** To be asked before the next canary is sent. */
  judge(): 'well' | 'stuck' {
    if (this.underWay) this.missed++;
    this.underWay = false;
    return this.missed >= MISSED_UNTIL_STUCK ? 'stuck' : 'well';
  }

  /** Whether drains write the heartbeat: until a canary makes its way, at the start and after an outage. */
  get drainsCount(): boolean {
    return !this.heard;
  }
}

/** BullMQ allows no colon in the name of a queue. */
export function canaryQueueName(worker: string): string {
  return `canary-${worker.replaceAll(':', '-')}`;
}

/** What dead workers leave behind: a row of `workers`, and a queue that nobody works. */
export class CanaryQueues {
  constructor(
    private readonly registry: WorkerRegistry,
    private readonly broker: Broker,
    /** Keeps apart deployments that share a Redis. */
    readonly prefix: QueueOptions['prefix'],
  ) {}

  /**
   * The queue first: the row is what tells of it. Returns how many workers were forgotten. Rejects while the broker is
   * down.
   */
  async removeOfDead(silentMs: number): Promise<number> {
    const dead = await this.registry.deadFor(silentMs);
    for (const name of dead) {
      await this.remove(canaryQueueName(name));
      await this.registry.removeDead(name, silentMs);
    }
    return dead.length;
  }

  private async remove(name: string): Promise<void> {
    // Without its description, which BullMQ writes beside other calls and may write after the removal.
    const queue = new Queue(name, { connection: this.broker.producer, prefix: this.prefix, skipMetasUpdate: true });
    queue.on('error', (error) => this.broker.wentDown(error));
    try {
      await queue.obliterate({ force: true });
    } finally {
      await queue.close();
    }
  }
}

interface CanaryOptions {
  /** Of this worker, as in `workers`. */
  name: string;
  lanes: readonly Lane[];
  /** Those of them that it works at this moment; without it all. */
  worked?: (lanes: readonly Lane[]) => Promise<readonly Lane[]>;
  prefix: QueueOptions['prefix'];
  /** Called once, when the broker takes canaries and this process does not process them. */
  onStuck: () => void;
  timing?: CanaryTiming;
}

/** Milliseconds. */
export interface CanaryTiming {
  every: number;
  /** Within which the broker has to take a canary; slower counts as down. */
  answerWithin: number;
}

const TIMING: CanaryTiming = { every: 5_000, answerWithin: 1_000 };
/** Milliseconds after which a consumer that lost the broker asks again; BullMQ's own 15 s would cost three canaries. */
const RETRY_MS = 1_000;
/** Milliseconds for taking the queue away at shutdown; what stays is removed by the others. */
const REMOVE_WITHIN_MS = 2_000;

/**
 * Proves that this worker works, and says so in `workers`: a job of its own queue, which nobody pauses, goes through
 * the broker and back every 5 s. With the broker down a finished drain says it.
 */
export class Canary implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly policy = new CanaryPolicy();
  private readonly timing: CanaryTiming;
  private readonly queue: Queue;
  private worker: Worker | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private beating: Promise<void> | undefined;
  private cleared = false;
  private hasBeaten = false;
  private lastBeat = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly registry: WorkerRegistry,
    private readonly broker: Broker,
    private readonly log: Logger,
    private readonly options: CanaryOptions,
  ) {
    this.timing = options.timing ?? TIMING;
    this.queue = new Queue(canaryQueueName(options.name), {
      connection: broker.producer,
      prefix: options.prefix,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
    });
    this.queue.on('error', (error) => broker.wentDown(error));
  }

  onApplicationBootstrap(): void {
    const { prefix } = this.options;
    this.worker = new Worker(
      this.queue.name,
      // Not awaited: the slot proves that jobs come through, and must not wait for Postgres.
      async () => this.processed(),
      { connection: this.broker.consumer, prefix, concurrency: 1, runRetryDelay: RETRY_MS, skipStalledCheck: true },
    );
    this.worker.on('error', (error) => {
      // A full Redis may take the canary and refuse to hand it out.
      if (refusalOf(error) !== undefined) this.policy.brokerFailed();
      this.broker.wentDown(error);
    });
    void this.tick();
  }

  /** Told by the timer when a drain went through, or waits for its own deliveries: Postgres and this process work. */
  drained(): void {
    if (this.policy.drainsCount && performance.now() - this.lastBeat >= this.timing.every) this.beat();
  }

  /** A worker that claims nothing more is none, however long it takes to finish what it has. */
  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.beating;
    const gone = Promise.all([this.leave(), this.removeQueue()]);
    await Promise.race([gone, delay(REMOVE_WITHIN_MS, undefined, { ref: false })]);
  }

  private async tick(): Promise<void> {
    if (this.policy.judge() === 'stuck') {
      this.log.fatal(
        { worker: this.options.name },
        'the broker answers but this worker gets nothing from it; it ends, to be started anew',
      );
      this.stopped = true;
      this.options.onStuck();
      return;
    }
    const next = performance.now() + this.timing.every;
    await this.send();
    if (!this.stopped) this.timer = setTimeout(() => void this.tick(), next - performance.now());
  }

  private async send(): Promise<void> {
    try {
      // Before the job can be back: a canary that is processed while `add` returns has been sent.
      this.policy.sent();
      await this.withinTime(this.add());
      this.broker.cameUp();
    } catch (error) {
      if (this.stopped) return;
      this.policy.brokerFailed();
      this.broker.wentDown(error as Error);
    }
  }

  /** The queue of a former life under this name may have been left paused. */
  private async add(): Promise<void> {
    if (!this.cleared) await this.queue.obliterate({ force: true });
    this.cleared = true;
    await this.queue.add('canary', {});
  }

  private async withinTime(added: Promise<unknown>): Promise<void> {
    const { answerWithin } = this.timing;
    const inTime = new AbortController();
    const overdue = delay(answerWithin, undefined, { signal: inTime.signal }).then(() => {
      throw new Error(`no answer within ${answerWithin} ms`);
    });
    try {
      await Promise.race([added, overdue]);
    } finally {
      inTime.abort();
    }
  }

  private processed(): void {
    this.policy.processed();
    this.beat();
  }

  /** One at a time, so that a Postgres that hangs does not gather them. */
  private beat(): void {
    if (this.stopped) return;
    this.beating ??= this.write().finally(() => (this.beating = undefined));
  }

  private async write(): Promise<void> {
    const started = performance.now();
    try {
      const { name, lanes, worked } = this.options;
      await this.registry.beat(name, worked ? await worked(lanes) : lanes, !this.hasBeaten);
      this.hasBeaten = true;
      this.lastBeat = started;
    } catch (error) {
      this.log.error({ err: error }, 'the heartbeat could not be written; the next one is due in 5 s');
    }
  }

  private async leave(): Promise<void> {
    try {
      await this.registry.leave(this.options.name);
    } catch (error) {
      this.log.warn({ err: error }, 'this worker could not sign off; its heartbeat runs out instead');
    }
  }

  private async removeQueue(): Promise<void> {
    try {
      await this.worker?.close();
      await this.queue.obliterate({ force: true });
      await this.queue.close();
    } catch (error) {
      this.log.info({ reason: (error as Error).message }, 'the canary queue could not be removed; another worker will');
    }
  }
}
