import type { Logger } from '../../core/logger.js';
import { quote } from '../../core/mask.js';
import type { PrismaService } from '../../database/prisma.service.js';
import type { Timeouts } from '../transport/timeouts.js';
import type { Outcome } from '../transport/transport.js';
import { type Backoff, type FailureWords, type Fingerprints, StoredBreakers } from './breaker-records.js';
import { causeOf } from './causes.js';
import { isUnasked } from './failover-policy.js';
import { REFUSALS } from './refusals-policy.js';

/** Milliseconds to wait while another message has the probe. */
const PROBE_AGAIN_MS = 1_000;

/** The state of a circuit breaker, as a message finds it. */
export type BreakerState =
  /** The transport works, as far as is known. */
  | { kind: 'closed' }
  /** This message alone may go: it is the probe that finds out whether the transport works again. */
  | { kind: 'half_open' }
  /** No message may go for so many milliseconds. */
  | { kind: 'open'; forMs: number };

interface Known {
  name: string;
  pauseReason: string | null;
  lastErrorCode: string | null;
  failures: number;
  /** `performance.now()` at which the break is over. */
  breakUntil: number;
  /** `performance.now()` at which a probe that was never answered for is given up. */
  probeUntil: number;
}

type Scope = 'shared' | 'here';

/**
 * The circuit breakers of the transports: open while a transport is paused or has a break. What a server said opens the
 * breaker of all workers. What only this host feels (no name, no connection, no greeting) opens the one of this host,
 * lest a process behind a firewall stop all others. The states are in Postgres and read at most once a second. A
 * breaker is half open after a break, every so often while the transport is paused, and at once when a process starts
 * with other settings for it: then one message is the probe.
 */
export class BreakerStates {
  private readonly breakers: Readonly<Record<Scope, StoredBreakers>>;
  private known: Record<Scope, Map<string, Known>> = { shared: new Map(), here: new Map() };
  /** `performance.now()` of the last reading. */
  private at = Number.NEGATIVE_INFINITY;
  private reading: Promise<void> | undefined;
  /** Transports that others have newer settings for: open for this process alone, until this `performance.now()`. */
  private readonly outdated = new Map<string, number>();

  constructor(
    private readonly prisma: PrismaService,
    private readonly log: Logger,
    private readonly timeouts: Timeouts,
    fingerprints: Fingerprints,
    private readonly host: string,
  ) {
    this.breakers = {
      shared: new StoredBreakers(prisma, timeouts, fingerprints),
      here: new StoredBreakers(prisma, timeouts, fingerprints, host),
    };
  }

  /** At start: what was found out under other settings is forgotten. */
  async declare(): Promise<void> {
    await this.breakers.shared.declare();
    await this.breakers.here.declare();
  }

  /**
   * Asks to pass. A probe is given to one message of all workers, or of this host, wherever the breaker is half open. A
   * code does not wait for the probe of another message, nor for a break that came of what others were refused.
   */
  async pass(name: string, urgent = false): Promise<BreakerState> {
    const state = await this.look(name, urgent);
    if (state.kind !== 'half_open') return state;
    const scopes = (['here', 'shared'] as const).filter(
      (scope) => this.stateOf(scope, name, urgent).kind === 'half_open',
    );
    this.forget();
    for (const [taken, scope] of scopes.entries()) {
      if (await this.breakers[scope].takeProbe(name, urgent)) continue;
      for (const earlier of scopes.slice(0, taken)) await this.breakers[earlier].releaseProbe(name);
      return { kind: 'open', forMs: PROBE_AGAIN_MS };
    }
    return state;
  }

  /** The same without taking the probe. */
  async look(name: string, urgent = false): Promise<BreakerState> {
    const outdatedForMs = (this.outdated.get(name) ?? 0) - performance.now();
    if (outdatedForMs > 0) return { kind: 'open', forMs: outdatedForMs };
    await this.refresh();
    const [shared, here] = [this.stateOf('shared', name, urgent), this.stateOf('here', name, urgent)];
    if (shared.kind === 'open' && here.kind === 'open')
      return { kind: 'open', forMs: Math.max(shared.forMs, here.forMs) };
    return shared.kind === 'open' || here.kind === 'closed' ? shared : here;
  }

  /** Notes what an attempt taught about its transport. Returns true when it was thereby paused as unreachable. */
  async learn(name: string, outcome: Outcome, state: BreakerState): Promise<boolean> {
    const effect = 'transport' in outcome ? outcome.transport : undefined;
    const isProbe = state.kind === 'half_open';
    if (outcome.kind === 'withdrawn' || isUnasked(outcome)) {
      // Nothing was learned.
      if (isProbe) for (const one of Object.values(this.breakers)) await one.releaseProbe(name);
      return false;
    }
    if (effect?.kind === 'backoff' && effect.here) {
      if (isProbe) await this.breakers.shared.releaseProbe(name); // of the server it learned nothing
      return this.backOff('here', name, effect, wordsOf(outcome));
    }
    if (effect?.kind === 'pause') await this.pause(name, effect.reason, wordsOf(outcome));
    else if (effect?.kind === 'backoff') await this.backOff('shared', name, effect, wordsOf(outcome, effect));
    if (!isProbe) return false;
    const reached = await this.breakers.here.close(name);
    const well = effect?.kind !== 'pause' && effect?.kind !== 'backoff' && (await this.breakers.shared.close(name));
    this.forget();
    if (reached || well)
      this.log.info({ transport: name }, well ? 'the transport works again' : 'the transport can be reached again');
    return false;
  }

