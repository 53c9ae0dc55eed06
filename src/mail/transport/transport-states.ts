import type { Logger } from '../../core/logger.js';
import type { PrismaService } from '../../database/prisma.service.js';
import type { Outcome, TransportEffect } from '../outcome.js';
import type { Patience } from './patience.js';

/** Milliseconds to wait while somebody else tries a transport that was in trouble. */
const TRIAL_AGAIN_MS = 1_000;
/** Failures to reach a server, in a row, after which it is no longer taken for a passing outage. */
const UNREACHABLE_LIMIT = 5;

export const UNREACHABLE = 'smtp_unreachable';

/** Whether a message may go a way now. */
export type Way =
  | { kind: 'open' }
  /** As the only one: the transport was in trouble, and this message finds out whether it still is. */
  | { kind: 'trial' }
  | { kind: 'closed'; forMs: number };

interface Read {
  name: string;
  pauseReason: string | null;
  failures: number;
  /** `performance.now()` at which the break is over. */
  breakUntil: number;
  /** `performance.now()` at which a trial that has found out nothing is given up. */
  trialUntil: number;
}

/**
 * What all workers know of the ways out: paused, having a break, or fine. It lives in Postgres, is read at most once a
 * second, and judged by the clock of Postgres. A transport comes back by a trial with one message: after a break, every
 * so often while paused, and at once when a process starts with other settings for it.
 */
export class TransportStates {
  private known = new Map<string, Read>();
  /** `performance.now()` of the last reading. */
  private at = Number.NEGATIVE_INFINITY;
  private reading: Promise<void> | undefined;
  /** Ways that are closed to this process alone, until this `performance.now()`: others have newer settings for them. */
  private readonly shunned = new Map<string, number>();

  constructor(
    private readonly prisma: PrismaService,
    private readonly log: Logger,
    private readonly patience: Patience,
    /** By transport: a hash of its settings that betrays none of them. */
    private readonly fingerprints: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  ) {}

  /** At start: what was found out under other settings is forgotten. */
  async declare(): Promise<void> {
    for (const [name, fingerprint] of this.fingerprints) {
      await this.prisma.$executeRaw`
        INSERT INTO transport_states AS t (name, fingerprint) VALUES (${name}, ${fingerprint})
        ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, paused_at = NULL, pause_reason = NULL,
          backoff_until = NULL, failures = 0, trial_until = NULL
        WHERE t.fingerprint IS DISTINCT FROM excluded.fingerprint`;
    }
  }

  /** Asks for a way. Taking a trial is one conditional statement, so only one message of all workers gets it. */
  async take(name: string): Promise<Way> {
    const way = await this.look(name);
    if (way.kind !== 'trial') return way;
    this.forget();
    const taken = await this.prisma.$executeRaw`
      UPDATE transport_states SET trial_until = now() + ${this.patience.trialMs} * interval '1 millisecond'
      WHERE name = ${name} AND coalesce(trial_until, '-infinity') <= now() AND coalesce(backoff_until, '-infinity') <= now()`;
    return taken > 0 ? way : { kind: 'closed', forMs: TRIAL_AGAIN_MS };
  }

  /** The same without taking it. */
  async look(name: string): Promise<Way> {
    const shunnedForMs = (this.shunned.get(name) ?? 0) - performance.now();
    if (shunnedForMs > 0) return { kind: 'closed', forMs: shunnedForMs };
    await this.refresh();
    const state = this.known.get(name);
    if (!state || (state.failures === 0 && state.pauseReason === null)) return { kind: 'open' };
    const now = performance.now();
    if (state.breakUntil > now) return { kind: 'closed', forMs: state.breakUntil - now };
    // A trial takes as long as a message, mostly far less than it may.
    if (state.trialUntil > now) return { kind: 'closed', forMs: Math.min(state.trialUntil - now, TRIAL_AGAIN_MS) };
    return { kind: 'trial' };
  }

  /** Notes what an attempt taught about its transport. Returns true when it was thereby paused as unreachable. */
  async learn(name: string, outcome: Outcome, way: Way): Promise<boolean> {
    const effect = 'transport' in outcome ? outcome.transport : undefined;
    if (effect?.kind === 'pause') await this.pause(name, effect.reason);
    else if (effect?.kind === 'backoff') return this.backOff(name, effect);
    else if (way.kind === 'trial') await this.resume(name);
    return false;
  }

