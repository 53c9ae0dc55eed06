import { Module } from '@nestjs/common';
import { AccessModule } from '../../access/access.module.js';
import { MailModule } from '../mail.module.js';
import { Hooks } from './hooks.js';
import { HooksController } from './hooks.controller.js';
import { SnsSite } from './sns-site.js';

/** Where providers tell what became of messages. */
@Module({
  imports: [AccessModule, MailModule],
  controllers: [HooksController],
  providers: [Hooks, { provide: SnsSite, useFactory: () => new SnsSite() }],
})
export class HooksModule {}
