import { Module } from '@nestjs/common';
import { AccessModule } from './access.module.js';
import { ApiKeysController } from './api-keys.controller.js';

/** API keys, for admins. */
@Module({ imports: [AccessModule], controllers: [ApiKeysController] })
export class AccessApiModule {}
