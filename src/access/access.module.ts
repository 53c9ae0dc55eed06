import { Module } from '@nestjs/common';
import { AccessGuard } from './access.guard.js';
import { ApiKeysController } from './api-keys.controller.js';
import { ApiKeys, KeyChanges } from './api-keys.js';

@Module({ providers: [ApiKeys, KeyChanges], exports: [ApiKeys, KeyChanges] })
export class AccessModule {}

/** API keys, for admins. */
@Module({ imports: [AccessModule], controllers: [ApiKeysController], providers: [AccessGuard] })
export class AccessApiModule {}
