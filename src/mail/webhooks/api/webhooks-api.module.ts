import { Module } from '@nestjs/common';
import { AccessModule } from '../../../access/access.module.js';
import { WebhooksModule } from '../webhooks.module.js';
import { WebhookDeliveriesController } from './webhook-deliveries.controller.js';
import { WebhookEndpointsController } from './webhook-endpoints.controller.js';

/** Webhooks for back ends. */
@Module({
  imports: [AccessModule, WebhooksModule],
  controllers: [WebhookEndpointsController, WebhookDeliveriesController],
})
export class WebhooksApiModule {}
