import { setMaxListeners } from 'node:events';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Logger } from '../../core/logger.js';
import { WORKER_NAME } from '../../core/process-facts.js';
import { Drain } from '../../queue/drain.js';
import { LeaseKeeper } from '../../queue/lease-keeper.js';
import { WebhookDelivery } from './webhook-delivery.js';
import { type ClaimedDelivery, WebhookOutbox } from './webhook-outbox.js';

/** Webhooks under way side by side in one process; several times what one endpoint may take of them. */
const CONCURRENCY = 40;
/** Milliseconds between two looks for due deliveries; fewer while there is something to do. */
export const LOOKS = { everyMs: 1_000, againMs: 200 };
/** Milliseconds until due deliveries are read again that could not be read. */
const RETRY_MS = 1_000;
/** Milliseconds that attempts under way get when the process stops; then they are broken off and given back. */
const STOP_WITHIN_MS = 3_000;

/** The same drain as for mail, for webhooks, on a timer: what makes a process a worker delivers them too. */
@Injectable()
export class WebhookDrain implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly leases: LeaseKeeper<ClaimedDelivery>;
  /** Ids of endpoints that were given all they may take: more may wait for them. */
  private readonly full = new Set<string>();
  /** By endpoint, what this process has claimed and not brought to an end. */
  private readonly underWay = new Map<string, number>();
  private readonly stopping = new AbortController();
  private readonly drain: Drain<ClaimedDelivery>;
  private timer: NodeJS.Timeout | undefined;
  private retry: NodeJS.Timeout | undefined;
  private stopped = false;
  private claimed = 0;

  constructor(
    private readonly outbox: WebhookOutbox,
    private readonly delivery: WebhookDelivery,
    private readonly log: Logger,
  ) {
    setMaxListeners(CONCURRENCY, this.stopping.signal); // each attempt listens; Node takes more than ten for a leak
    this.leases = new LeaseKeeper(
      (rows) => this.outbox.renew(rows),
      (error) => this.log.error({ err: error }, 'the leases of webhooks could not be renewed; the next try is in 5 s'),
    );
    this.drain = new Drain(CONCURRENCY, {
      claim: (limit) => this.claim(limit),
      deliver: (row, { handedOver }) =>
        this.delivery.deliver(row, handedOver, this.stopping.signal).finally(() => this.ended(row)),
      giveBack: (rows) => this.giveBack(rows),
      wakeNext: () => undefined, // every worker looks within a second
      onDeliveryError: (error) =>
        this.log.error({ err: error }, 'a webhook broke; it is delivered again when its lease is over'),
    });
  }

  onApplicationBootstrap(): void {
    void this.look();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.retry);
    const breakOff = setTimeout(() => this.stopping.abort(), STOP_WITHIN_MS);
    await this.drain.stop();
    clearTimeout(breakOff);
    this.leases.stop();
  }

  private async look(): Promise<void> {
    this.claimed = 0;
    await this.run();
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.look(), this.claimed > 0 ? LOOKS.againMs : LOOKS.everyMs);
  }

  private async run(): Promise<void> {
    try {
      await this.drain.run();
    } catch (error) {
      this.log.error({ err: error }, 'due webhooks could not be read; trying again');
      // What an ending called for is not to wait for the next look.
      if (!this.stopped) this.retry ??= setTimeout(() => ((this.retry = undefined), void this.run()), RETRY_MS).unref();
    }
  }

  /**
   * Only a claim that filled `limit` left rows that could be taken now. What an endpoint's own limit holds back is
   * looked for when a delivery to it ends, and not by claiming in a circle. An endpoint counts as full until a claim
   * finds less for it than it has room for: one that finds no room may have been called by an ending that an earlier
   * claim knew of.
   */
  private async claim(limit: number): Promise<{ rows: ClaimedDelivery[]; more: boolean }> {
    const idle = [...this.full].filter((id) => !this.underWay.has(id));
    const rows = await this.outbox.claim(limit);
    for (const id of idle) this.full.delete(id);
    const given = new Map<string, number>();
    for (const {
      endpoint: { id, room },
    } of rows) {
      const count = (given.get(id) ?? 0) + 1;
      given.set(id, count);
      this.underWay.set(id, (this.underWay.get(id) ?? 0) + 1);
      if (count === room) this.full.add(id);
      else this.full.delete(id);
    }
    this.leases.hold(rows);
    this.claimed += rows.length;
    return { rows, more: rows.length === limit };
  }

  private ended(row: ClaimedDelivery): void {
    this.leases.letGo(row);
    const { id } = row.endpoint;
    const rest = this.underWay.get(id)! - 1;
    if (rest > 0) this.underWay.set(id, rest);
    else this.underWay.delete(id);
    if (this.full.has(id)) void this.run();
  }

  private async giveBack(rows: ClaimedDelivery[]): Promise<void> {
    await Promise.all(rows.map((row) => this.outbox.finish(row, { status: 'given_back', tookMs: 0 }, WORKER_NAME)));
    for (const row of rows) this.leases.letGo(row);
  }
}
