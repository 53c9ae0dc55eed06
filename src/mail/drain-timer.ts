import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { Broker } from '../queue/broker.js';
import { Canary } from '../queue/canary.js';
import { LaneDrains } from './lane-drains.js';

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
    @Inject(LaneDrains) private readonly drains: LaneDrains,
    @Inject(Broker) private readonly broker: Broker,
    @Inject(Canary) private readonly canary: Canary,
    @Inject(LOGGER) private readonly log: Logger,
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
      // At it since the last tick: all its slots are delivering. A slow way out is no dead worker.
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
