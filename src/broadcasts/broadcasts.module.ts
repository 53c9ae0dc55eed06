import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { MailModule } from '../mail/mail.module.js';
import { SubmissionModule } from '../mail/submission/submission.module.js';
import { BroadcastsController } from './broadcasts.controller.js';
import { Broadcasts } from './broadcasts.js';
import { BroadcastSamples } from './samples.js';

/** The calls. */
@Module({
  imports: [AccessModule, MailModule, SubmissionModule],
  controllers: [BroadcastsController],
  providers: [Broadcasts, BroadcastSamples],
})
export class BroadcastsModule {}
