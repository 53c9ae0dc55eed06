import { BullModule } from '@nestjs/bullmq';
import { type DynamicModule, Module } from '@nestjs/common';
import { LANES } from '../core/lanes.js';
import { Broker } from './broker.js';
import { CanaryQueues } from './canary.js';
import { MailQueue, queueName } from './mail-queue.js';
import { WorkerRegistry } from './worker-registry.js';

@Module({})
export class QueueModule {
  /** `deployment` keeps apart the wakes of several deployments that share one Redis. */
  static forRoot(broker: Broker, deployment: string): DynamicModule {
    const prefix = `otpost-${deployment}`;
    return {
      module: QueueModule,
      global: true,
      imports: [
        BullModule.forRoot({
          connection: broker.producer,
          prefix,
          // History lives in Postgres; a retained job's id would swallow a later one.
          defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 1 },
        }),
        BullModule.registerQueue(...LANES.map((lane) => ({ name: queueName(lane) }))),
      ],
      providers: [
        { provide: Broker, useValue: broker },
        MailQueue,
        WorkerRegistry,
        {
          provide: CanaryQueues,
          inject: [WorkerRegistry],
          useFactory: (registry: WorkerRegistry) => new CanaryQueues(registry, broker, prefix),
        },
      ],
      exports: [Broker, BullModule, CanaryQueues, MailQueue, WorkerRegistry],
    };
  }
}
