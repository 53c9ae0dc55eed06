import { Module } from '@nestjs/common';
import { EmailRecords } from './email-records.js';
import { Ledger } from './ledger.js';
import { Mail } from './mail.js';
import { MailHistory } from './mail-history.js';
import { Outbox } from './outbox.js';
import { Transitions } from './transitions.js';

const SERVICES = [EmailRecords, Ledger, Mail, MailHistory, Outbox, Transitions];

/** The way in, and the record. The way out is in delivery.module.ts. */
@Module({ providers: SERVICES, exports: SERVICES })
export class MailModule {}
