import type { PrismaService } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import type { TransportEffect } from '../outcome.js';
import type { Patience } from './patience.js';
import { REFUSALS } from './refusals-policy.js';

/** Failures to reach a server, in a row, after which it is no longer taken for a passing outage. */
const UNREACHABLE_LIMIT = 5;

export const UNREACHABLE = 'unreachable';

export type Backoff = Extract<TransportEffect, { kind: 'backoff' }>;

/** Why there is a trouble, for people: no address is in it. */
export interface TroubleWords {
  /** Such as smtp_550, or the reason of a break. */
  errorCode: string;
  /** The server's own words, on one line, without addresses. */
  reply: string | null;
}

/** By transport: a hash of its settings that betrays none of them. */
export type Fingerprints = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/**
 * The troubles of the ways out, in Postgres and judged by its clock: those that all workers share, because a server said
 * so, or those of one host, which only it feels. Written only by processes that have the settings a row speaks of.
 */
export class Troubles {
  private readonly table: Prisma.Sql;

  /** @param host undefined: what all workers share */
  constructor(
    private readonly prisma: PrismaService,
    private readonly patience: Patience,
    private readonly fingerprints: Fingerprints,
    private readonly host?: string,
  ) {
    this.table = host === undefined ? Prisma.sql`transport_states` : Prisma.sql`transport_hosts`;
  }

  /** At start: what was found out under other settings is forgotten; what this host felt is tried at once. */
  async declare(): Promise<void> {
    for (const [name, fingerprint] of this.fingerprints) {
      if (this.host === undefined) await this.declareShared(name, fingerprint);
      else await this.tryAnew(name, fingerprint);
    }
  }

  /** Takes the trial: one conditional statement, so only one message gets it, and codes besides. */
  async tryOut(name: string, urgent: boolean): Promise<boolean> {
    const taken = await this.prisma.$executeRaw`
      UPDATE ${this.table} t SET trial_until = now() + ${this.patience.trialMs} * interval '1 millisecond'
      WHERE ${this.row(name)} AND (${urgent} OR coalesce(trial_until, '-infinity') <= now())
        AND (coalesce(backoff_until, '-infinity') <= now() OR (${urgent} AND last_error_code = ANY(${[...REFUSALS]}::text[])))`;
    return taken > 0;
  }

  /** The trial was taken and found out nothing: somebody else may. */
  async release(name: string): Promise<void> {
    await this.prisma.$executeRaw`UPDATE ${this.table} t SET trial_until = NULL WHERE ${this.row(name)}`;
  }

  /** Answers whether there was a trouble. */
  async clear(name: string): Promise<boolean> {
    const cleared =
      this.host === undefined
        ? await this.prisma.$executeRaw`
            UPDATE transport_states t SET paused_at = NULL, pause_reason = NULL, backoff_until = NULL, failures = 0, trial_until = NULL
            WHERE ${this.row(name)} AND (paused_at IS NOT NULL OR failures > 0)`
        : await this.prisma.$executeRaw`DELETE FROM transport_hosts t WHERE ${this.row(name)}`;
    return cleared > 0;
  }

  /** `not_ours`: the row speaks of other settings. */
  async pause(name: string, reason: string, { errorCode, reply }: TroubleWords): Promise<'paused' | 'paused_before' | 'not_ours'> {
    const [paused] = await this.prisma.$queryRaw<{ news: boolean }[]>`
      WITH before AS (SELECT name, paused_at FROM ${this.table} t WHERE ${this.row(name)} FOR UPDATE)
      UPDATE ${this.table} t SET
        paused_at = coalesce(t.paused_at, now()), pause_reason = ${reason}, failures = failures + 1, trial_until = NULL,
        backoff_until = now() + ${this.patience.probeEveryMs} * interval '1 millisecond',
        last_error_code = ${errorCode}, last_reply = ${reply}
      FROM before WHERE ${this.row(name)} AND t.fingerprint = ${this.fingerprints.get(name)}
      RETURNING before.paused_at IS NULL AS news`;
    if (!paused) return 'not_ours';
    return paused.news ? 'paused' : 'paused_before';
  }

  /**
   * Concurrent failures are one: only what fails after the last break was over makes the next one longer, and answers
   * with how many there were in a row.
   */
  async backOff(name: string, { ms, unreachable, longestMs }: Backoff, { errorCode, reply }: TroubleWords): Promise<{ failures: number; pausedNow: boolean } | undefined> {
    const { longestBackoffMs, probeEveryMs } = this.patience;
    const longest = longestMs ?? Math.max(ms, longestBackoffMs);
    if (this.host !== undefined) await this.insert(name);
    const [state] = await this.prisma.$queryRaw<{ failures: number; pausedNow: boolean }[]>`
      WITH before AS (
        SELECT name, paused_at, failures FROM ${this.table} t
        WHERE ${this.row(name)} AND coalesce(backoff_until, '-infinity') <= now() FOR UPDATE
      ), judged AS (
        SELECT *, ${unreachable === true} AND paused_at IS NULL AND failures + 1 >= ${UNREACHABLE_LIMIT} AS "pausedNow" FROM before
      )
      UPDATE ${this.table} t SET
        failures = judged.failures + 1, trial_until = NULL, last_error_code = ${errorCode}, last_reply = ${reply},
        paused_at = CASE WHEN judged."pausedNow" THEN now() ELSE t.paused_at END,
        pause_reason = CASE WHEN judged."pausedNow" THEN ${UNREACHABLE} ELSE t.pause_reason END,
        backoff_until = now() + interval '1 millisecond' * CASE
          WHEN judged."pausedNow" OR t.paused_at IS NOT NULL THEN ${probeEveryMs}
          ELSE least(${ms} * power(2, least(judged.failures, 16)), ${longest}) END
      FROM judged WHERE ${this.row(name)} AND t.fingerprint = ${this.fingerprints.get(name)}
      RETURNING t.failures, judged."pausedNow"`;
    return state;
  }

  private row(name: string): Prisma.Sql {
    return this.host === undefined ? Prisma.sql`t.name = ${name}` : Prisma.sql`t.name = ${name} AND t.host = ${this.host}`;
  }

  private async insert(name: string): Promise<void> {
    await this.prisma.$executeRaw`
      INSERT INTO transport_hosts (name, host, fingerprint) VALUES (${name}, ${this.host}, ${this.fingerprints.get(name)})
      ON CONFLICT (name, host) DO NOTHING`;
  }

  private async declareShared(name: string, fingerprint: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.prisma.$executeRaw`
      INSERT INTO transport_states AS t (name, fingerprint) VALUES (${name}, ${fingerprint})
      ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, paused_at = NULL, pause_reason = NULL,
        backoff_until = NULL, failures = 0, trial_until = NULL
      WHERE t.fingerprint IS DISTINCT FROM excluded.fingerprint`;
  }

  private async tryAnew(name: string, fingerprint: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.prisma.$executeRaw`
      DELETE FROM transport_hosts t WHERE ${this.row(name)} AND fingerprint IS DISTINCT FROM ${fingerprint}`;
    await this.prisma.$executeRaw`UPDATE transport_hosts t SET backoff_until = now(), trial_until = NULL WHERE ${this.row(name)}`;
  }
}
