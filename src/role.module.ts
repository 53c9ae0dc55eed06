import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import type { Role, Settings } from './config/settings.js';
import type { Clock } from './core/clock.js';
import { CoreModule } from './core/core.module.js';
import type { Keyring } from './core/keyring.js';
import type { Logger } from './core/logger.js';
import type { Tracing } from './core/tracing.js';
import { DatabaseModule } from './database/database.module.js';
import { MailMaintenanceModule } from './mail/maintenance.module.js';
import { RescueModule } from './mail/rescue.module.js';
import { ProbesModule } from './probes.module.js';
import type { Broker } from './queue/broker.js';
import { QueueModule } from './queue/queue.module.js';
import { WebModule } from './web.module.js';
import { WorkerModule } from './worker.module.js';

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

type Imports = NonNullable<ModuleMetadata['imports']>;

/** The role of a process is its module graph; no code asks which process it is in. */
const ROLE_MODULES: Record<Role, (infrastructure: Infrastructure) => Imports> = {
  web: ({ settings }) => [WebModule, ...(settings.mail.rescue ? [RescueModule.forRoot(settings)] : [])],
  worker: (infrastructure) => [workerModule(infrastructure), ...(infrastructure.settings.workerPort === undefined ? [] : [ProbesModule])],
  all: (infrastructure) => [WebModule, workerModule(infrastructure)],
};

@Module({})
export class RoleModule {
  static forRoot(infrastructure: Infrastructure): DynamicModule {
    const { settings, settingsModule, log, keyring, clock, databaseUrl, deployment, broker, tracing } = infrastructure;
    return {
      module: RoleModule,
      imports: [
        settingsModule,
        CoreModule.forRoot(log, keyring, tracing),
        DatabaseModule.forRoot({ url: databaseUrl, poolSize: settings.database.poolSize }, clock),
        QueueModule.forRoot(broker, deployment),
        MailMaintenanceModule,
        ...ROLE_MODULES[settings.role](infrastructure),
      ],
    };
  }
}

function workerModule({ settings, broker }: Infrastructure): DynamicModule {
  return WorkerModule.forLanes(settings.mail.lanes, broker);
}
