import { Inject, Injectable } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';
import type { LanePause } from '../mail/lane-pauses.js';
import { Ledger, type LedgerState } from '../mail/ledger.js';
import { type AttemptFacts, MailHistory, type SlowHandovers } from '../mail/mail-history.js';
import { type TransportRecord, TransportRecords } from '../mail/transport/transport-records.js';
import { ALIVE_WITHIN_MS } from '../queue/worker-registry.js';

/** Workers that are told of: all that may still live, and those that went lately. */
const WORKERS_SHOWN = 50;

export interface WorkerFacts {
  name: string;
  lanes: Lane[];
  startedAt: Date;
  heartbeatAt: Date;
  /** By the clock of Postgres. */
  alive: boolean;
  /** Since its last heartbeat, by the same clock. */
  silentSeconds: number;
}

export interface MailFacts {
  ledger: LedgerState;
  oldestDueSeconds: number;
  slowHandovers: SlowHandovers;
  /** Lanes that an operator paused. */
  pauses: LanePause[];
  /** The most recently heard of first. */
  workers: WorkerFacts[];
  states: TransportRecord[];
  /** The newest few of each transport, newest first. */
  attempts: AttemptFacts[];
}

/** What the record tells of the mail's way out, from all processes. */
@Injectable()
export class MailFactsReader {
  constructor(
    @Inject(PrismaService) private readonly prisma: PrismaService,
    @Inject(Ledger) private readonly ledger: Ledger,
    @Inject(MailHistory) private readonly history: MailHistory,
    @Inject(TransportRecords) private readonly transports: TransportRecords,
  ) {}

  async read(): Promise<MailFacts> {
    const [ledger, oldestDueSeconds, slowHandovers, pauses, workers, states, attempts] = await Promise.all([
      this.ledger.read(),
      this.history.oldestDueSeconds(),
      this.history.slowHandovers(),
      this.prisma.lanePause.findMany({ orderBy: { lane: 'asc' } }),
      this.workers(),
      this.transports.list(),
      this.history.newestAttempts(),
    ]);
    return { ledger, oldestDueSeconds, slowHandovers, pauses, workers, states, attempts };
  }

  private workers(): Promise<WorkerFacts[]> {
    return this.prisma.$queryRaw<WorkerFacts[]>`
      SELECT name, lanes, started_at AS "startedAt", heartbeat_at AS "heartbeatAt",
        heartbeat_at > now() - ${ALIVE_WITHIN_MS} * interval '1 millisecond' AS alive,
        round(extract(epoch FROM now() - heartbeat_at))::int AS "silentSeconds"
      FROM workers WHERE heartbeat_at > now() - interval '1 hour' ORDER BY heartbeat_at DESC LIMIT ${WORKERS_SHOWN}`;
  }
}
