import { Global, Module } from '@nestjs/common';
import { Limits } from './limits.js';
import { LimitsMaintenance } from './maintenance.js';

/** Part of the web role: workers answer no strangers. */
@Global()
@Module({ providers: [Limits, LimitsMaintenance], exports: [Limits] })
export class LimitsModule {}
