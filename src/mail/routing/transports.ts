import { hostname } from 'node:os';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { Keyring } from '../../core/keyring.js';
import { channelOf, isUrgent, type Lane } from '../../core/lanes.js';
import { Logger } from '../../core/logger.js';
import { PrismaService } from '../../database/prisma.service.js';
import { untilAnswered } from '../../database/waiting.js';
import { WorkerRegistry } from '../../queue/worker-registry.js';
import type { ClaimedEmail } from '../outbox/email-rows.js';
import { TIMEOUTS } from '../transport/timeouts.js';
import type { ComposedMessage, Offer, Outcome } from '../transport/transport.js';
import { type BreakerState, BreakerStates } from './breaker.js';
import { UNREACHABLE } from './breaker-records.js';
import { CaptureByDefault } from './capture-by-default.js';
import { type Attempted, decides, isForOthers, isUnasked, isUncounted, waitingFor, waitOf } from './failover-policy.js';
import { type Limiter, mayOverflow } from './rate-limits.js';
import { breakerDependsOn, ConnectionShares, openRoutes, type Route, watched } from './routes.js';

/** Milliseconds that a message waits at least when its transport failed it, come what may: no busy loop. */
const SOONEST_MS = 500;

/** This process has no transport of a channel. Another process, or the next start, may have one. */
const NONE_CONFIGURED_MS = 10_000;

/**
 * Attempts that a greylisted message makes before it tries the next transport too: who is let in is who comes back, in
 * minutes.
 */
const GREYLISTED_ATTEMPTS: Record<Lane, number> = { critical: 2, default: 3, bulk: 3, sms: 1 };

/** How many messages of a lane may be claimed now. */
interface Allowance {
  count: number;
  /** The transport they are to take, whose rate was charged for them where it has one. */
  via?: string;
  /** Milliseconds until a rate allows the next one, when that is what they wait for. */
  retryAfterMs?: number;
}

/** What a message is handed over with. */
interface Handover {
  offer: Offer;
  /** Called when the final reply is overdue, which may come all the same: nothing else is to wait for it. */
  late: () => void;
  /** Told of the attempt of each transport. */
  trail: { sending(transport: string, send: () => Promise<Outcome>): Promise<Outcome> };
}

/** What is learned of a transport that has several messages and answers for none. */
function silent(): Outcome {
  return {
    kind: 'deferred',
    uncounted: true,
    errorCode: 'final_reply_late',
    transport: { kind: 'backoff', ms: TIMEOUTS.silentMs },
  };
}

/** The configured transports in order of preference, each behind its circuit breaker and its rate limit. */
@Injectable()
export class Transports implements OnModuleInit, OnApplicationShutdown {
  private readonly routes: Route[];
  private readonly breakers: BreakerStates;
  private readonly shares: ConnectionShares;
  private readonly capture: CaptureByDefault;

  constructor(
    settings: Settings,
    prisma: PrismaService,
    clock: Clock,
    keyring: Keyring,
    workers: WorkerRegistry,
    private readonly log: Logger,
  ) {
    this.routes = openRoutes(settings, { prisma, clock, log });
    const fingerprints = this.routes.map(({ key, settings: own }): [string, Uint8Array<ArrayBuffer>] => [
      key,
      keyring.hash(keyring.currentId, ['transport', JSON.stringify(breakerDependsOn(own))]),
    ]);
    this.breakers = new BreakerStates(prisma, log, TIMEOUTS, new Map(fingerprints), hostname());
    this.shares = new ConnectionShares(this.routes, workers, log);
    this.capture = new CaptureByDefault(settings, prisma, log);
  }

  /** Before the first drain. */
  async onModuleInit(): Promise<void> {
    await untilAnswered(this.log, async () => {
      await this.capture.look();
      await this.breakers.declare();
    });
  }

  /** Those of the lanes that this process may take messages of: of the others somebody else has to. */
  async taken(lanes: readonly Lane[]): Promise<readonly Lane[]> {
    return (await this.capture.mayTake()) ? lanes : lanes.filter((lane) => channelOf(lane) !== 'email');
  }

