import { Module } from '@nestjs/common';
import { MailModule } from '../mail/mail.module.js';
import { SmsTraffic } from '../otp/sms/sms-traffic.js';
import { MetricsController } from './metrics.controller.js';
import { ProcessMetrics } from './process-metrics.js';
import { RecordMetrics } from './record-metrics.js';
import { RecordReader, WaitingWebhooksReader, OpenBroadcastsReader } from './record-reader.js';

/** What operators look at. */
@Module({
  imports: [MailModule],
  controllers: [MetricsController],
  providers: [ProcessMetrics, RecordMetrics, RecordReader, WaitingWebhooksReader, OpenBroadcastsReader, SmsTraffic],
})
export class OperationsModule {}
