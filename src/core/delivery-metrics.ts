import { Inject, Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import type { Lane } from './lanes.js';

/** Seconds; a code should be out within one, a greylisted message within a quarter of an hour. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400];

/** The end of one attempt. */
export interface ObservedDelivery {
  lane: Lane;
  /** Its configured name: never an address, for each value is a time series. */
  transport: string;
  /** What the message became: sent, deferred, failed, unknown, queued. */
  status: string;
  /** Since the message was accepted, or fell due where it was scheduled. */
  seconds: number;
}

/** What this process delivered, counted where it happens; `GET /metrics` of the same process shows it. */
@Injectable()
export class DeliveryMetrics {
  private readonly attempts: Counter<'lane' | 'transport' | 'status'>;
  private readonly handOver: Histogram<'lane' | 'transport'>;
  private readonly webhooks: Counter<'status'>;

  constructor(@Inject(Registry) registry: Registry) {
    this.attempts = new Counter({
      name: 'otpost_delivery_attempts_total',
      help: 'Attempts of this process to hand a message over, by what the message became',
      labelNames: ['lane', 'transport', 'status'],
      registers: [registry],
    });
    this.handOver = new Histogram({
      name: 'otpost_hand_over_seconds',
      help: 'Seconds from acceptance to hand-over, of messages this process handed over',
      labelNames: ['lane', 'transport'],
      buckets: BUCKETS,
      registers: [registry],
    });
    this.webhooks = new Counter({
      name: 'otpost_webhook_attempts_total',
      help: 'Attempts of this process to deliver a webhook, by what it became',
      labelNames: ['status'],
      registers: [registry],
    });
  }

  observe({ lane, transport, status, seconds }: ObservedDelivery): void {
    this.attempts.inc({ lane, transport, status });
    if (status === 'sent') this.handOver.observe({ lane, transport }, seconds);
  }

  /** What the webhook became: delivered, deferred, failed. */
  observeWebhook(status: string): void {
    this.webhooks.inc({ status });
  }
}
