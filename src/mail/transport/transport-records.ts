import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from '../../database/prisma.service.js';

export interface TransportTrouble {
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

/** What is on record of a way out. */
export interface TransportRecord extends TransportTrouble {
  /** Such as smtp.example.com:587; a second account at one server is numbered, `#2`. */
  name: string;
  /** Hosts that cannot reach it; it is closed to them alone. */
  unreachableFrom: (TransportTrouble & { host: string; since: Date })[];
}

export type ResumeResult =
  | { kind: 'resumed'; hosts: string[] }
  | { kind: 'not_paused' }
  | { kind: 'not_found'; names: string[] };

/** The troubles of the transports as people see and end them. Every process reads them once a second. */
@Injectable()
export class TransportRecords {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** Every transport that a process was ever started with. */
  async list(): Promise<TransportRecord[]> {
    const [shared, felt] = await Promise.all([
      this.prisma.$queryRaw<Omit<TransportRecord, 'unreachableFrom'>[]>`
        SELECT name, paused_at AS "pausedAt", pause_reason AS "pauseReason", backoff_until AS "backoffUntil",
          coalesce(backoff_until > now(), false) AS "backingOff", last_error_code AS "lastErrorCode", last_reply AS "lastReply"
        FROM transport_states ORDER BY name`,
      this.prisma.$queryRaw<(TransportRecord['unreachableFrom'][number] & { name: string })[]>`
        SELECT name, host, since, paused_at AS "pausedAt", pause_reason AS "pauseReason", backoff_until AS "backoffUntil",
          coalesce(backoff_until > now(), false) AS "backingOff", last_error_code AS "lastErrorCode", last_reply AS "lastReply"
        FROM transport_hosts WHERE failures > 0 ORDER BY name, host`,
    ]);
    return shared.map((record) => ({
      ...record,
      unreachableFrom: felt.filter(({ name }) => name === record.name).map(({ name: _, ...trouble }) => trouble),
    }));
  }

  /** Opens a way again for all workers and hosts, whatever closed it. */
  async resume(name: string): Promise<ResumeResult> {
    const [known, [shared, felt]] = await Promise.all([
      this.prisma.transportState.findMany({ select: { name: true }, orderBy: { name: 'asc' } }),
      this.prisma.$transaction([
        this.prisma.$executeRaw`
          UPDATE transport_states SET paused_at = NULL, pause_reason = NULL, backoff_until = NULL, failures = 0, trial_until = NULL
          WHERE name = ${name} AND (paused_at IS NOT NULL OR failures > 0)`,
        this.prisma.$queryRaw<{ host: string }[]>`DELETE FROM transport_hosts WHERE name = ${name} RETURNING host`,
      ]),
    ]);
    const names = known.map((one) => one.name);
    if (!names.includes(name)) return { kind: 'not_found', names };
    return shared === 0 && felt.length === 0 ? { kind: 'not_paused' } : { kind: 'resumed', hosts: felt.map(({ host }) => host).sort() };
  }

  /** Hosts come and go, and those that are gone tell nobody. Returns how many rows were forgotten. */
  async forgetSilentHosts(silentMs: number): Promise<number> {
    return this.prisma.$executeRaw`
      DELETE FROM transport_hosts WHERE coalesce(backoff_until, since) < now() - ${silentMs} * interval '1 millisecond'`;
  }
}
