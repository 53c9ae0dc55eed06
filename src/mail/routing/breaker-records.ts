import { Injectable } from '@nestjs/common';
import type { AuditEntry } from '../../audit/audit.js';
import { LOWEST_UUID } from '../../core/ids.js';
import { PrismaService, type Transactions, type UnitOfWork } from '../../database/prisma.service.js';
import { Prisma } from '../../generated/prisma/client.js';
import { lettingGo } from '../outbox/changes.js';
import type { Timeouts } from '../transport/timeouts.js';
import type { TransportEffect } from '../transport/transport.js';
import { REFUSALS } from './refusals-policy.js';

/** Failures to reach a server, in a row, after which it is no longer taken for a passing outage. */
const UNREACHABLE_LIMIT = 5;

export const UNREACHABLE = 'unreachable';

export type Backoff = Extract<TransportEffect, { kind: 'backoff' }>;

/** Why a breaker opened, for people: no address is in it. */
export interface FailureWords {
  /** Such as smtp_550, or the reason of a break. */
  errorCode: string;
  /** The server's own words, on one line, without addresses. */
  reply: string | null;
}

/** By transport: a hash of its settings that betrays none of them. */
export type Fingerprints = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;

/**
 * The circuit breakers of the transports, in Postgres and judged by its clock: those that all workers share, because a
 * server said so, or those of one host, which only that host feels. A row is written only by processes with the
 * settings that it speaks of.
 */
export class StoredBreakers {
  private readonly table: Prisma.Sql;

