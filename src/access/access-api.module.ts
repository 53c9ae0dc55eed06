import { Module } from '@nestjs/common';
import { AccessGuard } from './access.guard.js';
import { AccessModule } from './access.module.js';
import { ApiKeysController } from './api-keys.controller.js';

/** API keys, for admins. */
@Module({ imports: [AccessModule], controllers: [ApiKeysController], providers: [AccessGuard] })
export class AccessApiModule {}
