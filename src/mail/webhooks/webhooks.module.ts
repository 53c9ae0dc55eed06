import { Module } from '@nestjs/common';
import { TargetGuard } from './target-guard.js';
import { WebhookEndpoints } from './webhook-endpoints.js';
import { WebhookOutbox } from './webhook-outbox.js';
import { WebhookRecords } from './webhook-records.js';

const SERVICES = [TargetGuard, WebhookEndpoints, WebhookOutbox, WebhookRecords];

/** Who is told what became of messages, and the record of it. */
@Module({ providers: SERVICES, exports: SERVICES })
export class WebhooksModule {}
