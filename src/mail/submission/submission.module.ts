import { Module } from '@nestjs/common';
import { Limits } from '../../limits/limits.js';
import { LimitsModule } from '../../limits/limits.module.js';
import { MailModule } from '../mail.module.js';
import { KeptContent } from './kept-content.js';
import { MailService } from './mail-service.js';
import { Submission } from './submission.js';

/** The way in for back ends, and for code in the process. */
@Module({
  imports: [LimitsModule, MailModule],
  providers: [KeptContent, MailService, Submission],
  exports: [KeptContent, MailService, Submission],
})
export class SubmissionModule {}

/** The same for a command, which has no scheduled work. */
@Module({ imports: [MailModule], providers: [Limits, MailService, Submission] })
export class SubmitByHandModule {}
