import { Injectable } from '@nestjs/common';
import { DAY_MS } from '../core/durations.js';
import type { Lane } from '../core/lanes.js';
import { VERSION } from '../core/process-facts.js';
import { PrismaService } from '../database/prisma.service.js';

/** Milliseconds a heartbeat counts for: a worker is alive while its last one is younger. */
export const ALIVE_WITHIN_MS = 15_000;

/** Milliseconds, such as an INTEGER holds: three weeks either way say enough. */
const MOST_AHEAD_MS = 21 * DAY_MS;

/**
 * Workers that are told of by name: all that may still live, and those that went lately. Every restart makes a new one.
 */
const NAMED = 50;

export interface HeardWorker {
  /** host:pid */
  name: string;
  lanes: Lane[];
  startedAt: Date;
  heartbeatAt: Date;
  /** By the clock of Postgres. */
  alive: boolean;
  /** Milliseconds since its last heartbeat, by the same clock. */
  silentMs: number;
  /** Of its build; null where it is older than this was asked. */
  version: string | null;
  /** Milliseconds by which the clock of its host is ahead of that of Postgres, a heartbeat's way included. */
  aheadMs: number | null;
}

/** The workers and their heartbeats, in Postgres: a dead broker changes nothing about who is alive. */
@Injectable()
export class WorkerRegistry {
  constructor(private readonly prisma: PrismaService) {}

  /** `first`: of this process; a container's next life often bears the name of its last one. */
  async beat(name: string, lanes: readonly Lane[], first: boolean): Promise<void> {
    await this.prisma.statements.execute`
      INSERT INTO workers (name, lanes, version, ahead_ms)
      VALUES (${name}, ${[...lanes]}::text[], ${VERSION}, greatest(-${MOST_AHEAD_MS}::float8, least(${MOST_AHEAD_MS}::float8,
        1000 * extract(epoch FROM ${new Date()}::timestamptz - clock_timestamp())))::int)
      ON CONFLICT (name) DO UPDATE SET
        lanes = excluded.lanes, heartbeat_at = now(), version = excluded.version, ahead_ms = excluded.ahead_ms,
        started_at = CASE WHEN ${first} THEN now() ELSE workers.started_at END`;
  }

  /** Said by a worker that claims nothing more. */
  async leave(name: string): Promise<void> {
    await this.prisma.statements.execute`DELETE FROM workers WHERE name = ${name}`;
  }

  /** Milliseconds since a worker of the lane was last heard of; lanes that no known worker works are left out. */
  async silence(): Promise<Map<Lane, number>> {
    const lanes = await this.prisma.statements.query<{ lane: Lane; ms: number }[]>`
      SELECT lane, greatest(extract(epoch FROM now() - max(heartbeat_at)) * 1000, 0)::float8 AS ms
      FROM workers CROSS JOIN unnest(lanes) AS worked (lane) GROUP BY lane`;
    return new Map(lanes.map(({ lane, ms }) => [lane, ms]));
  }

  /** Names of the workers that were heard of lately. */
  async alive(): Promise<string[]> {
    const alive = await this.prisma.statements.query<{ name: string }[]>`
      SELECT name FROM workers WHERE heartbeat_at > now() - ${ALIVE_WITHIN_MS} * interval '1 millisecond'`;
    return alive.map(({ name }) => name);
  }

  /** The workers that were heard of in the last hour, the most recent first, and of many the first {@link NAMED}. */
  async heard(): Promise<HeardWorker[]> {
    return this.prisma.statements.query<HeardWorker[]>`
      SELECT name, lanes, started_at AS "startedAt", heartbeat_at AS "heartbeatAt", version, ahead_ms AS "aheadMs",
        heartbeat_at > now() - ${ALIVE_WITHIN_MS} * interval '1 millisecond' AS alive,
        greatest(1000 * extract(epoch FROM now() - heartbeat_at), 0)::float8 AS "silentMs"
      FROM workers WHERE heartbeat_at > now() - interval '1 hour' ORDER BY heartbeat_at DESC LIMIT ${NAMED}`;
  }

  /** Names of workers that have been silent for so long. */
  async deadFor(ms: number): Promise<string[]> {
    const dead = await this.prisma.statements.query<{ name: string }[]>`
      SELECT name FROM workers WHERE heartbeat_at < now() - ${ms} * interval '1 millisecond' ORDER BY name`;
    return dead.map(({ name }) => name);
  }

  /** Unless it has come back. */
  async removeDead(name: string, silentMs: number): Promise<void> {
    await this.prisma.statements.execute`
      DELETE FROM workers WHERE name = ${name} AND heartbeat_at < now() - ${silentMs} * interval '1 millisecond'`;
  }
}
