import type { Logger } from '../../core/logger.js';
import { quote } from '../../core/quote.js';
import type { PrismaService } from '../../database/prisma.service.js';
import type { Outcome } from '../outcome.js';
import type { Patience } from './patience.js';
import { REFUSALS } from './refusals-policy.js';
import { causeOf } from './trouble-causes.js';
import { type Backoff, type Fingerprints, Troubles, type TroubleWords } from './troubles.js';

/** Milliseconds to wait while somebody else tries a transport that was in trouble. */
const TRIAL_AGAIN_MS = 1_000;

/** Whether a message may go a way now. */
export type Way =
  | { kind: 'open' }
  /** As the only one: the transport was in trouble, and this message finds out whether it still is. */
  | { kind: 'trial' }
  | { kind: 'closed'; forMs: number };

interface Read {
  name: string;
  pauseReason: string | null;
  lastErrorCode: string | null;
  failures: number;
  /** `performance.now()` at which the break is over. */
  breakUntil: number;
  /** `performance.now()` at which a trial that has found out nothing is given up. */
  trialUntil: number;
}

type Scope = 'shared' | 'here';

/**
 * What is known of the ways out: paused, having a break, or fine. What a server said holds for all workers; what only
 * this host feels (no name, no connection, no greeting) holds for this host alone, lest a process behind a firewall stop
 * all others. It is in Postgres and read at most once a second. A transport comes back by a trial with one message:
 * after a break, every so often while paused, and at once when a process starts with other settings for it.
 */
export class TransportStates {
  private readonly troubles: Readonly<Record<Scope, Troubles>>;
  private known: Record<Scope, Map<string, Read>> = { shared: new Map(), here: new Map() };
  /** `performance.now()` of the last reading. */
  private at = Number.NEGATIVE_INFINITY;
  private reading: Promise<void> | undefined;
  /** Ways that are closed to this process alone, until this `performance.now()`: others have newer settings for them. */
  private readonly shunned = new Map<string, number>();

  constructor(
    private readonly prisma: PrismaService,
    private readonly log: Logger,
    private readonly patience: Patience,
    fingerprints: Fingerprints,
    private readonly host: string,
  ) {
    this.troubles = {
      shared: new Troubles(prisma, patience, fingerprints),
      here: new Troubles(prisma, patience, fingerprints, host),
    };
  }

  /** At start: what was found out under other settings is forgotten. */
  async declare(): Promise<void> {
    await this.troubles.shared.declare();
    await this.troubles.here.declare();
  }

  /**
   * Asks for a way. A trial is given to one message of all workers, or of this host, wherever the trouble was. A code does
   * not wait for the trial of another message, nor for a break that came of what others were refused.
   */
  async take(name: string, urgent = false): Promise<Way> {
    const way = await this.look(name, urgent);
    if (way.kind !== 'trial') return way;
    const scopes = (['here', 'shared'] as const).filter((scope) => this.wayOf(scope, name, urgent).kind === 'trial');
    this.forget();
    for (const [taken, scope] of scopes.entries()) {
      if (await this.troubles[scope].tryOut(name, urgent)) continue;
      for (const earlier of scopes.slice(0, taken)) await this.troubles[earlier].release(name);
      return { kind: 'closed', forMs: TRIAL_AGAIN_MS };
    }
    return way;
  }

  /** The same without taking it. */
  async look(name: string, urgent = false): Promise<Way> {
    const shunnedForMs = (this.shunned.get(name) ?? 0) - performance.now();
    if (shunnedForMs > 0) return { kind: 'closed', forMs: shunnedForMs };
    await this.refresh();
    const [shared, here] = [this.wayOf('shared', name, urgent), this.wayOf('here', name, urgent)];
    if (shared.kind === 'closed' && here.kind === 'closed') return { kind: 'closed', forMs: Math.max(shared.forMs, here.forMs) };
    if (shared.kind === 'closed' || here.kind === 'open') return shared;
    return here;
  }

  /** Notes what an attempt taught about its transport. Returns true when it was thereby paused as unreachable. */
  async learn(name: string, outcome: Outcome, way: Way): Promise<boolean> {
    const effect = 'transport' in outcome ? outcome.transport : undefined;
    const tried = way.kind === 'trial';
    if (outcome.kind === 'withdrawn') {
      if (tried) await this.troubles.shared.release(name); // nothing was learned
      return false;
    }
    if (effect?.kind === 'backoff' && effect.here) {
      if (tried) await this.troubles.shared.release(name); // of the server it learned nothing
      return this.backOff('here', name, effect, wordsOf(outcome));
    }
    if (effect?.kind === 'pause') await this.pause(name, effect.reason, wordsOf(outcome));
    else if (effect?.kind === 'backoff') await this.backOff('shared', name, effect, wordsOf(outcome, effect));
    if (!tried) return false;
    const reached = await this.troubles.here.clear(name);
    const well = effect?.kind !== 'pause' && effect?.kind !== 'backoff' && (await this.troubles.shared.clear(name));
    this.forget();
    if (reached || well) this.log.info({ transport: name }, well ? 'the transport works again' : 'the transport can be reached again');
    return false;
  }

