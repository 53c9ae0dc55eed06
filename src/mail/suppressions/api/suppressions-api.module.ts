import { Module } from '@nestjs/common';
import { AccessModule } from '../../../access/access.module.js';
import { SuppressionChanges } from '../suppression-changes.js';
import { SuppressionRecords } from '../suppression-records.js';
import { SuppressionsController } from './suppressions.controller.js';

/** The suppression list, for back ends and operators. */
@Module({ imports: [AccessModule], controllers: [SuppressionsController], providers: [SuppressionChanges, SuppressionRecords] })
export class SuppressionsApiModule {}
