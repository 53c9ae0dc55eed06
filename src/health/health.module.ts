import { Module } from '@nestjs/common';
import { HealthChecksModule } from './health-checks.module.js';
import { MailHealthController } from './mail-health.controller.js';

/** The probes, and what people look at when one of them is not well. */
@Module({ imports: [HealthChecksModule], controllers: [MailHealthController] })
export class HealthModule {}
