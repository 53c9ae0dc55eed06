import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module.js';
import { DueMailReader } from './due-mail.js';
import { MetricsController } from './metrics.controller.js';
import { ProcessMetrics } from './process-metrics.js';
import { RecordMetrics } from './record-metrics.js';

/** What operators look at. */
@Module({
  imports: [MailModule],
  controllers: [MetricsController],
  providers: [DueMailReader, ProcessMetrics, RecordMetrics],
})
export class OperationsModule {}
