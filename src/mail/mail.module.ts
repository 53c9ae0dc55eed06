import { Module } from '@nestjs/common';
import { EmailRecords } from './email-records.js';
import { Bounces } from './hooks/bounces.js';
import { ProviderEvents } from './hooks/provider-events.js';
import { Ledger } from './ledger.js';
import { Mail } from './mail.js';
import { MailHistory } from './mail-history.js';
import { Outbox } from './outbox.js';
import { Suppressions } from './suppressions/suppressions.js';
import { TransportRecords } from './transport/transport-records.js';
import { Transitions } from './transitions.js';
import { UnsubscribeLink } from './unsubscribe/unsubscribe-link.js';

const SERVICES = [
  Bounces, EmailRecords, Ledger, Mail, MailHistory, Outbox, ProviderEvents, Suppressions, Transitions,
  TransportRecords, UnsubscribeLink,
];

/** The way in, and the record. The way out is in delivery.module.ts. */
@Module({ providers: SERVICES, exports: SERVICES })
export class MailModule {}
