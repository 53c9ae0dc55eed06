import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ApiKeys } from '../access/api-keys.js';
import { MailModule } from '../mail/mail.module.js';
import { HealthController } from './health.controller.js';
import { HealthMonitor } from './health-monitor.js';
import { Indicators } from './indicators.js';
import { Insiders } from './insiders.js';
import { MailFactsReader } from './mail-facts.js';

/** The probes of a process, for whatever platform runs it. */
@Module({
  imports: [TerminusModule.forRoot({ logger: false, errorLogStyle: 'json' }), MailModule],
  controllers: [HealthController],
  providers: [ApiKeys, HealthMonitor, Indicators, Insiders, MailFactsReader],
  exports: [HealthMonitor, Insiders],
})
export class HealthChecksModule {}
