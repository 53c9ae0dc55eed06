import { hostname } from 'node:os';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { Keyring } from '../../core/keyring.js';
import type { Lane } from '../../core/lanes.js';
import { LOGGER, type Logger } from '../../core/logger.js';
import { during, type Span, type SpanAttributes } from '../../core/tracing.js';
import { PrismaService } from '../../database/prisma.service.js';
import type { Outcome } from '../outcome.js';
import type { ClaimedEmail } from '../email-rows.js';
import type { Limiter } from '../limiter.js';
import { mayOverflow } from '../rate-policy.js';
import { WorkerRegistry } from '../../queue/worker-registry.js';
import { type Choice, openChoices, troublesDependOn } from './choices.js';
import { ConnectionShares } from './connection-shares.js';
import { watched } from './late-replies.js';
import { PATIENCE } from './patience.js';
import { TransportStates, type Way } from './transport-states.js';
import type { ComposedMessage, Offer, Transport } from './transport.js';
import { UNREACHABLE } from './troubles.js';

/** Milliseconds that a message waits at least when its transport failed it, come what may: no busy loop. */
const SOONEST_MS = 500;

/** Attempts that a greylisted message makes before it tries the next transport too: who is let in is who comes back, in minutes. */
const PATIENT_ATTEMPTS: Record<Lane, number> = { critical: 2, default: 3, bulk: 3 };

/** How many messages of a lane may be claimed now. */
export interface Admission {
  count: number;
  /** The transport they are to take, whose rate was charged for them where it has one. */
  via?: string;
  /** Milliseconds until a rate allows the next one, when that is what they wait for. */
  retryAfterMs?: number;
}

export interface Attempted {
  outcome: Outcome;
  /** The transport that had the last word; `none` when every one was closed. */
  transport: string;
}

/** What an attempt by one transport comes with. */
interface Surrounding {
  lane: Lane;
  way: Way;
  span: Span;
  late: () => void;
}

/** What is learned of a transport that has several messages and answers for none. */
function silent(): Outcome {
  return { kind: 'deferred', uncounted: true, errorCode: 'final_reply_late', transport: { kind: 'backoff', ms: PATIENCE.silentMs } };
}

/** What the choice of a transport for a message goes by. */
export type Route = Pick<ClaimedEmail, 'lane' | 'attempt' | 'via' | 'avoidTransport'>;

/** The configured transports in order of preference. */
@Injectable()
export class Transports implements OnModuleInit, OnApplicationShutdown {
  private readonly choices: Choice[];
  private readonly states: TransportStates;
  private readonly shares: ConnectionShares;

  constructor(
    @Inject(SETTINGS) settings: Settings,
    @Inject(PrismaService) prisma: PrismaService,
    @Inject(Clock) clock: Clock,
    @Inject(Keyring) keyring: Keyring,
    @Inject(WorkerRegistry) workers: WorkerRegistry,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    this.choices = openChoices(settings, { prisma, clock, log });
    const fingerprints = this.choices.map(({ key, settings: own }): [string, Uint8Array<ArrayBuffer>] => [
      key,
      keyring.hash(keyring.currentId, ['transport', JSON.stringify(troublesDependOn(own))]),
    ]);
    this.states = new TransportStates(prisma, log, PATIENCE, new Map(fingerprints), hostname());
    this.shares = new ConnectionShares(this.choices, workers, log);
  }

  /** Before the first drain. */
  async onModuleInit(): Promise<void> {
    await this.states.declare();
  }

  /**
   * How many of `wanted` messages may be claimed now, paid for where the transport they would take has a rate: all while
   * one is open, one when one is to be tried again, none while all are closed. Whoever claims asks first, so that waiting
   * mail is not claimed and put back over and over. One statement, and one more for each transport that a code passes over.
   */
  async admit(lane: Lane, wanted: number): Promise<Admission> {
    let soonest: number | undefined;
    let trial: Choice | undefined;
    await this.shares.refresh();
    for (const choice of this.choices) {
      const { kind } = await this.states.look(choice.key, lane === 'critical');
      if (kind === 'trial') trial ??= choice;
      if (kind !== 'open') continue;
      const admission = await this.pay(choice, lane, wanted);
      if (admission.count > 0) return admission;
      soonest = Math.min(soonest ?? Number.POSITIVE_INFINITY, admission.retryAfterMs!);
      if (!mayOverflow(lane)) break;
    }
    if (soonest !== undefined) return { count: 0, retryAfterMs: soonest };
    return trial ? this.pay(trial, lane, Math.min(1, wanted)) : { count: 0 };
  }

