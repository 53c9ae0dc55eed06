import { Inject, Injectable } from '@nestjs/common';
import { Ledger, type LedgerState } from '../mail/ledger.js';
import { type TransportRecord, TransportRecords } from '../mail/transport/transport-records.js';
import { type DueMail, DueMailReader } from './due-mail.js';
import { type HandOverRate, HandOverRates } from './hand-over-rates.js';
import { type WaitingWebhooks, WaitingWebhooksReader } from './waiting-webhooks.js';
import { type WorkerHeard, WorkersHeard } from './workers-heard.js';

export interface Readings {
  ledger: LedgerState;
  due: DueMail[];
  rates: HandOverRate[];
  workers: WorkerHeard[];
  transports: TransportRecord[];
  webhooks: WaitingWebhooks;
}

/** What the record in Postgres tells a scraper; all of it costs the same however much there is. */
@Injectable()
export class RecordReader {
  constructor(
    @Inject(Ledger) private readonly ledger: Ledger,
    @Inject(DueMailReader) private readonly due: DueMailReader,
    @Inject(HandOverRates) private readonly rates: HandOverRates,
    @Inject(WorkersHeard) private readonly workers: WorkersHeard,
    @Inject(TransportRecords) private readonly transports: TransportRecords,
    @Inject(WaitingWebhooksReader) private readonly webhooks: WaitingWebhooksReader,
  ) {}

  /** One after the other: a scrape takes one connection from those who are served, and not six. */
  async read(): Promise<Readings> {
    return {
      ledger: await this.ledger.read(),
      due: await this.due.read(),
      rates: await this.rates.read(),
      workers: await this.workers.read(),
      transports: await this.transports.list(),
      webhooks: await this.webhooks.read(),
    };
  }
}
