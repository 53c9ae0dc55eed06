import { Inject, Injectable } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';
import { ALIVE_WITHIN_MS } from '../queue/worker-registry.js';

/** Workers that are told of by name; each is a time series, and every restart makes a new one. */
const NAMED = 50;

export interface WorkerHeard {
  /** host:pid */
  name: string;
  lanes: Lane[];
  /** Seconds since its heartbeat, by the clock of Postgres. */
  age: number;
  alive: boolean;
}

/** The workers that were heard of in the last hour, the most recent first. */
@Injectable()
export class WorkersHeard {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async read(): Promise<WorkerHeard[]> {
    return this.prisma.$queryRaw<WorkerHeard[]>`
      SELECT name, lanes, greatest(extract(epoch FROM now() - heartbeat_at), 0)::float8 AS age,
        heartbeat_at > now() - ${ALIVE_WITHIN_MS} * interval '1 millisecond' AS alive
      FROM workers WHERE heartbeat_at > now() - interval '1 hour' ORDER BY heartbeat_at DESC LIMIT ${NAMED}`;
  }
}
