import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import type { Lane } from '../../core/lanes.js';
import { Logger } from '../../core/logger.js';
import { WORKER_NAME } from '../../core/process-facts.js';
import { type Claimed, Drain, type DrainWork } from '../../queue/drain.js';
import { FairShares, type Places } from '../../queue/fair-shares.js';
import { LeaseKeeper } from '../../queue/lease-keeper.js';
import { MailQueue } from '../../queue/mail-queue.js';
import type { ClaimedEmail } from '../outbox/email-rows.js';
import { Outbox } from '../outbox/outbox.js';
import { Transports } from '../routing/transports.js';
import { Delivery } from './deliver.js';

/** Milliseconds until the next look at a rate that is used up. */
const LONGEST_WAIT_MS = 60_000;

/** `drain(lane)` for the lanes this process works: the one way in for jobs, the timer and the stand-in. */
@Injectable()
export class LaneDrains implements OnModuleDestroy {
  private readonly drains: ReadonlyMap<Lane, Drain<ClaimedEmail>>;
  private readonly waiting = new Map<Lane, NodeJS.Timeout>();
  private readonly leases: LeaseKeeper<ClaimedEmail>;

  constructor(
    settings: Settings,
    private readonly outbox: Outbox,
    private readonly delivery: Delivery,
    private readonly transports: Transports,
    private readonly queue: MailQueue,
    private readonly log: Logger,
  ) {
    this.leases = new LeaseKeeper(
      (emails) => this.outbox.renew(emails),
      (error) => this.log.error({ err: error }, 'leases could not be renewed; the next try is in 5 s'),
    );
    const { lanes, concurrency } = settings.mail;
    this.drains = new Map(lanes.map((lane) => [lane, this.drainOf(lane, concurrency[lane])]));
  }

  get lanes(): Lane[] {
    return [...this.drains.keys()];
  }

  /** Messages of all lanes that this process has claimed and not brought to an end. */
  get underWay(): number {
    return [...this.drains.values()].reduce((all, drain) => all + drain.underWay, 0);
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
    this.delivery.stop();
    await Promise.all([...this.drains.values()].map((drain) => drain.stop()));
    this.leases.stop();
  }

  private drainOf(lane: Lane, concurrency: number): Drain<ClaimedEmail> {
    const work: DrainWork<ClaimedEmail> = {
      claim: (limit, places) => this.claimAndHold(lane, limit, places),
      deliver: (email, progress) => this.delivery.deliver(email, progress).finally(() => this.leases.letGo(email)),
      giveBack: (emails) => this.giveBack(lane, emails),
      wakeNext: () => this.queue.wake(lane),
      onDeliveryError: (error) =>
        this.log.error({ err: error, lane }, 'a delivery broke; lease recovery takes its message back'),
    };
    if (lane !== 'critical') return new Drain(concurrency, work);
    const onClaimError = (error: unknown): void =>
      this.log.error({ err: error, lane }, 'the outbox could not be read; the timer tries again');
    return new Drain(concurrency, work, { shares: sharesOf(concurrency), onClaimError });
  }

  private async claimAndHold(lane: Lane, limit: number, places: Places | undefined): Promise<Claimed<ClaimedEmail>> {
    const claimed = await this.claim(lane, limit, places);
    this.leases.hold(claimed.rows);
    return claimed;
  }

  /** At shutdown: whoever is there takes them at once, and the attempts do not count. */
  private async giveBack(lane: Lane, emails: ClaimedEmail[]): Promise<void> {
    await Promise.all(emails.map((email) => this.outbox.finish(email, { status: 'queued' }, WORKER_NAME)));
    for (const email of emails) this.leases.letGo(email);
    for (const via of new Set(emails.map((email) => email.via))) {
      await this.transports.refund(via, emails.filter((email) => email.via === via).length);
    }
    this.log.info({ lane, count: emails.length }, 'messages that had not started were given back');
    this.queue.wake(lane);
  }

  /** An open transport and its rate first, then as many rows; without one of them, nothing. */
  private async claim(lane: Lane, limit: number, places: Places | undefined): Promise<Claimed<ClaimedEmail>> {
    const { count, via, retryAfterMs } = await this.transports.allow(lane, limit);
    if (count === 0) {
      if (retryAfterMs !== undefined) this.drainLater(lane, retryAfterMs);
      return { rows: [], more: false };
    }
    let claimed = 0;
    try {
      const { rows, more, left } = await this.outbox.claim(lane, count, WORKER_NAME, places);
      claimed = rows.length;
      if (via !== undefined) for (const email of rows) email.via = via;
      return { rows, more, left };
    } finally {
      await this.transports.refund(via, count - claimed);
    }
  }

  private drainLater(lane: Lane, ms: number): void {
    clearTimeout(this.waiting.get(lane));
    const again = (): void => {
      this.drain(lane).catch((error: unknown) =>
        this.log.error({ err: error, lane }, 'the outbox could not be read; trying again'),
      );
    };
    // Beyond 24 days a timer of Node fires at once.
    this.waiting.set(lane, setTimeout(again, Math.min(ms, LONGEST_WAIT_MS)).unref());
  }
}

/**
 * Somebody waits for each code: no recipient's domain may hold more than half of the slots, however slowly its server
 * or our relay for it answers. Other mail has time, and often goes to one domain for good reasons.
 */
function sharesOf(concurrency: number): FairShares<ClaimedEmail> {
  return new FairShares(Math.max(1, Math.floor(concurrency / 2)), ({ domain }) => domain);
}
