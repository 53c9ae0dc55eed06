import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { MailModule } from '../mail/mail.module.js';
import { HealthController } from './health.controller.js';
import { HealthMonitor } from './health-monitor.js';
import { Indicators } from './indicators.js';
import { MailFactsReader } from './mail-facts.js';
import { MailHealthController } from './mail-health.controller.js';

@Module({
  imports: [TerminusModule.forRoot({ logger: false, errorLogStyle: 'json' }), MailModule],
  controllers: [HealthController, MailHealthController],
  providers: [HealthMonitor, Indicators, MailFactsReader],
})
export class HealthModule {}