  /** @param host undefined: what all workers share */
  constructor(
    private readonly prisma: PrismaService,
    private readonly timeouts: Timeouts,
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

  /** Half open: takes the probe. One conditional statement, so that only one message gets it, and codes besides. */
  async takeProbe(name: string, urgent: boolean): Promise<boolean> {
    const taken = await this.prisma.statements.execute`
      UPDATE ${this.table} t SET trial_until = now() + ${this.timeouts.probeMs} * interval '1 millisecond'
      WHERE ${this.row(name)} AND (${urgent} OR coalesce(trial_until, '-infinity') <= now())
        AND (coalesce(backoff_until, '-infinity') <= now() OR (${urgent} AND last_error_code = ANY(${[...REFUSALS]}::text[])))`;
    return taken > 0;
  }

  /** The probe found out nothing: another message may take it. */
  async releaseProbe(name: string): Promise<void> {
    await this.prisma.statements.execute`UPDATE ${this.table} t SET trial_until = NULL WHERE ${this.row(name)}`;
  }

  /** Answers whether the breaker was not closed before. */
  async close(name: string): Promise<boolean> {
    const closed =
      this.host === undefined
        ? await this.prisma.statements.execute`
            UPDATE transport_states t SET paused_at = NULL, pause_reason = NULL, backoff_until = NULL, failures = 0, trial_until = NULL
            WHERE ${this.row(name)} AND (paused_at IS NOT NULL OR failures > 0)`
        : await this.prisma.statements.execute`DELETE FROM transport_hosts t WHERE ${this.row(name)}`;
    return closed > 0;
  }

  /** `not_ours`: the row speaks of other settings. */
  async pause(
    name: string,
    reason: string,
    { errorCode, reply }: FailureWords,
  ): Promise<'paused' | 'paused_before' | 'not_ours'> {
    const [paused] = await this.prisma.statements.query<{ news: boolean }[]>`
      WITH before AS (SELECT name, paused_at FROM ${this.table} t WHERE ${this.row(name)} FOR UPDATE)
      UPDATE ${this.table} t SET
        paused_at = coalesce(t.paused_at, now()), pause_reason = ${reason}, failures = failures + 1, trial_until = NULL,
        backoff_until = now() + ${this.timeouts.probeEveryMs} * interval '1 millisecond',
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
  async backOff(
    name: string,
    { ms, unreachable, longestMs }: Backoff,
    { errorCode, reply }: FailureWords,
  ): Promise<{ failures: number; pausedNow: boolean } | undefined> {
    const longest = longestMs ?? Math.max(ms, this.timeouts.longestBackoffMs);
    if (this.host !== undefined) await this.insert(name);
    const [state] = await this.prisma.statements.query<{ failures: number; pausedNow: boolean }[]>`
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
          WHEN judged."pausedNow" OR t.paused_at IS NOT NULL THEN ${this.pausedForMs()}
          ELSE least(${ms} * power(2, least(judged.failures, 16)), ${longest}) END
      FROM judged WHERE ${this.row(name)} AND t.fingerprint = ${this.fingerprints.get(name)}
      RETURNING t.failures, judged."pausedNow"`;
    return state;
  }

  /**
   * Whoever does not answer is not bothered by a try: a short outage is over soon after its end, and a long one asks
   * for less.
   */
  private pausedForMs(): Prisma.Sql {
    const { probeEveryMs, reachAgainMs } = this.timeouts;
    if (this.host === undefined) return Prisma.sql`${probeEveryMs}`;
    const twentieth = Prisma.sql`50 * extract(epoch FROM now() - t.since)`;
    return Prisma.sql`least(${probeEveryMs}, greatest(${reachAgainMs}, ${twentieth}))`;
  }

  private row(name: string): Prisma.Sql {
    return this.host === undefined
      ? Prisma.sql`t.name = ${name}`
      : Prisma.sql`t.name = ${name} AND t.host = ${this.host}`;
  }

  private async insert(name: string): Promise<void> {
    await this.prisma.statements.execute`
      INSERT INTO transport_hosts (name, host, fingerprint) VALUES (${name}, ${this.host}, ${this.fingerprints.get(name)})
      ON CONFLICT (name, host) DO NOTHING`;
  }

  private async declareShared(name: string, fingerprint: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.prisma.statements.execute`
      INSERT INTO transport_states AS t (name, fingerprint) VALUES (${name}, ${fingerprint})
      ON CONFLICT (name) DO UPDATE SET fingerprint = excluded.fingerprint, paused_at = NULL, pause_reason = NULL,
        backoff_until = NULL, failures = 0, trial_until = NULL
      WHERE t.fingerprint IS DISTINCT FROM excluded.fingerprint`;
  }

  private async tryAnew(name: string, fingerprint: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.prisma.statements.execute`
      DELETE FROM transport_hosts t WHERE ${this.row(name)} AND fingerprint IS DISTINCT FROM ${fingerprint}`;
    // The column rounds to milliseconds: half of now() would lie ahead.
    await this.prisma.statements.execute`
      UPDATE transport_hosts t SET backoff_until = date_trunc('milliseconds', now()), trial_until = NULL WHERE ${this.row(name)}`;
  }
}

interface BreakerRecord {
  pausedAt: Date | null;
  pauseReason: string | null;
  /** When it is tried next. */
  backoffUntil: Date | null;
  /** By the clock of Postgres. */
  backingOff: boolean;
  /** Of the last pause or break, without addresses. */
  lastErrorCode: string | null;
  lastReply: string | null;
}

/** What is on record of a transport. */
export interface TransportRecord extends BreakerRecord {
  /** Such as smtp.example.com:587; a second account at one server is numbered, `#2`. */
  name: string;
  /** Hosts that cannot reach it; the breaker is open for them alone. */
  unreachableFrom: (BreakerRecord & { host: string; since: Date })[];
}

/** Messages that one statement lets go, at most. */
const LET_GO_AT_ONCE = 1_000;

type ResumeResult =
  | { kind: 'resumed'; hosts: string[] }
  | { kind: 'not_paused' }
  | { kind: 'not_found'; names: string[] };

/** Where it was closed: the end of its break, and of the spread that was added to it. */
type Closing = Exclude<ResumeResult, { kind: 'resumed' }> | { kind: 'resumed'; hosts: string[]; until: Date };

/** The circuit breakers as people see and close them. Every process reads them once a second. */
@Injectable()
export class TransportRecords {
  constructor(private readonly prisma: PrismaService) {}

  /** Every transport that a process was ever started with. */
  async list(): Promise<TransportRecord[]> {
    const [shared, felt] = await Promise.all([
      this.prisma.statements.query<Omit<TransportRecord, 'unreachableFrom'>[]>`
        SELECT name, paused_at AS "pausedAt", pause_reason AS "pauseReason", backoff_until AS "backoffUntil",
          coalesce(backoff_until > now(), false) AS "backingOff", last_error_code AS "lastErrorCode", last_reply AS "lastReply"
        FROM transport_states ORDER BY name`,
      this.prisma.statements.query<(TransportRecord['unreachableFrom'][number] & { name: string })[]>`
        SELECT name, host, since, paused_at AS "pausedAt", pause_reason AS "pauseReason", backoff_until AS "backoffUntil",
          coalesce(backoff_until > now(), false) AS "backingOff", last_error_code AS "lastErrorCode", last_reply AS "lastReply"
        FROM transport_hosts WHERE failures > 0 ORDER BY name, host`,
    ]);
    return shared.map((record) => ({
      ...record,
      unreachableFrom: felt.filter(({ name }) => name === record.name).map(({ name: _, ...record }) => record),
    }));
  }

  /**
   * Closes the breakers of a transport for all workers and hosts, whatever opened them, and lets go what waited for the
   * end of its break.
   * @param inTransaction makes the closing and its line in the record one commit
   * @param record writes that line; where there was nothing to close, there is none
   */
  async resume(
    name: string,
    inTransaction: Transactions['run'],
    record: (entry: Pick<AuditEntry, 'action' | 'target' | 'details'>, unit: UnitOfWork) => Promise<void>,
  ): Promise<ResumeResult> {
    const closing = await inTransaction(async (unit) => {
      const closed = await this.close(name, unit);
      const entry = { action: 'transport.resumed', target: { kind: 'transport', id: name } };
      if (closed.kind === 'resumed') await record({ ...entry, details: { hosts: closed.hosts.length } }, unit);
      return closed;
    });
    if (closing.kind !== 'resumed') return closing;
    await this.letGo(closing.until);
    return { kind: 'resumed', hosts: closing.hosts };
  }

  private async close(name: string, { db }: UnitOfWork): Promise<Closing> {
    const [{ until }] = await db.$queryRaw<[{ until: Date }]>`
      SELECT greatest(max(backoff_until), now()) + 0.2 * greatest(max(backoff_until) - now(), interval '1 minute') AS until FROM (
        SELECT backoff_until FROM transport_states WHERE name = ${name} AND (paused_at IS NOT NULL OR failures > 0)
        UNION ALL SELECT backoff_until FROM transport_hosts WHERE name = ${name}
      ) AS broken`;
    const shared = await db.$executeRaw`
      UPDATE transport_states SET paused_at = NULL, pause_reason = NULL, backoff_until = NULL, failures = 0, trial_until = NULL
      WHERE name = ${name} AND (paused_at IS NOT NULL OR failures > 0)`;
    const felt = await db.$queryRaw<{ host: string }[]>`
      DELETE FROM transport_hosts WHERE name = ${name} RETURNING host`;
    if (shared + felt.length > 0) return { kind: 'resumed', hosts: felt.map(({ host }) => host).sort(), until };
    const known = await db.transportState.findMany({ select: { name: true }, orderBy: { name: 'asc' } });
    const names = known.map((one) => one.name);
    return names.includes(name) ? { kind: 'not_paused' } : { kind: 'not_found', names };
  }

  /**
   * What was to wait for a transport that is open again is due at once, a thousand in a statement: however many there
   * are, they hold up neither the resume nor each other. What a crash leaves behind waits until its break would have
   * ended.
   */
  private async letGo(until: Date): Promise<void> {
    let last: string | null = LOWEST_UUID;
    while (last !== null) {
      const [moved]: { last: string | null }[] = await this.prisma.statements.query(
        lettingGo(until, last, LET_GO_AT_ONCE),
      );
      last = moved!.last;
    }
  }

  /** Messages that went by transports with a quota on this day of UTC, by transport. */
  async usedToday(): Promise<Map<string, number>> {
    const rows = await this.prisma.statements.query<{ name: string; sent: number }[]>`
      SELECT name, sent FROM transport_usage WHERE day = (now() AT TIME ZONE 'UTC')::date`;
    return new Map(rows.map(({ name, sent }) => [name, sent]));
  }

  /** Hosts come and go, and those that are gone tell nobody. Returns how many rows were forgotten. */
  async forgetSilentHosts(silentMs: number): Promise<number> {
    return this.prisma.statements.execute`
      DELETE FROM transport_hosts WHERE coalesce(backoff_until, since) < now() - ${silentMs} * interval '1 millisecond'`;
  }
}
