import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module.js';
import { DueMailReader } from './due-mail.js';
import { HandOverRates } from './hand-over-rates.js';
import { MetricsController } from './metrics.controller.js';
import { ProcessMetrics } from './process-metrics.js';
import { RecordMetrics } from './record-metrics.js';
import { RecordReader } from './record-reader.js';
import { WaitingWebhooksReader } from './waiting-webhooks.js';
import { WorkersHeard } from './workers-heard.js';

/** What operators look at. */
@Module({
  imports: [MailModule],
  controllers: [MetricsController],
  providers: [DueMailReader, HandOverRates, ProcessMetrics, RecordMetrics, RecordReader, WaitingWebhooksReader, WorkersHeard],
})
export class OperationsModule {}
