import { Inject, Injectable } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { PrismaService } from '../database/prisma.service.js';
import type { EmailStatus } from '../generated/prisma/enums.js';
import { Ledger, type LedgerState } from '../mail/ledger.js';
import { MailHistory } from '../mail/mail-history.js';
import { ALIVE_WITHIN_MS } from '../queue/worker-registry.js';

/** Workers that are told of: all that may still live, and those that went lately. */
const WORKERS_SHOWN = 50;
/** Events that are looked through for attempts; most are none, and the check must not grow with what is accepted. */
const EVENTS_LOOKED_AT = 2_000;
/** Attempts by which a transport is judged: one address that does not exist is no outage, five in a row are. */
const ATTEMPTS_JUDGED = 5;

export interface WorkerFacts {
  name: string;
  lanes: Lane[];
  startedAt: Date;
  heartbeatAt: Date;
  /** By the clock of Postgres. */
  alive: boolean;
}

export interface AttemptFacts {
  transport: string;
  status: EmailStatus;
  errorCode: string | null;
  at: Date;
}

export interface TransportStateFacts {
  name: string;
  pausedAt: Date | null;
  pauseReason: string | null;
  backoffUntil: Date | null;
  /** By the clock of Postgres. */
  backingOff: boolean;
}

export interface MailFacts {
  ledger: LedgerState;
  oldestDueSeconds: number;
  /** The most recently heard of first. */
  workers: WorkerFacts[];
  states: TransportStateFacts[];
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
  ) {}

  async read(): Promise<MailFacts> {
    const [ledger, { oldestDueSeconds }, workers, states, attempts] = await Promise.all([
      this.ledger.read(),
      this.history.state(),
      this.workers(),
      this.states(),
      this.attempts(),
    ]);
    return { ledger, oldestDueSeconds, workers, states, attempts };
  }

  private workers(): Promise<WorkerFacts[]> {
    return this.prisma.$queryRaw<WorkerFacts[]>`
      SELECT name, lanes, started_at AS "startedAt", heartbeat_at AS "heartbeatAt",
        heartbeat_at > now() - ${ALIVE_WITHIN_MS} * interval '1 millisecond' AS alive
      FROM workers WHERE heartbeat_at > now() - interval '1 hour' ORDER BY heartbeat_at DESC LIMIT ${WORKERS_SHOWN}`;
  }

  private states(): Promise<TransportStateFacts[]> {
    return this.prisma.$queryRaw<TransportStateFacts[]>`
      SELECT name, paused_at AS "pausedAt", pause_reason AS "pauseReason", backoff_until AS "backoffUntil",
        coalesce(backoff_until > now(), false) AS "backingOff"
      FROM transport_states ORDER BY name`;
  }

  /** Without the replies: they quote addresses, and anybody may ask for health. */
  private attempts(): Promise<AttemptFacts[]> {
    return this.prisma.$queryRaw<AttemptFacts[]>`
      SELECT transport, status, "errorCode", at FROM (
        SELECT id, transport, status, error_code AS "errorCode", at,
          row_number() OVER (PARTITION BY transport ORDER BY id DESC) AS nth
        FROM (SELECT * FROM email_events ORDER BY id DESC LIMIT ${EVENTS_LOOKED_AT}) AS recent
        WHERE transport IS NOT NULL
      ) AS attempts WHERE nth <= ${ATTEMPTS_JUDGED} ORDER BY id DESC`;
  }
}
