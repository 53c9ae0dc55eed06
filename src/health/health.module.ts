import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ApiKeys } from '../access/api-keys.js';
import { MailModule } from '../mail/mail.module.js';
import { HealthMonitor, Insiders, MailFactsReader } from './health-monitor.js';
import { HealthController, Indicators, MailHealthController } from './health.controller.js';

/** The probes of a process, for whatever platform runs it. */
@Module({
  imports: [TerminusModule.forRoot({ logger: false, errorLogStyle: 'json' }), MailModule],
  controllers: [HealthController],
  providers: [ApiKeys, HealthMonitor, Indicators, Insiders, MailFactsReader],
  exports: [HealthMonitor, Insiders, MailFactsReader],
})
export class HealthChecksModule {}

/** The probes, and what people look at when one of them is not well. */
@Module({ imports: [HealthChecksModule], controllers: [MailHealthController] })
export class HealthModule {}
