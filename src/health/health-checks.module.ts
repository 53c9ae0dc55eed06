import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { MailModule } from '../mail/mail.module.js';
import { HealthController } from './health.controller.js';
import { HealthMonitor } from './health-monitor.js';
import { Indicators } from './indicators.js';
import { MailFactsReader } from './mail-facts.js';

/** The probes of a process, for whatever platform runs it. */
@Module({
  imports: [TerminusModule.forRoot({ logger: false, errorLogStyle: 'json' }), MailModule],
  controllers: [HealthController],
  providers: [HealthMonitor, Indicators, MailFactsReader],
  exports: [HealthMonitor],
})
export class HealthChecksModule {}
