import { type DynamicModule, Module } from '@nestjs/common';
import type { Lane } from '../core/lanes.js';
import type { Broker } from '../queue/broker.js';
import { Composer } from './composer.js';
import { Delivery } from './deliver.js';
import { DrainTimer } from './drain-timer.js';
import { LaneDrains } from './lane-drains.js';
import { LeaseKeeper } from './lease-keeper.js';
import { MailModule } from './mail.module.js';
import { mailProcessorFor } from './mail.processor.js';
import { Templates } from './templates.js';
import { Transports } from './transport/transports.js';

/** The way out: what makes a process a worker. */
@Module({})
export class DeliveryModule {
  static forLanes(lanes: readonly Lane[], broker: Broker): DynamicModule {
    return {
      module: DeliveryModule,
      imports: [MailModule],
      providers: [
        { provide: Templates, useFactory: () => new Templates() },
        Composer,
        Transports,
        Delivery,
        LeaseKeeper,
        LaneDrains,
        DrainTimer,
        ...lanes.map((lane) => mailProcessorFor(lane, broker)),
      ],
    };
  }
}