  /** What was paid for a transport and found no message, or took another one. What cannot be given back is lost. */
  async refund(via: string | undefined, unused = 1): Promise<void> {
    if (unused <= 0) return;
    try {
      await this.choices.find(({ key }) => key === via)?.limiter?.giveBack(unused);
    } catch (error) {
      this.log.error({ err: error, transport: via }, 'what was not sent could not be given back to the rate of a transport');
    }
  }

  /**
   * Goes on to the next transport only while the message was provably not taken. A message that has paid for a transport
   * passes those before it whose rate is used up; one that is to avoid a transport tries it last. `late` is called when
   * the final reply is overdue, which may come all the same: nothing else is to wait for it.
   */
  async send(message: ComposedMessage, offer: Offer, { lane, attempt, via, avoidTransport }: Route, span: Span, late: () => void): Promise<Attempted> {
    let last: Attempted | undefined;
    let paidFor = via;
    let before = via !== undefined && avoidTransport === null;
    for (const choice of this.inOrder(avoidTransport)) {
      const { key, transport, limiter } = choice;
      if (key === via) before = false;
      if (before && limiter && (await this.states.look(key)).kind === 'open') continue;
      const way = await this.takeWay(key, lane === 'critical');
      if (way.kind === 'closed') continue;
      if (key === paidFor) paidFor = undefined;
      else if (limiter && !(await this.mayTake(limiter, key, lane))) continue;
      const outcome = await this.hand(choice, message, offer, { lane, way, span, late });
      await this.learn(key, outcome, way);
      if (limiter && (isUncounted(outcome) || outcome.kind === 'withdrawn')) await this.tellNotSent(limiter, key);
      if (outcome.kind === 'withdrawn' && last) break; // what the one before said still holds
      // A server's word about the message weighs more than another server's absence.
      if (!isUncounted(outcome) || !last) last = { outcome, transport: transport.name };
      if (outcome.kind !== 'deferred' || (outcome.sameTransport && attempt < PATIENT_ATTEMPTS[lane])) break;
    }
    await this.refund(paidFor);
    last ??= { outcome: { kind: 'deferred', uncounted: true, errorCode: 'no_transport' }, transport: 'none' };
    return isUncounted(last.outcome) ? { ...last, outcome: { ...last.outcome, afterMs: await this.soonestMs() } } : last;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.choices.map(({ transport }) => transport.close()));
  }

  private async hand(choice: Choice, message: ComposedMessage, offer: Offer, { lane, way, span, late }: Surrounding): Promise<Outcome> {
    const { key, transport, shared, lateReplies, refusals } = choice;
    const urgent = lane === 'critical';
    let leave = (): void => undefined;
    const watch = watched(offer, PATIENCE.lateMs, () => {
      leave();
      late();
      if (lateReplies.overdue(way.kind === 'trial')) void this.learn(key, silent(), way);
    });
    const sending = (): Promise<Outcome> => traced(transport, message, watch.offer, urgent, span);
    try {
      const outcome = await (shared ? shared.slots.during((leaving) => ((leave = leaving), sending()), urgent) : sending());
      if (outcome.kind === 'sent' || ('reply' in outcome && outcome.reply !== undefined)) lateReplies.answered();
      return refusals.judge(outcome, message.to, lane, performance.now());
    } finally {
      watch.over();
    }
  }

  private inOrder(avoid: string | null): readonly Choice[] {
    if (avoid === null) return this.choices;
    const avoided = ({ transport }: Choice): boolean => transport.name === avoid;
    return [...this.choices.filter((choice) => !avoided(choice)), ...this.choices.filter(avoided)];
  }

  private async pay({ key, limiter }: Choice, lane: Lane, wanted: number): Promise<Admission> {
    if (!limiter) return { count: wanted, via: key };
    const { tokens, retryAfterMs } = await limiter.take(lane, wanted);
    return tokens > 0 ? { count: tokens, via: key } : { count: 0, retryAfterMs };
  }

  /** A way whose state cannot be read is left alone; the message may have been refused by another one already. */
  private async takeWay(key: string, urgent: boolean): Promise<Way> {
    try {
      return await this.states.take(key, urgent);
    } catch (error) {
      this.log.error({ err: error, transport: key }, 'the state of a transport could not be read');
      return { kind: 'closed', forMs: SOONEST_MS };
    }
  }

  /** After fail-over: a code goes out and may put the bucket into debt; other mail waits where there is no token. */
  private async mayTake(limiter: Limiter, key: string, lane: Lane): Promise<boolean> {
    try {
      if (!mayOverflow(lane)) return (await limiter.take(lane, 1)).tokens > 0;
      await limiter.charge();
    } catch (error) {
      this.log.error({ err: error, transport: key }, 'the rate of a transport could not be charged');
    }
    return true;
  }

  private async tellNotSent(limiter: Limiter, key: string): Promise<void> {
    try {
      await limiter.notSent();
    } catch (error) {
      this.log.error({ err: error, transport: key }, 'what was not sent could not be given back to the quota of a transport');
    }
  }

  /** The outcome stands, whether or not it can be learned from. */
  private async learn(key: string, outcome: Outcome, way: Way): Promise<void> {
    try {
      if (await this.states.learn(key, outcome, way)) await this.tellIfBlocked();
    } catch (error) {
      this.log.error({ err: error, transport: key }, 'the state of a transport could not be recorded');
    }
  }

  /** Refused or without a name, a server is not blocked: only where every port hangs, a filter is likely. */
  private async tellIfBlocked(): Promise<void> {
    const smtp = this.choices.filter(({ kind }) => kind === 'smtp');
    if (smtp.length === 0) return;
    for (const { key } of smtp) {
      const here = await this.states.troubleHere(key);
      if (here?.pauseReason !== UNREACHABLE || here.lastErrorCode !== 'smtp_connect_timeout') return;
    }
    this.log.error(
      { transports: smtp.map(({ key }) => key), host: hostname() },
      'no SMTP server can be reached: this host probably blocks SMTP. Mail is kept. Try another port, or ask the host to open it',
    );
  }

  /** Milliseconds until a transport may be tried. */
  private async soonestMs(): Promise<number> {
    const ways = await Promise.all(this.choices.map(({ key }) => this.states.look(key)));
    return Math.max(SOONEST_MS, Math.min(...ways.map((way) => (way.kind === 'closed' ? way.forMs : 0))));
  }
}

