import { type DynamicModule, Module } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import { LOGGER, type Logger } from '../core/logger.js';
import { WORKER_NAME } from '../core/worker-name.js';
import type { Broker } from '../queue/broker.js';
import { Canary } from '../queue/canary.js';
import { CanaryQueues } from '../queue/canary-queues.js';
import { exitStuck } from '../queue/stuck-exit.js';
import { WorkerRegistry } from '../queue/worker-registry.js';
import { DELIVERY_PROVIDERS } from './delivery.providers.js';
import { DrainTimer } from './drain-timer.js';
import { MailModule } from './mail.module.js';
import { mailProcessorFor } from './mail.processor.js';
import { WebhooksModule } from './webhooks/webhooks.module.js';
import { WEBHOOK_DELIVERY_PROVIDERS } from './webhooks/webhooks.providers.js';

/** The way out: what makes a process a worker. */
@Module({})
export class DeliveryModule {
  static forLanes(lanes: readonly Lane[], broker: Broker): DynamicModule {
    return {
      module: DeliveryModule,
      imports: [MailModule, WebhooksModule],
      providers: [
        ...DELIVERY_PROVIDERS,
        ...WEBHOOK_DELIVERY_PROVIDERS,
        {
          provide: Canary,
          inject: [WorkerRegistry, CanaryQueues, LOGGER],
          useFactory: (registry: WorkerRegistry, { prefix }: CanaryQueues, log: Logger) =>
            new Canary(registry, broker, log, { name: WORKER_NAME, lanes, prefix, onStuck: exitStuck }),
        },
        DrainTimer,
        ...lanes.map((lane) => mailProcessorFor(lane, broker)),
      ],
    };
  }
}