  /** Why this host has given up on a transport for now. */
  async troubleHere(name: string): Promise<Pick<Read, 'pauseReason' | 'lastErrorCode'> | undefined> {
    await this.refresh();
    return this.known.here.get(name);
  }

  private wayOf(scope: Scope, name: string, urgent: boolean): Way {
    const state = this.known[scope].get(name);
    if (!state || (state.failures === 0 && state.pauseReason === null)) return { kind: 'open' };
    const now = performance.now();
    if (urgent && (REFUSALS.includes(state.lastErrorCode ?? '') || state.breakUntil <= now)) return { kind: 'trial' };
    if (state.breakUntil > now) return { kind: 'closed', forMs: state.breakUntil - now };
    // A trial takes as long as a message, mostly far less than it may.
    if (state.trialUntil > now) return { kind: 'closed', forMs: Math.min(state.trialUntil - now, TRIAL_AGAIN_MS) };
    return { kind: 'trial' };
  }

  private async pause(name: string, reason: string, words: TroubleWords): Promise<void> {
    const { probeEveryMs } = this.patience;
    const paused = await this.troubles.shared.pause(name, reason, words);
    this.forget();
    if (paused === 'not_ours') this.shun(name, probeEveryMs);
    if (paused === 'paused_before') return;
    const { cause, remedy } = causeOf(name, words);
    this.log.error({ transport: name, reason, reply: words.reply ?? undefined }, `${cause} Its mail is kept, and a try is made every ${probeEveryMs / 1_000} s. ${remedy}`);
  }

  private async backOff(scope: Scope, name: string, effect: Backoff, words: TroubleWords): Promise<boolean> {
    const state = await this.troubles[scope].backOff(name, effect, words);
    this.forget();
    if (!state && (await this.look(name)).kind !== 'closed') this.shun(name, effect.ms);
    if (state?.failures === 1) {
      const { unreachable = false } = effect;
      const facts = { transport: name, unreachable, errorCode: words.errorCode, reply: words.reply ?? undefined, ...(scope === 'here' ? { host: this.host } : {}) };
      const { cause, remedy } = causeOf(name, words);
      this.log.warn(facts, `${cause} Its mail goes another way or waits. ${remedy}`);
    }
    return state?.pausedNow ?? false;
  }

  /** The row speaks of other settings than ours. */
  private shun(name: string, ms: number): void {
    this.shunned.set(name, performance.now() + ms);
  }

  private forget(): void {
    this.at = Number.NEGATIVE_INFINITY;
  }

  private async refresh(): Promise<void> {
    if (performance.now() - this.at < this.patience.statesMs) return;
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    await this.reading;
  }

  private async read(): Promise<void> {
    const at = performance.now();
    try {
      const rows = await this.prisma.$queryRaw<(Pick<Read, 'name' | 'pauseReason' | 'lastErrorCode' | 'failures'> & { scope: Scope; breakMs: number; trialMs: number })[]>`
        SELECT scope, name, pause_reason AS "pauseReason", last_error_code AS "lastErrorCode", failures,
          coalesce(1000 * extract(epoch FROM backoff_until - now()), 0)::float8 AS "breakMs",
          coalesce(1000 * extract(epoch FROM trial_until - now()), 0)::float8 AS "trialMs"
        FROM (
          SELECT 'shared' AS scope, name, pause_reason, last_error_code, failures, backoff_until, trial_until FROM transport_states
          UNION ALL
          SELECT 'here', name, pause_reason, last_error_code, failures, backoff_until, trial_until FROM transport_hosts WHERE host = ${this.host}
        ) AS rows`;
      const now = performance.now();
      const known: typeof this.known = { shared: new Map(), here: new Map() };
      for (const { scope, breakMs, trialMs, ...row } of rows) {
        known[scope].set(row.name, { ...row, breakUntil: now + breakMs, trialUntil: now + trialMs });
      }
      this.known = known;
    } catch (error) {
      this.log.warn({ err: error }, 'the states of the transports could not be read; the last known ones count');
    }
    this.at = at;
  }
}

/** Why, for people: the log and the health report show no addresses. */
function wordsOf(outcome: Outcome, effect?: Backoff): TroubleWords {
  const errorCode = effect?.reason ?? ('errorCode' in outcome ? outcome.errorCode : outcome.kind);
  return { errorCode, reply: 'reply' in outcome && outcome.reply !== undefined ? quote(outcome.reply) : null };
}
