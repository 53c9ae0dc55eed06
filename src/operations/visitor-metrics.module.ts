import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { OtpModule } from '../otp/otp.module.js';
import { VisitorMetrics } from './visitor-metrics.js';

/** What only a process that answers visitors has to show. */
@Module({ imports: [AccountsModule, OtpModule], providers: [VisitorMetrics] })
export class VisitorMetricsModule {}
