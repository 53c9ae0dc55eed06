import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import type { Lane } from '../core/lanes.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { WORKER_NAME } from '../core/worker-name.js';
import { PrismaService } from '../database/prisma.service.js';
import { Drain } from '../queue/drain.js';
import { MailQueue } from '../queue/mail-queue.js';
import { Delivery } from './deliver.js';
import { LeaseKeeper } from './lease-keeper.js';
import type { ClaimedEmail } from './email-rows.js';
import { Outbox } from './outbox.js';
import { RateLimiter } from './rate-limiter.js';
import { Transports } from './transport/transports.js';

/** `drain(lane)` for the lanes this process works: the one way in for jobs, the timer and the rescue. */
@Injectable()
export class LaneDrains implements OnModuleDestroy {
  private readonly drains: ReadonlyMap<Lane, Drain<ClaimedEmail>>;
  private readonly limiter: RateLimiter | undefined;
  private readonly waiting = new Map<Lane, NodeJS.Timeout>();

  constructor(
    @Inject(SETTINGS) settings: Settings,
    @Inject(Outbox) private readonly outbox: Outbox,
    @Inject(Delivery) private readonly delivery: Delivery,
    @Inject(Transports) private readonly transports: Transports,
    @Inject(LeaseKeeper) private readonly leases: LeaseKeeper,
    @Inject(MailQueue) private readonly queue: MailQueue,
    @Inject(PrismaService) prisma: PrismaService,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    const { lanes, concurrency, rate, transports: configured } = settings.mail;
    this.limiter = rate && new RateLimiter(prisma, configured[0]!.name, rate);
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
  onModuleDestroy(): Promise<void> {
    return this.stop();
  }

  /** May be called more than once; every call resolves when all deliveries have ended. */
  async stop(): Promise<void> {
    for (const timer of this.waiting.values()) clearTimeout(timer);
    await Promise.all([...this.drains.values()].map((drain) => drain.stop()));
    this.leases.stop();
  }

  private drainOf(lane: Lane, concurrency: number): Drain<ClaimedEmail> {
    return new Drain(concurrency, {
      claim: (limit) => this.claimAndHold(lane, limit),
      deliver: (email, handedOver) => this.delivery.deliver(email, handedOver).finally(() => this.leases.letGo(email)),
      giveBack: (emails) => this.giveBack(lane, emails),
      wakeNext: () => this.queue.wake(lane),
      onDeliveryError: (error) => this.log.error({ err: error, lane }, 'a delivery broke; the rescue takes its message'),
    });
  }

  private async claimAndHold(lane: Lane, limit: number): Promise<{ rows: ClaimedEmail[]; more: boolean }> {
    const claimed = await this.claim(lane, limit);
    this.leases.hold(claimed.rows);
    return claimed;
  }

  /** At shutdown: whoever is there takes them at once, and the attempts do not count. */
  private async giveBack(lane: Lane, emails: ClaimedEmail[]): Promise<void> {
    await Promise.all(emails.map((email) => this.outbox.finish(email, { status: 'queued' }, WORKER_NAME)));
    for (const email of emails) this.leases.letGo(email);
    this.log.info({ lane, count: emails.length }, 'messages that had not started were given back');
    this.queue.wake(lane);
  }

  /** Room on a transport first, then rate tokens, then as many rows; without one of them, nothing. */
  private async claim(lane: Lane, limit: number): Promise<{ rows: ClaimedEmail[]; more: boolean }> {
    const room = await this.transports.room(limit);
    if (room === 0) return { rows: [], more: false };
    if (!this.limiter) return this.outbox.claim(lane, room, WORKER_NAME);
    const { tokens, retryAfterMs } = await this.limiter.take(lane, room);
    if (tokens === 0) {
      this.drainLater(lane, retryAfterMs);
      return { rows: [], more: false };
    }
    const claimed = await this.outbox.claim(lane, tokens, WORKER_NAME);
    const unused = tokens - claimed.rows.length;
    if (unused > 0) await this.limiter.giveBack(unused);
    return claimed;
  }

  private drainLater(lane: Lane, ms: number): void {
    clearTimeout(this.waiting.get(lane));
    const again = (): void => {
      this.drain(lane).catch((error: unknown) => this.log.error({ err: error, lane }, 'the outbox could not be read; trying again'));
    };
    this.waiting.set(lane, setTimeout(again, ms).unref());
  }
}
