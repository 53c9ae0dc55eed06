import { Controller, Get, HttpCode, Inject, Param, Post, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { AccessGuard, Allow } from '../../../access/access.guard.js';
import { Problem } from '../../../core/problems.js';
import { WebhookRecords } from '../webhook-records.js';
import { QueuedDeliveryView, WebhookAttemptView, WebhookDeliveryDetails, WebhookDeliveryView } from './views.js';
import { DeliveryIdPipe } from './webhook-id.pipe.js';

/** What became of single webhooks. */
@ApiTags('webhooks')
@ApiBearerAuth()
@UseGuards(AccessGuard)
@Controller('v1/webhook-deliveries')
export class WebhookDeliveriesController {
  constructor(@Inject(WebhookRecords) private readonly records: WebhookRecords) {}

  @Get(':id')
  @Allow({ scope: 'admin' })
  @ApiOperation({ summary: 'A webhook and all its attempts', description: 'Scope admin. The id is the webhook-id.' })
  @ApiResponse({ status: 200, type: WebhookDeliveryDetails })
  async read(@Param('id', DeliveryIdPipe) id: string): Promise<WebhookDeliveryDetails> {
    const found = await this.records.find(id);
    if (!found) throw new Problem('webhook_delivery_not_found');
    return { ...WebhookDeliveryView.of(found.delivery), log: found.log.map((attempt) => WebhookAttemptView.of(attempt)) };
  }

  @Post(':id/redeliver')
  @HttpCode(202)
  @Allow({ scope: 'admin' })
  @ApiOperation({ summary: 'Send it again', description: 'Scope admin. Under the same webhook-id, with all its attempts before it.' })
  @ApiResponse({ status: 202, type: QueuedDeliveryView })
  async redeliver(@Param('id', DeliveryIdPipe) id: string): Promise<QueuedDeliveryView> {
    switch (await this.records.redeliver(id)) {
      case 'queued':
        return { id, status: 'queued' };
      case 'not_found':
        throw new Problem('webhook_delivery_not_found');
      case 'under_way':
        throw new Problem('webhook_under_way');
      case 'endpoint_disabled':
        throw new Problem('webhook_endpoint_disabled');
      case 'event_erased':
        throw new Problem('content_erased', {
          detail: 'What this webhook tells of was removed from the record.',
          remedy: 'Records are kept for RETENTION_DAYS; there is nothing left to send.',
        });
    }
  }
}
