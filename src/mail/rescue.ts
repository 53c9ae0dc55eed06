import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { LOGGER, type Logger } from '../core/logger.js';
import { WorkerRegistry } from '../queue/worker-registry.js';
import { DueLanes } from './due-lanes.js';
import { LaneDrains } from './lane-drains.js';
import { RescuePolicy, type RescueView } from './rescue-policy.js';

/** Milliseconds between two looks for workers and due mail. */
const LOOK_EVERY_MS = 2_000;
/** Milliseconds between two reminders while nobody else delivers. */
const REMIND_EVERY_MS = 60_000;

/** Delivers in a web process while no worker is alive, with the same drain as a worker, and says so loudly. */
@Injectable()
export class Rescue implements OnApplicationBootstrap, OnModuleDestroy {
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private failing = false;
  private lastTold = Number.NEGATIVE_INFINITY;

  constructor(
    @Inject(RescuePolicy) private readonly policy: RescuePolicy,
    @Inject(WorkerRegistry) private readonly workers: WorkerRegistry,
    @Inject(DueLanes) private readonly dueLanes: DueLanes,
    @Inject(LaneDrains) private readonly drains: LaneDrains,
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
      const [silence, due] = await Promise.all([this.workers.silence(), this.dueLanes.read()]);
      if (this.stopped) return;
      const view = this.policy.look(performance.now(), silence, due);
      this.tell(view);
      for (const lane of view.drain) this.drains.drain(lane).catch((error: unknown) => this.failed(error));
      this.failing = false;
    } catch (error) {
      this.failed(error);
    }
    if (!this.stopped) this.timer = setTimeout(() => void this.tick(), LOOK_EVERY_MS).unref();
  }

  private tell({ started, ended, drain, silentMs }: RescueView): void {
    if (ended.length > 0) this.log.warn({ lanes: ended }, 'a worker is alive again; this web process delivers no more');
    const now = performance.now();
    if (drain.length === 0 || (started.length === 0 && now - this.lastTold < REMIND_EVERY_MS)) return;
    this.lastTold = now;
    this.log.error(
      { lanes: drain, silentSeconds: Math.round(silentMs / 1_000) },
      'NO WORKER IS ALIVE: mail is due and this web process delivers it. ' +
        'Start a worker (ROLE=worker, or ROLE=all), or set OUTBOX_RESCUE=off to let mail wait for one.',
    );
  }

  /** Once an outage. */
  private failed(error: unknown): void {
    if (!this.failing) this.log.error({ err: error }, 'workers and due mail could not be looked up; trying again');
    this.failing = true;
  }
}
