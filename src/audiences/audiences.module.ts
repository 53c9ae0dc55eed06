import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { PageWriter } from '../http/pages/page-frame.js';
import { MailModule } from '../mail/mail.module.js';
import { OtpModule } from '../otp/otp.module.js';
import { Audiences } from './audiences.js';
import { AudiencesController, ImportsController, SubscribersController } from './audiences.controller.js';
import { ConfirmController } from './confirm.page.js';
import { Confirmations } from './confirmations.js';
import { Imports } from './imports.js';
import { Subscribers } from './subscribers.js';

/** The calls and the page. */
@Module({
  imports: [AccessModule, MailModule, OtpModule],
  controllers: [AudiencesController, SubscribersController, ImportsController, ConfirmController],
  providers: [Audiences, Confirmations, Imports, PageWriter, Subscribers],
  exports: [Audiences],
})
export class AudiencesModule {}
