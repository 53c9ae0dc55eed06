import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import type { Lane } from '../core/lanes.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { WORKER_NAME } from '../core/worker-name.js';
import { Drain } from '../queue/drain.js';
import { MailQueue } from '../queue/mail-queue.js';
import { Delivery } from './deliver.js';
import { LeaseKeeper } from './lease-keeper.js';
import { type ClaimedEmail, Outbox } from './outbox.js';

/** `drain(lane)` for the lanes this process works: the one way in for jobs, the timer and the rescue. */
@Injectable()
export class LaneDrains implements OnModuleDestroy {
  private readonly drains: ReadonlyMap<Lane, Drain<ClaimedEmail>>;

  constructor(
    @Inject(SETTINGS) settings: Settings,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(Delivery) private readonly delivery: Delivery,
    @Inject(LeaseKeeper) private readonly leases: LeaseKeeper,
    @Inject(MailQueue) private readonly queue: MailQueue,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    const { lanes, concurrency } = settings.mail;
    this.drains = new Map(lanes.map((lane) => [lane, this.drainOf(lane, concurrency[lane])]));
  }

  get lanes(): Lane[] {
    return [...this.drains.keys()];
  }

  /** Resolves when nothing due is left to claim. Rejects when Postgres does not answer. */
  async drain(lane: Lane): Promise<void> {
    await this.drains.get(lane)?.run();
  }

  /** First thing at shutdown: claim nothing more, finish what is under way. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.drains.values()].map((drain) => drain.stop()));
    this.leases.stop();
  }

  private drainOf(lane: Lane, concurrency: number): Drain<ClaimedEmail> {
    return new Drain(concurrency, {
      claim: (limit) => this.outbox.claim(lane, limit, WORKER_NAME),
      deliver: (email) => this.leases.whileHeld(email, () => this.delivery.deliver(email)),
      wakeNext: () => this.queue.wake(lane),
      onDeliveryError: (error) => this.log.error({ err: error, lane }, 'a delivery broke; the rescue takes its message'),
    });
  }
}
