import { Module } from '@nestjs/common';
import { DueLanes } from './due-lanes.js';
import { EventMaintenance } from './hooks/event-maintenance.js';
import { MailMaintenance } from './maintenance.js';
import { MailModule } from './mail.module.js';
import { MailRetention } from './retention.js';

/** The scheduled work of mail: in every process, whatever its role; the leases share it out. */
@Module({ imports: [MailModule], providers: [DueLanes, EventMaintenance, MailMaintenance, MailRetention] })
export class MailMaintenanceModule {}
