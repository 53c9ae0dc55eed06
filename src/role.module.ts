import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { AudienceMaintenanceModule } from './audiences/maintenance.js';
import { BroadcastMaintenanceModule } from './broadcasts/maintenance.js';
import type { Settings } from './config/settings.js';
import type { Clock } from './core/clock.js';
import { CoreModule } from './core/core.module.js';
import type { Keyring } from './core/keyring.js';
import type { Logger } from './core/logger.js';
import type { Tracing } from './core/tracing.js';
import { DatabaseModule } from './database/database.module.js';
import { MailMaintenanceModule } from './mail/worker/maintenance.js';
import type { Broker } from './queue/broker.js';
import { QueueModule } from './queue/queue.module.js';

/** What is opened before the modules are put together, and closed after them. */
export interface Infrastructure {
  settings: Settings;
  settingsModule: DynamicModule;
  log: Logger;
  keyring: Keyring;
  databaseUrl: string;
  /** Keeps apart the wakes of deployments that share a Redis. */
  deployment: string;
  broker: Broker;
  tracing: Tracing;
  /** Where a test holds the time. */
  clock?: Clock;
}

export type Imports = NonNullable<ModuleMetadata['imports']>;

/**
 * What every process has, and what its role adds: the role of a process is its module graph; no code asks which process
 * it is in.
 */
@Module({})
export class RoleModule {
  static forRoot(infrastructure: Infrastructure, ofRole: Imports): DynamicModule {
    const { settings, settingsModule, log, keyring, clock, databaseUrl, deployment, broker, tracing } = infrastructure;
    return {
      module: RoleModule,
      imports: [
        settingsModule,
        CoreModule.forRoot(log, keyring, tracing),
        DatabaseModule.forRoot({ url: databaseUrl, poolSize: settings.database.poolSize }, clock),
        QueueModule.forRoot(broker, deployment),
        MailMaintenanceModule,
        AudienceMaintenanceModule,
        BroadcastMaintenanceModule,
        ...ofRole,
      ],
    };
  }
}