  /** Why this host has given up on a transport for now. */
  async failureHere(name: string): Promise<Pick<Known, 'pauseReason' | 'lastErrorCode'> | undefined> {
    await this.refresh();
    return this.known.here.get(name);
  }

  private stateOf(scope: Scope, name: string, urgent: boolean): BreakerState {
    const state = this.known[scope].get(name);
    if (!state || (state.failures === 0 && state.pauseReason === null)) return { kind: 'closed' };
    const now = performance.now();
    if (urgent && (REFUSALS.includes(state.lastErrorCode ?? '') || state.breakUntil <= now))
      return { kind: 'half_open' };
    if (state.breakUntil > now) return { kind: 'open', forMs: state.breakUntil - now };
    // A probe takes as long as a message, mostly far less than it may.
    if (state.probeUntil > now) return { kind: 'open', forMs: Math.min(state.probeUntil - now, PROBE_AGAIN_MS) };
    return { kind: 'half_open' };
  }

  private async pause(name: string, reason: string, words: FailureWords): Promise<void> {
    const { probeEveryMs } = this.timeouts;
    const paused = await this.breakers.shared.pause(name, reason, words);
    this.forget();
    if (paused === 'not_ours') this.openHere(name, probeEveryMs);
    if (paused === 'paused_before') return;
    const { cause, remedy } = causeOf(name, words);
    this.log.error(
      { transport: name, reason, reply: words.reply ?? undefined },
      `${cause} Its mail is kept, and a try is made every ${probeEveryMs / 1_000} s. ${remedy}`,
    );
  }

  private async backOff(scope: Scope, name: string, effect: Backoff, words: FailureWords): Promise<boolean> {
    const state = await this.breakers[scope].backOff(name, effect, words);
    this.forget();
    if (!state && (await this.look(name)).kind !== 'open') this.openHere(name, effect.ms);
    if (state?.failures === 1) {
      const { unreachable = false } = effect;
      const facts = {
        transport: name,
        unreachable,
        errorCode: words.errorCode,
        reply: words.reply ?? undefined,
        ...(scope === 'here' ? { host: this.host } : {}),
      };
      const { cause, remedy } = causeOf(name, words);
      this.log.warn(facts, `${cause} Its mail goes another way or waits. ${remedy}`);
    }
    return state?.pausedNow ?? false;
  }

  /** The row speaks of other settings than ours. */
  private openHere(name: string, ms: number): void {
    this.outdated.set(name, performance.now() + ms);
  }

  private forget(): void {
    this.at = Number.NEGATIVE_INFINITY;
  }

  private async refresh(): Promise<void> {
    if (performance.now() - this.at < this.timeouts.statesMs) return;
    this.reading ??= this.read().finally(() => (this.reading = undefined));
    await this.reading;
  }

  private async read(): Promise<void> {
    const at = performance.now();
    try {
      const rows = await this.prisma.statements.query<
        (Pick<Known, 'name' | 'pauseReason' | 'lastErrorCode' | 'failures'> & {
          scope: Scope;
          breakMs: number;
          probeMs: number;
        })[]
      >`
        SELECT scope, name, pause_reason AS "pauseReason", last_error_code AS "lastErrorCode", failures,
          coalesce(1000 * extract(epoch FROM backoff_until - now()), 0)::float8 AS "breakMs",
          coalesce(1000 * extract(epoch FROM trial_until - now()), 0)::float8 AS "probeMs"
        FROM (
          SELECT 'shared' AS scope, name, pause_reason, last_error_code, failures, backoff_until, trial_until FROM transport_states
          UNION ALL
          SELECT 'here', name, pause_reason, last_error_code, failures, backoff_until, trial_until FROM transport_hosts WHERE host = ${this.host}
        ) AS rows`;
      const now = performance.now();
      const known: typeof this.known = { shared: new Map(), here: new Map() };
      for (const { scope, breakMs, probeMs, ...row } of rows) {
        known[scope].set(row.name, { ...row, breakUntil: now + breakMs, probeUntil: now + probeMs });
      }
      this.known = known;
    } catch (error) {
      this.log.warn({ err: error }, 'the states of the transports could not be read; the last known ones count');
    }
    this.at = at;
  }
}

/** Why, for people: the log and the health report show no addresses. */
function wordsOf(outcome: Outcome, effect?: Backoff): FailureWords {
  const errorCode = effect?.reason ?? ('errorCode' in outcome ? outcome.errorCode : outcome.kind);
  return { errorCode, reply: 'reply' in outcome && outcome.reply !== undefined ? quote(outcome.reply) : null };
}