/** Ends as failed unless the message was taken. Of the server's words only their codes: the rest quotes addresses. */
function traced(transport: Transport, message: ComposedMessage, offer: Offer, urgent: boolean, parent: Span): Promise<Outcome> {
  const span = parent.child(`send by ${transport.name}`, 'client', { 'otpost.transport': transport.name });
  return during(span, async () => {
    const outcome = await transport.send(message, offer, urgent);
    span.note(codesOf(outcome));
    if (outcome.kind !== 'sent') span.end('errorCode' in outcome ? outcome.errorCode : outcome.kind);
    return outcome;
  });
}

/** `250 2.0.0 …` (RFC 5321 §4.2.1, RFC 3463 §2), or the status of an HTTP answer. */
function codesOf(outcome: Outcome): SpanAttributes {
  const reply = 'reply' in outcome ? outcome.reply : undefined;
  const [, code, enhanced] = /^(\d{3})(?:[ -]([245]\.\d{1,3}\.\d{1,3})\b)?/.exec(reply ?? '') ?? [];
  return { 'otpost.outcome': outcome.kind, 'otpost.reply_code': code === undefined ? undefined : Number(code), 'otpost.reply_enhanced_code': enhanced };
}

function isUncounted(outcome: Outcome): outcome is Extract<Outcome, { kind: 'deferred' }> {
  return outcome.kind === 'deferred' && outcome.uncounted === true;
}
