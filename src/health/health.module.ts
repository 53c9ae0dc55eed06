import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ApiKeys } from '../access/api-keys.js';
import { MailModule } from '../mail/mail.module.js';
import { HomeController } from './home.controller.js';
import { HealthMonitor, Insiders, MailFactsReader } from './health-monitor.js';
import { PageWriter } from '../http/pages/page-frame.js';
import { HealthController, Indicators, MailHealthController } from './health.controller.js';

/** The probes of a process, for whatever platform runs it. */
@Module({
  imports: [TerminusModule.forRoot({ logger: false, errorLogStyle: 'json' }), MailModule],
  controllers: [HealthController],
  providers: [ApiKeys, HealthMonitor, Indicators, Insiders, MailFactsReader],
  exports: [HealthMonitor, Insiders, MailFactsReader],
})
export class HealthChecksModule {}

/** The probes, what people look at when one of them is not well, and the front door, which says whether all is. */
@Module({
  imports: [HealthChecksModule],
  controllers: [HomeController, MailHealthController],
  providers: [PageWriter],
})
export class HealthModule {}
