import { Module } from '@nestjs/common';
import { Mail } from './mail.js';
import { MailHistory } from './mail-history.js';
import { Outbox } from './outbox.js';

/** The way in. The way out is in delivery.module.ts. */
@Module({ providers: [Mail, MailHistory, Outbox], exports: [Mail, MailHistory, Outbox] })
export class MailModule {}
