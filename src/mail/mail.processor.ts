import { OnWorkerEvent, Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject, type OnModuleDestroy, type Type } from '@nestjs/common';
import type { WorkerOptions } from 'bullmq';
import type { Lane } from '../core/lanes.js';
import { Broker } from '../queue/broker.js';
import { queueName } from '../queue/queue-name.js';
import { LaneDrains } from './lane-drains.js';

/** Milliseconds after which a consumer that the broker refused asks again; BullMQ's own 15 s outlast most outages. */
const RETRY_MS = 1_000;

/** The consumer: a job says that a lane has due mail, and is done when none is left to claim. */
abstract class MailProcessor extends WorkerHost implements OnModuleDestroy {
  protected abstract readonly lane: Lane;

  constructor(
    @Inject(LaneDrains) private readonly drains: LaneDrains,
    @Inject(Broker) private readonly broker: Broker,
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

/** BullMQ binds a processor to one queue, hence a class a lane. One job at a time: a drain fills all its slots itself. */
export function mailProcessorFor(lane: Lane, broker: Broker): Type<WorkerHost> {
  const options: Partial<WorkerOptions> = { connection: broker.consumer, concurrency: 1, runRetryDelay: RETRY_MS };

  @Processor(queueName(lane), options)
  class LaneProcessor extends MailProcessor {
    protected readonly lane = lane;
  }
  return LaneProcessor;
}
