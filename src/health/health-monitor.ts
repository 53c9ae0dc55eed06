import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy, Optional } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Staff } from '../access/access.guard.js';
import { ApiKeys, KEY_START } from '../access/api-keys.js';
import { allows, reaches } from '../access/access-policy.js';
import { Settings } from '../config/settings.js';
import { bearerOf, sameSecret } from '../core/credentials.js';
import { Logger } from '../core/logger.js';
import { databaseWords } from '../database/database-errors.js';
import { PrismaService } from '../database/prisma.service.js';
import { isAtTheMachine } from '../http/pages/origin.js';
import { type LanePause, LanePauses } from '../mail/outbox/changes.js';
import { Ledger, type LedgerState } from '../mail/outbox/ledger.js';
import { type AttemptFacts, OutboxRecords, type SlowHandovers } from '../mail/outbox/records.js';
import { type MessageTroubles, TroubleRecords } from '../mail/outbox/troubles.js';
import { type TransportRecord, TransportRecords } from '../mail/routing/breaker-records.js';
import { type WebhookTroubles, webhookTroubles } from '../mail/webhooks/webhook-endpoints.js';
import { Broker, type BrokerState } from '../queue/broker.js';
import { type HeardWorker, WorkerRegistry } from '../queue/worker-registry.js';

/** As in the report. */
export type WorkerFacts = Omit<HeardWorker, 'silentMs'> & { silentSeconds: number };

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
  /** Messages that went out on this day of UTC, by transports that have a quota. */
  usedToday: ReadonlyMap<string, number>;
  messages: MessageTroubles;
  webhooks: WebhookTroubles;
}

/** What the record tells of the transports, from all processes. */
@Injectable()
export class MailFactsReader {
  private readonly records: OutboxRecords;
  private readonly ledger: Ledger;
  private readonly pauses: LanePauses;
  private readonly workers: WorkerRegistry;
  private readonly transports: TransportRecords;
  private readonly troubles: TroubleRecords;

  /** Needs nothing but the database, for commands read it too. */
  constructor(private readonly prisma: PrismaService) {
    this.records = new OutboxRecords(prisma);
    this.ledger = new Ledger(prisma);
    this.pauses = new LanePauses(prisma);
    this.workers = new WorkerRegistry(prisma);
    this.transports = new TransportRecords(prisma);
    this.troubles = new TroubleRecords(prisma);
  }

  async read(): Promise<MailFacts> {
    const [ledger, due, slowHandovers, pauses, workers, states, attempts] = await Promise.all([
      this.ledger.read(),
      this.records.due(1),
      this.records.slowHandovers(),
      this.pauses.list(),
      this.workers.heard(),
      this.transports.list(),
      this.records.newestAttempts(),
    ]);
    // One after the other: they take no more connections from those who are served.
    const usedToday = await this.transports.usedToday();
    const messages = await this.troubles.read();
    const webhooks = await webhookTroubles(this.prisma);
    return {
      ledger,
      oldestDueSeconds: Math.round(Math.max(...due.map((lane) => lane.oldestDueSeconds))),
      slowHandovers,
      pauses,
      workers: workers.map(({ silentMs, ...worker }) => ({ ...worker, silentSeconds: Math.round(silentMs / 1_000) })),
      states,
      attempts,
      usedToday,
      messages,
      webhooks,
    };
  }
}

/** Milliseconds between two checks. */
const EVERY_MS = 2_000;
/** Milliseconds after which a check that hangs counts as failed. */
const STALE_AFTER_MS = 10_000;

export interface Checked<T> {
  /** Undefined while the first check is under way. */
  value: T | undefined;
  error: string | undefined;
}

/**
 * Looks after Postgres, the broker and the mail in the background, so that a probe answers at once even while one of
 * them hangs. A check older than 10 s counts as failed.
 */
