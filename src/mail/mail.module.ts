import { Module } from '@nestjs/common';
import { Composer } from './content/composer.js';
import { Templates } from './content/templates.js';
import { UnsubscribeLink } from './content/unsubscribe-link.js';
import { Bounces } from './events/bounces.js';
import { ProviderEvents } from './events/provider-events.js';
import { FilesModule } from './files/files.module.js';
import { Mail } from './mail.js';
import { Arrivals } from './outbox/arrivals.js';
import { Transitions } from './outbox/changes.js';
import { Ledger } from './outbox/ledger.js';
import { Outbox } from './outbox/outbox.js';
import { OutboxRecords } from './outbox/records.js';
import { OutboxSearch } from './outbox/search.js';
import { TransportRecords } from './routing/breaker-records.js';
import { Idempotency } from './submission/idempotency.js';
import { Subscriptions } from './subscribers/subscribers.js';
import { Suppressions } from './suppressions/suppressions.js';

const SERVICES = [
  Arrivals,
  Bounces,
  Composer,
  Idempotency,
  Ledger,
  Mail,
  Outbox,
  OutboxRecords,
  OutboxSearch,
  ProviderEvents,
  Subscriptions,
  Suppressions,
  Transitions,
  TransportRecords,
  UnsubscribeLink,
];

/** The way in, and the record. The way out is in delivery.module.ts. */
@Module({
  imports: [FilesModule],
  providers: [...SERVICES, { provide: Templates, useFactory: () => new Templates() }],
  exports: [...SERVICES, Templates, FilesModule],
})
export class MailModule {}
