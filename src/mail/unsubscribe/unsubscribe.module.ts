import { Module } from '@nestjs/common';
import { MailModule } from '../mail.module.js';
import { UnsubscribeController } from './unsubscribe.controller.js';

/** The page behind List-Unsubscribe. */
@Module({ imports: [MailModule], controllers: [UnsubscribeController] })
export class UnsubscribeModule {}