@Injectable()
export class HealthMonitor implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly watches: { database: Watch<true>; mailFacts: Watch<MailFacts>; broker: Watch<unknown> };

  constructor(
    prisma: PrismaService,
    facts: MailFactsReader,
    private readonly queueBroker: Broker,
  ) {
    this.watches = {
      database: new Watch(async () => (await prisma.statements.query`SELECT 1`, true as const)),
      mailFacts: new Watch(() => facts.read()),
      broker: new Watch(() => queueBroker.check()),
    };
  }

  /** Waits for the first round, so that a fresh process does not call itself ill. */
  async onApplicationBootstrap(): Promise<void> {
    await Promise.all(Object.values(this.watches).map((watch) => watch.start()));
  }

  onModuleDestroy(): void {
    for (const watch of Object.values(this.watches)) watch.stop();
  }

  get database(): Checked<true> {
    return this.watches.database.last();
  }

  /**
   * None while the database does not answer: the two checks end at different moments, and must not tell two stories.
   */
  get mailFacts(): Checked<MailFacts> {
    const { error } = this.database;
    return error === undefined ? this.watches.mailFacts.last() : { value: undefined, error };
  }

  /** `forgets`: it may lose wake-ups when its memory is full, which is no failure. */
  get broker(): BrokerState & { forgets: boolean } {
    const { error } = this.watches.broker.last();
    const { state, forgets } = this.queueBroker;
    return error === undefined ? { ...state, forgets } : { ...state, forgets, up: false, error };
  }
}

class Watch<T> {
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private value: T | undefined;
  private error: string | undefined;
  private finishedAt = performance.now();

  constructor(private readonly check: () => Promise<T>) {}

  async start(): Promise<void> {
    await this.round();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  last(): Checked<T> {
    const age = performance.now() - this.finishedAt;
    if (age <= STALE_AFTER_MS) return { value: this.value, error: this.error };
    return { value: undefined, error: `no answer for ${Math.round(age / 1_000)} s` };
  }

  private async round(): Promise<void> {
    try {
      this.value = await this.check();
      this.error = undefined;
    } catch (error) {
      this.value = undefined;
      this.error = databaseWords(error); // the check of the broker never rejects
    }
    this.finishedAt = performance.now();
    if (!this.stopped) this.timer = setTimeout(() => void this.round(), EVERY_MS).unref();
  }
}

/**
 * Who is told more than whether all is well: names, numbers and reasons are for whoever runs this. Whoever is not known
 * gets the bare status and no refusal, for a probe must have its answer.
 */
@Injectable()
export class Insiders {
  constructor(
    private readonly settings: Settings,
    private readonly monitor: HealthMonitor,
    private readonly keys: ApiKeys,
    private readonly log: Logger,
    /** None on a worker: nobody signs in there. */
    @Optional() @Inject(Staff) private readonly staff: Staff | undefined,
  ) {}

  async include({ headers, socket }: FastifyRequest): Promise<boolean> {
    if (isAtTheMachine({ address: socket.remoteAddress, host: headers.host }, this.settings)) return true;
    const bearer = bearerOf(headers.authorization);
    if (bearer === undefined) return false;
    const { metricsToken } = this.settings;
    if (metricsToken !== undefined && sameSecret(bearer, metricsToken)) return true;
    // Postgres tells the others apart. Where it is away there is nobody but the holder of METRICS_TOKEN to tell.
    return this.monitor.database.error === undefined && this.runs(bearer);
  }

  /** An API key with the scope admin, or a viewer. */
  private async runs(bearer: string): Promise<boolean> {
    try {
      if (bearer.startsWith(KEY_START)) {
        const check = await this.keys.authenticate(bearer);
        return check.kind === 'good' && allows(check.record.scopes, 'admin');
      }
      const member = await this.staff?.authenticate(bearer);
      return member !== undefined && reaches(member.role, 'viewer');
    } catch (error) {
      this.log.warn({ err: error }, 'health tells the bare status: whose token it is could not be looked up');
      return false;
    }
  }
}
