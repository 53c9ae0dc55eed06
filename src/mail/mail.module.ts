import { Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { productOf, Settings } from '../config/settings.js';
import { Logger } from '../core/logger.js';
import { brandOf } from './content/brand-policy.js';
import { Composer } from './content/composer.js';
import type { TemplateOverrides } from './content/template-overrides.js';
import { Templates } from './content/templates.js';
import { UnsubscribeLink } from './content/unsubscribe-link.js';
import { Bounces } from './events/bounces.js';
import { ProviderEvents } from './events/provider-events.js';
import { FilesModule } from './files/files.module.js';
import { Mail } from './mail.js';
import { Arrivals } from './outbox/arrivals.js';
import { BroadcastMessages } from './outbox/broadcast-messages.js';
import { Transitions } from './outbox/changes.js';
import { HandOverRecords } from './outbox/hand-overs.js';
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
  BroadcastMessages,
  Composer,
  HandOverRecords,
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

const OVERRIDES = Symbol('TEMPLATES_DIR');

/** Accepting, and the record. Delivering is in delivery.module.ts. */
@Module({
  imports: [FilesModule],
  providers: [
    ...SERVICES,
    { provide: Templates, inject: [Settings], useFactory: ({ mail }: Settings) => new Templates(brandOf(mail.brand)) },
    { provide: OVERRIDES, inject: [Settings, Templates, Logger], useFactory: openOverrides },
  ],
  exports: [...SERVICES, Templates, FilesModule],
})
export class MailModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(OVERRIDES) private readonly overrides: TemplateOverrides | undefined,
    private readonly settings: Settings,
    private readonly templates: Templates,
    private readonly log: Logger,
  ) {}

  /** What texts cost: each segment is paid for, and a longer name or domain makes another one. */
  onModuleInit(): void {
    const { transports, domain } = this.settings.sms;
    if (transports.length === 0) return;
    const sizes = this.templates.smsSizes(productOf(this.settings), domain);
    const long = sizes.filter(({ size }) => size.segments > 1);
    const texts = long.map(
      ({ template, locale, size }) => `${template}/${locale}: ${size.segments} (${size.encoding}, ${size.length})`,
    );
    if (long.length > 0) this.log.warn({ texts }, 'texts of more than one segment, each of which is paid for as many');
    else this.log.info({ texts: sizes.length }, 'each text for SMS fits one segment');
  }

  onApplicationShutdown(): void {
    this.overrides?.close();
  }
}

/** Who has no TEMPLATES_DIR loads nothing that compiles. @throws StartupError */
async function openOverrides(
  { mail }: Settings,
  templates: Templates,
  log: Logger,
): Promise<TemplateOverrides | undefined> {
  if (mail.templatesDir === undefined) return undefined;
  const { TemplateOverrides: Overrides } = await import('./content/template-overrides.js');
  return Overrides.open(mail.templatesDir, templates, log);
}
