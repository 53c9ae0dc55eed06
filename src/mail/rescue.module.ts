import { type DynamicModule, Module } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import { LANES } from '../core/lanes.js';
import { DELIVERY_PROVIDERS } from './delivery.providers.js';
import { DueLanes } from './due-lanes.js';
import { MailModule } from './mail.module.js';
import { Outbox } from './outbox.js';
import { Rescue } from './rescue.js';
import { RescueOutbox } from './rescue-outbox.js';
import { RESCUE_TIMING, RescuePolicy, type RescueTiming } from './rescue-policy.js';

/** The way out of a process that is no worker, for as long as there is none. Without BullMQ's consumers. */
@Module({})
export class RescueModule {
  /** @param timing shorter in tests */
  static forRoot(settings: Settings, timing: RescueTiming = RESCUE_TIMING): DynamicModule {
    return {
      module: RescueModule,
      imports: [MailModule],
      providers: [
        ...DELIVERY_PROVIDERS,
        // WORKER_LANES says what workers do; whatever lane has none is rescued.
        { provide: SETTINGS, useValue: { ...settings, mail: { ...settings.mail, lanes: [...LANES] } } satisfies Settings },
        { provide: RescuePolicy, useFactory: () => new RescuePolicy(performance.now(), timing) },
        { provide: Outbox, useClass: RescueOutbox },
        DueLanes,
        Rescue,
      ],
    };
  }
}
