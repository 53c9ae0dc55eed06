import { hostname } from 'node:os';
import type { Settings, TransportSettings } from '../../config/settings.js';
import { heloName } from '../../config/smtp-entry.js';
import { type Channel, isUrgent } from '../../core/lanes.js';
import type { Logger } from '../../core/logger.js';
import { WORKER_NAME } from '../../core/process-facts.js';
import { Semaphore } from '../../core/semaphore.js';
import type { PrismaService } from '../../database/prisma.service.js';
import type { WorkerRegistry } from '../../queue/worker-registry.js';
import type { Offer, Transport } from '../transport/transport.js';
import { openTransport, type TransportParts } from './open-transport.js';
import { AllOf, DailyQuota, type Limiter, RateLimiter } from './rate-limits.js';
import { RefusalsPolicy } from './refusals-policy.js';

/** One entry of MAIL_TRANSPORTS or SMS_TRANSPORTS: the transport, and what bounds it. */
export interface Route {
  /** Names its breaker; the name of the transport, but for a second account at the same server. */
  key: string;
  channel: Channel;
  settings: TransportSettings;
  transport: Transport;
  /** Of a transport with a rate or a daily quota. */
  limiter: Limiter | undefined;
  /**
   * Of a transport with `?connections=`: this process's part of them, one of which is for codes alone where there are
   * two.
   */
  shared: { total: number; permits: Semaphore } | undefined;
  /** What this process saw of it lately. */
  lateReplies: LateReplies;
  refusals: RefusalsPolicy;
}

/** All transports that are configured, those of mail first. */
export function allTransports<Way>({ mail, sms }: Record<'mail' | 'sms', { transports: readonly Way[] }>): Way[] {
  return [...mail.transports, ...sms.transports];
}

/** In order of preference. @throws StartupError */
export function openRoutes(configuration: Settings, parts: Pick<TransportParts, 'prisma' | 'clock' | 'log'>): Route[] {
  const { mail, http, sms } = configuration;
  const all = allTransports(configuration);
  const ordinary = mail.lanes.filter((lane) => !isUrgent(lane)).reduce((sum, lane) => sum + mail.concurrency[lane], 0);
  const keys = keysOf(all);
  const callbackOf = (kind: string): string | undefined =>
    mail.hookSecrets.some(({ provider }) => provider === kind) ? `${http.appUrl}/v1/hooks/${kind}` : undefined;
  return all.map((settings, index): Route => {
    const { connections: total } = settings;
    return {
      key: keys[index]!,
      channel: settings.channel ?? 'email',
      settings,
      transport: openTransport(settings, {
        ...parts,
        ordinary: Math.max(1, Math.min(ordinary, total ?? ordinary)),
        helo: heloName(hostname(), http.appUrl),
        dkim: mail.dkim,
        bounceAddress: mail.bounceAddress,
        callbackOf,
        testNumbers: sms.testNumbers,
      }),
      limiter: limiterOf(settings, keys[index]!, parts.prisma),
      shared: total === undefined ? undefined : { total, permits: new Semaphore(total, { urgentOnly: 1 }) },
      lateReplies: new LateReplies(),
      refusals: new RefusalsPolicy(),
    };
  });
}

/** The settings that close a breaker when they change: another rate mends nothing. */
export function breakerDependsOn({
  rate: _,
  daily: _daily,
  connections: _connections,
  ...rest
}: TransportSettings): object {
  return rest;
}

function limiterOf({ rate, daily }: TransportSettings, key: string, prisma: PrismaService): Limiter | undefined {
  const limiters: Limiter[] = [];
  if (rate) limiters.push(new RateLimiter(prisma, key, rate));
  if (daily !== undefined) limiters.push(new DailyQuota(prisma, key, daily));
  return limiters.length > 1 ? new AllOf(limiters) : limiters[0];
}

/** Two accounts at one server have one name, and a breaker each. */
export function keysOf(transports: readonly { name: string }[]): string[] {
  const seen = new Map<string, number>();
  return transports.map(({ name }) => {
    const times = (seen.get(name) ?? 0) + 1;
    seen.set(name, times);
    return times === 1 ? name : `${name}#${times}`;
  });
}

/** Messages whose final reply is overdue at a time, without any answer since, before a transport counts as silent. */
const SILENT_AFTER = 3;

/** Of one transport: messages that it has and does not answer for. */
export class LateReplies {
  private late = 0;

  /**
   * The final reply of a message is overdue. Answers whether the transport counts as silent; one that is probed does at
   * once.
   */
  overdue(isProbe: boolean): boolean {
    this.late++;
    return isProbe || this.late >= SILENT_AFTER;
  }

  answered(): void {
    this.late = 0;
  }
}

/** Calls `onLate` once, when so many milliseconds have passed since the offer and nobody has said that it is `over`. */
export function watched(offer: Offer, ms: number, onLate: () => void): { offer: Offer; over: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  return {
    offer: async () => {
      await offer();
      clearTimeout(timer);
      if (!ended) timer = setTimeout(onLate, ms);
    },
    over: () => {
      ended = true;
      clearTimeout(timer);
    },
  };
}

/**
 * This process's part of `total` connections that all workers share: each worker takes the same look at who is alive,
 * and those that come first by name get what is left over. Each has one at least, for the lanes it works may be worked
 * by nobody else. A process that is no worker stands in for them, and has all.
 */
export function shareOf(total: number, workers: readonly string[], me: string): number {
  const place = [...workers].sort().indexOf(me);
  if (place < 0) return total;
  return Math.max(1, Math.floor(total / workers.length) + (place < total % workers.length ? 1 : 0));
}

/**
 * Milliseconds for which a look at the other workers holds; for about as long the sum may be too high when one joins.
 */
const LOOK_EVERY_MS = 5_000;

/** Divides `?connections=` of a transport among the workers that are alive. */
export class ConnectionShares {
  private readonly shared: NonNullable<Route['shared']>[];
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    routes: readonly Route[],
    private readonly workers: WorkerRegistry,
    private readonly log: Logger,
  ) {
    this.shared = routes.flatMap(({ shared }) => (shared ? [shared] : []));
  }

  /** Costs a statement every few seconds, and none where no transport has such a bound. */
  async refresh(): Promise<void> {
    if (this.shared.length === 0 || performance.now() - this.lookedAt < LOOK_EVERY_MS) return;
    this.lookedAt = performance.now();
    try {
      const alive = await this.workers.alive();
      for (const { total, permits } of this.shared) permits.resize(shareOf(total, alive, WORKER_NAME));
    } catch (error) {
      this.log.warn(
        { err: error },
        'the other workers could not be counted; this one keeps its part of the connections',
      );
    }
  }
}
