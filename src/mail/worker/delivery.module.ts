import { type DynamicModule, Injectable, Module, type Provider } from '@nestjs/common';
import { Settings } from '../../config/settings.js';
import type { Lane } from '../../core/lanes.js';
import { Logger } from '../../core/logger.js';
import { WORKER_NAME } from '../../core/process-facts.js';
import type { Broker } from '../../queue/broker.js';
import { Canary, CanaryQueues } from '../../queue/canary.js';
import { exitStuck } from '../../queue/lease-keeper.js';
import { WorkerRegistry } from '../../queue/worker-registry.js';
import { MailModule } from '../mail.module.js';
import type { ClaimedEmail, Ending } from '../outbox/email-rows.js';
import { Outbox } from '../outbox/outbox.js';
import { Transports } from '../routing/transports.js';
import { WEBHOOK_DELIVERY_PROVIDERS, WebhooksModule } from '../webhooks/webhooks.module.js';
import { Delivery } from './deliver.js';
import { LaneDrains } from './lane-drains.js';
import { DeliveryTelemetry } from './telemetry.js';
import { DrainTimer, mailProcessorFor } from './consumers.js';

/** What `drain(lane)` takes, in a worker and in a web process that stands in for one. */
export const DELIVERY_PROVIDERS: Provider[] = [Transports, Delivery, DeliveryTelemetry, LaneDrains];

/** Delivering: what makes a process a worker. */
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
          inject: [WorkerRegistry, CanaryQueues, Transports, Logger],
          useFactory: (registry: WorkerRegistry, { prefix }: CanaryQueues, transports: Transports, log: Logger) =>
            new Canary(registry, broker, log, {
              ...{ name: WORKER_NAME, lanes, prefix, onStuck: exitStuck },
              worked: (all) => transports.taken(all),
            }),
        },
        DrainTimer,
        ...lanes.map((lane) => mailProcessorFor(lane, broker)),
      ],
    };
  }
}

/** The outbox as seen by somebody who watches: counts how this process's attempts end. */
@Injectable()
export class CountingOutbox extends Outbox {
  readonly endings = new Map<Ending['status'], number>();

  override async finish(email: ClaimedEmail, ending: Ending, worker: string): Promise<boolean> {
    const recorded = await super.finish(email, ending, worker);
    // `queued` is what was given back.
    if (recorded && ending.status !== 'queued')
      this.endings.set(ending.status, (this.endings.get(ending.status) ?? 0) + 1);
    return recorded;
  }
}

/** Delivering in a command: what a worker delivers with, but neither jobs nor a timer. It drains when it is told to. */
@Module({})
export class DrainByHandModule {
  static forLanes(lanes: readonly Lane[], settings: Settings): DynamicModule {
    const providers = [
      ...DELIVERY_PROVIDERS,
      {
        provide: Settings,
        useValue: { ...settings, mail: { ...settings.mail, lanes: [...lanes] } } satisfies Settings,
      },
      CountingOutbox,
      { provide: Outbox, useExisting: CountingOutbox },
    ];
    return { module: DrainByHandModule, imports: [MailModule], providers };
  }
}
