import { Module } from '@nestjs/common';
import { AccessModule } from '../access/access.module.js';
import { AuditController } from './audit.controller.js';

/** Apart from what a worker's port shows: it needs accounts to know who asks. */
@Module({ imports: [AccessModule], controllers: [AuditController] })
export class AuditApiModule {}
