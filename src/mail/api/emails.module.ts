import { Module } from '@nestjs/common';
import { AccessModule } from '../../access/access.module.js';
import { MailModule } from '../mail.module.js';
import { EmailsController } from './emails.controller.js';

/** Mail for back ends. */
@Module({ imports: [AccessModule, MailModule], controllers: [EmailsController] })
export class EmailsModule {}