  /**
   * How many of `wanted` messages may be claimed now, paid for where the transport they would take has a rate: all
   * while a breaker is closed, one while the best is half open, none while all are open. Whoever claims asks first, so
   * that waiting mail is not claimed and put back over and over. One statement, and one more for each transport that a
   * code passes over.
   */
  async allow(lane: Lane, wanted: number): Promise<Allowance> {
    let soonest: number | undefined;
    let halfOpen: Route | undefined;
    if (channelOf(lane) === 'email' && !(await this.capture.mayTake())) return { count: 0 };
    await this.shares.refresh();
    for (const route of this.of(lane)) {
      const { kind } = await this.breakers.look(route.key, isUrgent(lane));
      if (kind === 'half_open') halfOpen ??= route;
      if (kind !== 'closed') continue;
      const allowance = await this.pay(route, lane, wanted);
      if (allowance.count > 0) return allowance;
      soonest = Math.min(soonest ?? Number.POSITIVE_INFINITY, allowance.retryAfterMs!);
      if (!mayOverflow(lane)) break;
    }
    if (soonest !== undefined) return { count: 0, retryAfterMs: soonest };
    return halfOpen ? this.pay(halfOpen, lane, Math.min(1, wanted)) : { count: 0 };
  }

  /** What was paid for a transport and found no message, or took another one. What cannot be given back is lost. */
  async refund(via: string | undefined, unused = 1): Promise<void> {
    const limiter = unused > 0 ? this.routes.find(({ key }) => key === via)?.limiter : undefined;
    const failed = 'what was not sent could not be given back to the rate of a transport';
    if (limiter) await this.unlessFailed(() => limiter.giveBack(unused), undefined, failed, via);
  }

