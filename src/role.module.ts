import { type DynamicModule, Module, type ModuleMetadata } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AudienceMaintenanceModule } from './audiences/audiences.module.js';
import { BroadcastMaintenanceModule } from './broadcasts/broadcasts.module.js';
import type { Role, Settings } from './config/settings.js';
import type { Clock } from './core/clock.js';
import { CoreModule } from './core/core.module.js';
import type { Keyring } from './core/keyring.js';
import type { Logger } from './core/logger.js';
import type { Tracing } from './core/tracing.js';
import { DatabaseModule } from './database/database.module.js';
import { HealthChecksModule } from './health/health.module.js';
import { ProblemFilter } from './http/problem-writer.js';
import { ResendDoorModule } from './mail/resend-door/resend-door.controller.js';
import { StandInModule } from './mail/stand-in/stand-in.js';
import { DeliveryModule } from './mail/worker/delivery.module.js';
import { MailMaintenanceModule } from './mail/worker/maintenance.js';
import { OperationsModule } from './operations/operations.module.js';
import type { Broker } from './queue/broker.js';
import { QueueModule } from './queue/queue.module.js';
import { WebModule } from './web.module.js';

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

/** What a worker with WORKER_PORT answers: probes and metrics, and nothing that accepts anything. */
@Module({
  imports: [HealthChecksModule, OperationsModule],
  providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
})
class ProbesModule {}

type Imports = NonNullable<ModuleMetadata['imports']>;

/** The role of a process is its module graph; no code asks which process it is in. */
const ROLE_MODULES: Record<Role, (infrastructure: Infrastructure) => Imports> = {
  web: ({ settings }) => [...webModules(settings), ...(settings.mail.rescue ? [StandInModule.forRoot(settings)] : [])],
  worker: (infrastructure) => [
    deliveryModule(infrastructure),
    ...(infrastructure.settings.workerPort === undefined ? [] : [ProbesModule]),
  ],
  all: (infrastructure) => [...webModules(infrastructure.settings), deliveryModule(infrastructure)],
};

function webModules({ mail }: Settings): Imports {
  return [WebModule, ...(mail.resendCompat ? [ResendDoorModule] : [])];
}

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
        AudienceMaintenanceModule,
        BroadcastMaintenanceModule,
        ...ROLE_MODULES[settings.role](infrastructure),
      ],
    };
  }
}

/** Hands mail over. */
function deliveryModule({ settings, broker }: Infrastructure): DynamicModule {
  return DeliveryModule.forLanes(settings.mail.lanes, broker);
}