  /** Opens a way again, whatever closed it. */
  async resume(name: string): Promise<void> {
    const resumed = await this.prisma.$executeRaw`
      UPDATE transport_states SET paused_at = NULL, pause_reason = NULL, backoff_until = NULL, failures = 0, trial_until = NULL
      WHERE name = ${name} AND (paused_at IS NOT NULL OR failures > 0)`;
    this.forget();
    if (resumed > 0) this.log.info({ transport: name }, 'the transport works again');
  }

  async reasonOf(name: string): Promise<string | null> {
    await this.refresh();
    return this.known.get(name)?.pauseReason ?? null;
  }

  private async pause(name: string, reason: string): Promise<void> {
    const { probeEveryMs } = this.patience;
    const [paused] = await this.prisma.$queryRaw<{ news: boolean }[]>`
      WITH before AS (SELECT name, paused_at FROM transport_states WHERE name = ${name} FOR UPDATE)
      UPDATE transport_states t SET
        paused_at = coalesce(t.paused_at, now()), pause_reason = ${reason}, failures = failures + 1, trial_until = NULL,
        backoff_until = now() + ${probeEveryMs} * interval '1 millisecond'
      FROM before WHERE t.name = before.name AND t.fingerprint = ${this.fingerprints.get(name)}
      RETURNING before.paused_at IS NULL AS news`;
    this.forget();
    if (!paused) this.shun(name, probeEveryMs);
    if (paused?.news === false) return;
    this.log.error(
      { transport: name, reason },
      `the transport is paused: the server refuses the login. Its mail is kept. Mend the user and the password in MAIL_TRANSPORTS; a try is made every ${probeEveryMs / 1_000} s`,
    );
  }

  /** Concurrent failures are one: only what fails after the last break was over makes the next one longer. */
  private async backOff(name: string, effect: Extract<TransportEffect, { kind: 'backoff' }>): Promise<boolean> {
    const { longestBackoffMs, probeEveryMs } = this.patience;
    const { ms, unreachable = false } = effect as { ms: number; unreachable?: boolean };
    const longest = Math.max(ms, longestBackoffMs);
    const [state] = await this.prisma.$queryRaw<{ failures: number; pausedNow: boolean }[]>`
      WITH before AS (
        SELECT name, paused_at, failures FROM transport_states
        WHERE name = ${name} AND coalesce(backoff_until, '-infinity') <= now() FOR UPDATE
      ), judged AS (
        SELECT *, ${unreachable} AND paused_at IS NULL AND failures + 1 >= ${UNREACHABLE_LIMIT} AS "pausedNow" FROM before
      )
      UPDATE transport_states t SET
        failures = judged.failures + 1, trial_until = NULL,
        paused_at = CASE WHEN judged."pausedNow" THEN now() ELSE t.paused_at END,
        pause_reason = CASE WHEN judged."pausedNow" THEN ${UNREACHABLE} ELSE t.pause_reason END,
        backoff_until = now() + interval '1 millisecond' * CASE
          WHEN judged."pausedNow" OR t.paused_at IS NOT NULL THEN ${probeEveryMs}
          ELSE least(${ms} * power(2, least(judged.failures, 16)), ${longest}) END
      FROM judged WHERE t.name = judged.name AND t.fingerprint = ${this.fingerprints.get(name)}
      RETURNING t.failures, judged."pausedNow"`;
    this.forget();
    if (!state && (await this.look(name)).kind !== 'closed') this.shun(name, ms);
    if (state?.failures === 1) this.log.warn({ transport: name, unreachable }, 'the transport cannot be used for now; its mail waits');
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
      const rows = await this.prisma.$queryRaw<(Pick<Read, 'name' | 'pauseReason' | 'failures'> & { breakMs: number; trialMs: number })[]>`
        SELECT name, pause_reason AS "pauseReason", failures,
          coalesce(1000 * extract(epoch FROM backoff_until - now()), 0)::float8 AS "breakMs",
          coalesce(1000 * extract(epoch FROM trial_until - now()), 0)::float8 AS "trialMs"
        FROM transport_states`;
      const now = performance.now();
      this.known = new Map(
        rows.map(({ breakMs, trialMs, ...row }) => [row.name, { ...row, breakUntil: now + breakMs, trialUntil: now + trialMs }]),
      );
    } catch (error) {
      this.log.warn({ err: error }, 'the states of the transports could not be read; the last known ones count');
    }
    this.at = at;
  }
}