  /**
   * Goes on to the next transport only while the message was provably not taken, and may be taken there. A message that
   * has paid for a transport leaves those before it, whose rate is used up, to the end; one that is to avoid a
   * transport tries it last. A code that has a transport that works does not try one in a break, unless it is the only
   * probe.
   */
  async send(message: ComposedMessage, email: ClaimedEmail, handover: Handover): Promise<Attempted> {
    const { lane, attempt, via, avoidTransport } = email;
    let last: Attempted | undefined;
    let paidFor = via;
    /** It was not asked, and may take the message later. */
    let isAnotherLeft = false;
    const routes = [...this.inOrder(lane, avoidTransport)];
    let isBeforePaid = avoidTransport === null && routes.some(({ key }) => key === via);
    /** Milliseconds until a transport that was tried may be of use to this message again. */
    const waits = new Map<string, number>();
    for (const route of routes) {
      const { key, transport, limiter } = route;
      if (key === via) isBeforePaid = false;
      if (isBeforePaid && limiter && (await this.breakers.look(key)).kind === 'closed') {
        routes.push(route);
        continue;
      }
      const state = await this.passBreaker(key, isUrgent(lane) && (via === undefined || via === key));
      if (state.kind === 'open') {
        isAnotherLeft = true;
        continue;
      }
      if (key === paidFor) paidFor = undefined;
      else if (limiter) {
        const waitMs = await this.passLimiter(limiter, key, lane);
        waits.set(key, waitMs);
        if (waitMs > 0) {
          isAnotherLeft = true;
          continue;
        }
      }
      const outcome = await this.hand(route, message, lane, state, handover);
      await this.learn(key, outcome, state);
      if (limiter) await this.settle(limiter, key, outcome);
      if (outcome.kind === 'withdrawn' && last) {
        isAnotherLeft = true;
        break; // what the one before said still holds
      }
      if (!last || decides(outcome, last.outcome)) last = { outcome, transport: transport.name };
      waits.set(key, waitOf(outcome));
      if (isForOthers(outcome)) continue;
      if (outcome.kind !== 'deferred' || (outcome.sameTransport && attempt < GREYLISTED_ATTEMPTS[lane])) break;
    }
    await this.refund(paidFor);
    last ??= { outcome: { kind: 'deferred', uncounted: true, errorCode: 'no_transport' }, transport: 'none' };
    if (isAnotherLeft && isForOthers(last.outcome)) last = waitingFor(last);
    if (!isUncounted(last.outcome)) return last;
    return { ...last, outcome: { ...last.outcome, afterMs: await this.soonestMs(lane, waits) } };
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.routes.map(({ transport }) => transport.close()));
  }

  /** One transport, one attempt. A connection that others wait for is released when the final reply is overdue. */
  private async hand(
    { key, transport, shared, lateReplies, refusals }: Route,
    message: ComposedMessage,
    lane: Lane,
    state: BreakerState,
    { offer, late, trail }: Handover,
  ): Promise<Outcome> {
    const urgent = isUrgent(lane);
    const release = (await shared?.permits.acquire({ urgent })) ?? (() => undefined);
    const watch = watched(offer, TIMEOUTS.lateMs, () => {
      release();
      late();
      if (lateReplies.overdue(state.kind === 'half_open')) void this.learn(key, silent(), state);
    });
    try {
      const outcome = await trail.sending(transport.name, () => transport.send(message, watch.offer, urgent));
      if (isUnasked(outcome)) return outcome;
      if (outcome.kind === 'sent' || ('reply' in outcome && outcome.reply !== undefined)) lateReplies.answered();
      // That it cannot take some is nothing that it has against all.
      if (isForOthers(outcome)) return outcome;
      return refusals.judge(outcome, message.recipients[0]!.address, lane, performance.now(), message.messageId);
    } finally {
      release();
      watch.over();
    }
  }

  private of(lane: Lane): readonly Route[] {
    const channel = channelOf(lane);
    return this.routes.filter((route) => route.channel === channel);
  }

  private inOrder(lane: Lane, avoid: string | null): readonly Route[] {
    const isAvoided = ({ transport }: Route): boolean => transport.name === avoid;
    const routes = this.of(lane);
    return [...routes.filter((route) => !isAvoided(route)), ...routes.filter(isAvoided)];
  }

  private async pay({ key, limiter }: Route, lane: Lane, wanted: number): Promise<Allowance> {
    if (!limiter) return { count: wanted, via: key };
    const { tokens, retryAfterMs } = await limiter.take(lane, wanted);
    return tokens > 0 ? { count: tokens, via: key } : { count: 0, retryAfterMs };
  }

  /** A transport whose state cannot be read is left alone; the message may have been refused by another one already. */
  private passBreaker(key: string, urgent: boolean): Promise<BreakerState> {
    const pass = (): Promise<BreakerState> => this.breakers.pass(key, urgent);
    return this.unlessFailed(
      pass,
      { kind: 'open', forMs: SOONEST_MS },
      'the state of a transport could not be read',
      key,
    );
  }

  /**
   * After fail-over: a code goes out and may put the bucket into debt; other mail waits where there is no token.
   * Milliseconds that it waits.
   */
  private passLimiter(limiter: Limiter, key: string, lane: Lane): Promise<number> {
    const pass = async (): Promise<number> => {
      if (mayOverflow(lane)) {
        await limiter.charge();
        return 0;
      }
      const { tokens, retryAfterMs = SOONEST_MS } = await limiter.take(lane, 1);
      return tokens > 0 ? 0 : retryAfterMs;
    };
    return this.unlessFailed(pass, 0, 'the rate of a transport could not be charged', key);
  }

  /** Gives back what was charged and not sent, for no fault of the message. */
  private async settle(limiter: Limiter, key: string, outcome: Outcome): Promise<void> {
    if (isUnasked(outcome)) return this.refund(key);
    if (!isUncounted(outcome) && !isForOthers(outcome) && outcome.kind !== 'withdrawn') return;
    const failed = 'what was not sent could not be given back to the quota of a transport';
    await this.unlessFailed(() => limiter.notSent(), undefined, failed, key);
  }

  /** The outcome stands, whether or not it can be learned from. */
  private learn(key: string, outcome: Outcome, state: BreakerState): Promise<void> {
    const learn = async (): Promise<void> => {
      if (await this.breakers.learn(key, outcome, state)) await this.tellIfBlocked();
    };
    return this.unlessFailed(learn, undefined, 'the state of a transport could not be recorded', key);
  }

  /** Whatever of ours breaks on the way, the message has its outcome. */
  private async unlessFailed<T>(work: () => Promise<T>, otherwise: T, failed: string, transport?: string): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.log.error({ err: error, transport }, failed);
      return otherwise;
    }
  }

  /** Refused or without a name, a server is not blocked: only where every port hangs, a filter is likely. */
  private async tellIfBlocked(): Promise<void> {
    const smtp = this.routes.filter(({ settings }) => settings.kind === 'smtp');
    if (smtp.length === 0) return;
    for (const { key } of smtp) {
      const here = await this.breakers.failureHere(key);
      if (here?.pauseReason !== UNREACHABLE || here.lastErrorCode !== 'smtp_connect_timeout') return;
    }
    this.log.error(
      { transports: smtp.map(({ key }) => key), host: hostname() },
      'no SMTP server can be reached: this host probably blocks SMTP. Mail is kept. Try another port, or ask the host to open it',
    );
  }

  /** Milliseconds until a transport may take a message that has just tried some of them. */
  private async soonestMs(lane: Lane, waits: ReadonlyMap<string, number>): Promise<number> {
    const routes = this.of(lane);
    if (routes.length === 0) return NONE_CONFIGURED_MS;
    const soonest = await Promise.all(
      routes.map(async ({ key }) => {
        const state = await this.breakers.look(key);
        return Math.max(waits.get(key) ?? 0, state.kind === 'open' ? state.forMs : 0);
      }),
    );
    return Math.max(SOONEST_MS, Math.min(...soonest));
  }
}
