import { Injectable } from '@nestjs/common';
import { Counter, Histogram, Registry } from 'prom-client';
import type { Lane } from './lanes.js';

/**
 * What this process let through and what it refused, counted where it happens. Labels come from short lists of ours:
 * never an address, and never a name that a caller made up.
 */
@Injectable()
export class RequestMetrics {
  private readonly limited: Counter<'policy'>;
  private readonly bySmtp: Counter<'result'>;
  private readonly requested: Counter<'purpose'>;
  private readonly verified: Counter<'purpose'>;
  private readonly refused: Counter<'purpose' | 'reason'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.limited = new Counter({
      name: 'otpost_requests_limited_total',
      help: 'Requests this process refused because a limit was used up, by limit',
      labelNames: ['policy'],
      registers,
    });
    this.bySmtp = new Counter({
      name: 'otpost_smtp_submissions_total',
      help: 'Messages that back ends handed to this process by SMTP, by what came of it',
      labelNames: ['result'],
      registers,
    });
    const labelNames = ['purpose'] as const;
    this.requested = new Counter({
      name: 'otpost_codes_requested_total',
      help: 'Codes this process issued, those sent again left out',
      labelNames,
      registers,
    });
    this.verified = new Counter({
      name: 'otpost_codes_verified_total',
      help: 'Codes and links this process took',
      labelNames,
      registers,
    });
    this.refused = new Counter({
      name: 'otpost_codes_refused_total',
      help: 'Codes this process did not take, and why',
      labelNames: ['purpose', 'reason'],
      registers,
    });
  }

  limitRefused(policy: string): void {
    this.limited.inc({ policy });
  }

  /** Its end by DATA: accepted, replayed (it was accepted before), deferred (4yz), refused (5yz). */
  submittedBySmtp(result: 'accepted' | 'replayed' | 'deferred' | 'refused'): void {
    this.bySmtp.inc({ result });
  }

  codeRequested(purpose: string): void {
    this.requested.inc({ purpose });
  }

  codeVerified(purpose: string): void {
    this.verified.inc({ purpose });
  }

  codeRefused(purpose: string, reason: string): void {
    this.refused.inc({ purpose, reason });
  }
}

/** Seconds; a code should be out within one, a greylisted message within a quarter of an hour. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400];

/** The end of one attempt. */
interface ObservedDelivery {
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

  constructor(registry: Registry) {
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
