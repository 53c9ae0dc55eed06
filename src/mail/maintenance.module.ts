import { Module } from '@nestjs/common';
import { DueLanes } from './due-lanes.js';
import { EventMaintenance } from './hooks/event-maintenance.js';
import { MailMaintenance } from './maintenance.js';
import { MailModule } from './mail.module.js';
import { MailRetention } from './retention.js';
import { WebhookMaintenance } from './webhooks/maintenance.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';

/** The scheduled work of mail: in every process, whatever its role; the leases share it out. */
@Module({ imports: [MailModule, WebhooksModule], providers: [DueLanes, EventMaintenance, MailMaintenance, MailRetention, WebhookMaintenance] })
export class MailMaintenanceModule {}
