import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { LOGGER, type Logger } from '../core/logger.js';
import { WORKER_NAME } from '../core/worker-name.js';
import { Broker } from '../queue/broker.js';
import { LaneDrains } from './lane-drains.js';
import { Outbox } from './outbox.js';

/** Milliseconds between two drains: for rows that fall due, and for wakes that were lost. */
const EVERY_MS = 2_000;
/** The same while the broker is down and the timer is all there is. */
const EVERY_MS_WITHOUT_BROKER = 1_000;
/** Milliseconds between two looks for leases that ran out. */
const RESCUE_EVERY_MS = 5_000;

/** Runs the same drain as a job does, whatever the broker does. */
@Injectable()
export class DrainTimer implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private lastRescue = 0;
  private stopped = false;

  constructor(
    @Inject(LaneDrains) private readonly drains: LaneDrains,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(Broker) private readonly broker: Broker,
    @Inject(LOGGER) private readonly log: Logger,
  ) {}

  onApplicationBootstrap(): void {
    void this.tick();
  }

  onModuleDestroy(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private async tick(): Promise<void> {
    try {
      if (!this.broker.state.up) void this.broker.check();
      await this.rescueIfDue();
      // Not one after the other: a lane with much to do must not hold up another.
      for (const lane of this.drains.lanes) this.drains.drain(lane).catch((error: unknown) => this.failed(error));
    } catch (error) {
      this.failed(error);
    }
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.tick(), this.broker.state.up ? EVERY_MS : EVERY_MS_WITHOUT_BROKER);
  }

  private async rescueIfDue(): Promise<void> {
    if (performance.now() - this.lastRescue < RESCUE_EVERY_MS) return;
    this.lastRescue = performance.now();
    const rescued = await this.outbox.rescue(WORKER_NAME);
    if (rescued > 0) this.log.warn({ rescued }, 'took back messages that a dead worker had claimed');
  }

  private failed(error: unknown): void {
    this.log.error({ err: error }, 'the outbox could not be read; trying again');
  }
}
