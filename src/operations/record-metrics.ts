import { Inject, Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { LOGGER, type Logger } from '../core/logger.js';
import { Ledger, type LedgerState } from '../mail/ledger.js';
import { COUNTED_AT_MOST, type DueMail, DueMailReader } from './due-mail.js';

/** Milliseconds Postgres may take; a scraper usually gives up after ten seconds. */
const READ_WITHIN_MS = 5_000;

/** What the record in Postgres says, the same on every process; read when somebody asks. */
@Injectable()
export class RecordMetrics {
  private readonly accepted: Counter;
  private readonly emails: Gauge<'status'>;
  private readonly imbalance: Gauge;
  private readonly due: Gauge<'lane'>;
  private readonly oldestDue: Gauge<'lane'>;
  private readonly readable: Gauge;

  constructor(
    @Inject(Registry) registry: Registry,
    @Inject(Ledger) private readonly ledger: Ledger,
    @Inject(DueMailReader) private readonly dueMail: DueMailReader,
    @Inject(LOGGER) private readonly log: Logger,
  ) {
    const registers = [registry];
    const labelNames = ['lane'] as const;
    this.accepted = new Counter({ name: 'otpost_emails_accepted_total', help: 'Messages ever accepted', registers });
    this.emails = new Gauge({ name: 'otpost_emails', help: 'Messages by state, as the ledger counts them', labelNames: ['status'], registers });
    this.imbalance = new Gauge({
      name: 'otpost_ledger_imbalance',
      help: 'Accepted messages less those in any state; anything but 0 is a lost or doubled row',
      registers,
    });
    this.due = new Gauge({ name: 'otpost_due_emails', help: `Messages that could go out now, counted up to ${COUNTED_AT_MOST}`, labelNames, registers });
    this.oldestDue = new Gauge({ name: 'otpost_oldest_due_seconds', help: 'How long the oldest due message has waited', labelNames, registers });
    this.readable = new Gauge({ name: 'otpost_database_up', help: 'Whether the record could be read for this scrape', registers });
  }

  /** Never rejects: without Postgres the metrics of the record are absent, for an old value would pass for a new one. */
  async refresh(): Promise<void> {
    try {
      const [ledger, due] = await withinTime(Promise.all([this.ledger.read(), this.dueMail.read()]));
      this.show(ledger, due);
    } catch (error) {
      this.log.warn({ err: error }, 'the record could not be read for the metrics');
      for (const metric of [this.accepted, this.imbalance]) metric.remove();
      for (const metric of [this.emails, this.due, this.oldestDue]) metric.reset();
      this.readable.set(0);
    }
  }

  private show(ledger: LedgerState, due: readonly DueMail[]): void {
    this.accepted.reset();
    this.accepted.inc(ledger.accepted);
    for (const [status, count] of Object.entries(ledger.states)) this.emails.set({ status }, count);
    this.imbalance.set(ledger.imbalance);
    for (const { lane, count, oldestSeconds } of due) {
      this.due.set({ lane }, count);
      this.oldestDue.set({ lane }, oldestSeconds);
    }
    this.readable.set(1);
  }
}

async function withinTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${READ_WITHIN_MS} ms`)), READ_WITHIN_MS);
  });
  return Promise.race([work, overdue]).finally(() => clearTimeout(timer));
}
