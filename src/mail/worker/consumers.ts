import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy, type Type } from '@nestjs/common';
import type { WorkerOptions } from 'bullmq';
import type { Lane } from '../../core/lanes.js';
import { Logger } from '../../core/logger.js';
import { Broker } from '../../queue/broker.js';
import { Canary } from '../../queue/canary.js';
import { queueName } from '../../queue/mail-queue.js';
import { LaneDrains } from './lane-drains.js';

/** Milliseconds after which a consumer that the broker refused asks again; BullMQ's own 15 s outlast most outages. */
const RETRY_MS = 1_000;

/** The consumer: a job says that a lane has due mail, and is done when none is left to claim. */
@Injectable() // without a decorator of its own, what its subclasses are given is not known
abstract class MailProcessor extends WorkerHost implements OnModuleDestroy {
  protected abstract readonly lane: Lane;

  constructor(
    private readonly drains: LaneDrains,
    private readonly broker: Broker,
  ) {
    super();
  }

  async process(): Promise<void> {
    await this.drains.drain(this.lane);
  }

  /**
   * Takes no further job, for a drain that stops would swallow its wake. Closing waits for the connection to say
   * goodbye, for ever when the broker is down; then it is cut. Nest closes the worker once more later, and BullMQ
   * remembers the first call.
   */
  async onModuleDestroy(): Promise<void> {
    await this.worker.pause(true);
    await this.drains.stop();
    await this.worker.close(!this.broker.state.up);
  }

  /** What BullMQ's worker cannot tell a caller; without a listener it would print it. */
  @OnWorkerEvent('error')
  failed(error: Error): void {
    this.broker.wentDown(error);
  }
}

/**
 * BullMQ binds a processor to one queue, hence a class a lane. One job at a time: a drain fills all its slots itself.
 */
export function mailProcessorFor(lane: Lane, broker: Broker): Type<WorkerHost> {
  const options: Partial<WorkerOptions> = { connection: broker.consumer, concurrency: 1, runRetryDelay: RETRY_MS };

  @Processor(queueName(lane), options)
  class LaneProcessor extends MailProcessor {
    protected readonly lane = lane;
  }
  return LaneProcessor;
}

/** Milliseconds between two drains: for rows that fall due, and for wakes that were lost. */
const EVERY_MS = 2_000;
/** The same while the broker is down and the timer is all there is. */
const EVERY_MS_WITHOUT_BROKER = 1_000;

/** Runs the same drain as a job does, whatever the broker does. */
@Injectable()
export class DrainTimer implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly underWay = new Set<Lane>();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly drains: LaneDrains,
    private readonly broker: Broker,
    private readonly canary: Canary,
    private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.tick();
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private tick(): void {
    if (!this.broker.state.up) void this.broker.check();
    // Not one after the other: a lane with much to do must not hold up another.
    for (const lane of this.drains.lanes) void this.drain(lane);
    if (this.stopped) return;
    this.timer = setTimeout(() => this.tick(), this.broker.state.up ? EVERY_MS : EVERY_MS_WITHOUT_BROKER);
  }

  private async drain(lane: Lane): Promise<void> {
    if (this.underWay.has(lane)) {
      // At it since the last tick: all its slots are delivering. A slow transport is no dead worker.
      this.canary.drained();
      return;
    }
    this.underWay.add(lane);
    try {
      await this.drains.drain(lane);
      this.canary.drained();
    } catch (error) {
      this.log.error({ err: error }, 'the outbox could not be read; trying again');
    } finally {
      this.underWay.delete(lane);
    }
  }
}
