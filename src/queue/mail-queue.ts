import { setTimeout as delay } from 'node:timers/promises';
import { InjectQueue } from '@nestjs/bullmq';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Queue } from 'bullmq';
import type { Lane } from '../core/lanes.js';
import { passing } from '../core/milestones.js';
import { Broker } from './broker.js';

/** The BullMQ queue of a lane. */
export function queueName(lane: Lane): string {
  return `mail-${lane}`;
}

/** Milliseconds between two jobs of one lane; wakes that come in between are joined into the later one. */
const COALESCE_MS = 5;
/** Jobs of a lane that are added without a look whether one waits: to look costs a round trip, before each of them. */
export const UNLOOKED = 16;
/** Milliseconds after which a broker that has not answered counts as down. */
const ANSWER_WITHIN_MS = 1_000;

/**
 * The producer: tells the workers that a lane has due mail. A job carries nothing else, for Redis is clear text.
 * To be called after the commit; whatever happens here, the row is in Postgres and the timer finds it.
 */
@Injectable()
export class MailQueue implements OnApplicationShutdown {
  private readonly queues: Record<Lane, Queue>;
  private readonly busy = new Map<Lane, Promise<void>>();
  private readonly again = new Set<Lane>();
  /** Jobs added since the last look that found none waiting. */
  private readonly added = new Map<Lane, number>();

  constructor(
    private readonly broker: Broker,
    @InjectQueue(queueName('critical')) critical: Queue,
    @InjectQueue(queueName('default')) ordinary: Queue,
    @InjectQueue(queueName('bulk')) bulk: Queue,
    @InjectQueue(queueName('sms')) sms: Queue,
  ) {
    this.queues = { critical, default: ordinary, bulk, sms };
    for (const queue of Object.values(this.queues)) queue.on('error', (error) => broker.wentDown(error));
  }

  /**
   * Never waits and never throws: a broker that is down is reported by health, not by a caller's answer.
   * A wake that comes while a job of the lane is being added is followed by another job, for a worker may
   * already have taken the first one and looked before the caller committed. A job that still waits is enough, however
   * many rows come: whoever takes it does so later than this look, claims after that, and so finds what was committed
   * before. Without a worker they would pile up otherwise; a few may.
   */
  wake(lane: Lane): void {
    if (this.busy.has(lane)) this.again.add(lane);
    else this.busy.set(lane, this.send(lane));
  }

  async onApplicationShutdown(): Promise<void> {
    const hung = delay(ANSWER_WITHIN_MS, undefined, { ref: false });
    await Promise.race([Promise.all(this.busy.values()), hung]);
  }

  private async send(lane: Lane): Promise<void> {
    await this.add(lane);
    while (this.again.delete(lane)) {
      await delay(COALESCE_MS);
      this.again.delete(lane);
      await this.add(lane);
    }
    this.busy.delete(lane); // in the same turn as the last look at `again`
  }

  private async add(lane: Lane): Promise<void> {
    const overdue = setTimeout(
      () => this.broker.wentDown(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)),
      ANSWER_WITHIN_MS,
    );
    passing('waking');
    try {
      const added = this.added.get(lane) ?? 0;
      // No write was seen: whether the broker is up stays as it was.
      if (added >= UNLOOKED && (await this.queues[lane].getWaitingCount()) > 0) return;
      this.added.set(lane, (added % UNLOOKED) + 1);
      await this.queues[lane].add('wake', {});
      this.broker.cameUp();
    } catch (error) {
      this.broker.wentDown(error as Error);
    } finally {
      clearTimeout(overdue);
    }
  }
}
