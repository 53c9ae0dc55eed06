import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { databaseWords } from '../database/database-words.js';
import { PrismaService } from '../database/prisma.service.js';
import { Broker, type BrokerState } from '../queue/broker.js';
import { type MailFacts, MailFactsReader } from './mail-facts.js';

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
    @Inject(PrismaService) prisma: PrismaService,
    @Inject(MailFactsReader) facts: MailFactsReader,
    @Inject(Broker) private readonly queueBroker: Broker,
  ) {
    this.watches = {
      database: new Watch(async () => (await prisma.$queryRaw`SELECT 1`, true as const)),
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

  get mailFacts(): Checked<MailFacts> {
    return this.watches.mailFacts.last();
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
