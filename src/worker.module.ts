import { type DynamicModule, Module } from '@nestjs/common';
import type { Lane } from './core/lanes.js';
import { DeliveryModule } from './mail/delivery.module.js';
import type { Broker } from './queue/broker.js';

/** A process that hands mail over. */
@Module({})
export class WorkerModule {
  static forLanes(lanes: readonly Lane[], broker: Broker): DynamicModule {
    return { module: WorkerModule, imports: [DeliveryModule.forLanes(lanes, broker)] };
  }
}
