import { Global, Module } from '@nestjs/common';
import { Audit } from './audit.js';
import { AuditRecords } from './audit-records.js';
import { AuditMaintenance } from './maintenance.js';

/** The record of who did what; every room above may write to it. */
@Global()
@Module({ providers: [Audit, AuditRecords, AuditMaintenance], exports: [Audit, AuditRecords] })
export class AuditModule {}
