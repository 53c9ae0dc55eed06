import { Module } from '@nestjs/common';
import { ApiKeys } from './api-keys.js';
import { KeyChanges } from './key-changes.js';

@Module({ providers: [ApiKeys, KeyChanges], exports: [ApiKeys, KeyChanges] })
export class AccessModule {}
