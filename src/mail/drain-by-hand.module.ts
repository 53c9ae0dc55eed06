import { type DynamicModule, Injectable, Module } from '@nestjs/common';
import { SETTINGS, type Settings } from '../config/settings.js';
import type { Lane } from '../core/lanes.js';
import { DELIVERY_PROVIDERS } from './delivery.providers.js';
import { DueLanes } from './due-lanes.js';
import type { ClaimedEmail, Ending } from './email-rows.js';
import { MailModule } from './mail.module.js';
import { Outbox } from './outbox.js';

/** The outbox as seen by somebody who watches: counts how this process's attempts end. */
@Injectable()
export class CountingOutbox extends Outbox {
  readonly endings = new Map<Ending['status'], number>();

  override async finish(email: ClaimedEmail, ending: Ending, worker: string): Promise<boolean> {
    const recorded = await super.finish(email, ending, worker);
    // `queued` is what was given back.
    if (recorded && ending.status !== 'queued') this.endings.set(ending.status, (this.endings.get(ending.status) ?? 0) + 1);
    return recorded;
  }
}

/** The way out of a command: what a worker delivers with, but neither jobs nor a timer. Drains when it is told to. */
@Module({})
export class DrainByHandModule {
  static forLanes(lanes: readonly Lane[], settings: Settings): DynamicModule {
    const providers = [
      ...DELIVERY_PROVIDERS,
      { provide: SETTINGS, useValue: { ...settings, mail: { ...settings.mail, lanes: [...lanes] } } satisfies Settings },
      CountingOutbox,
      { provide: Outbox, useExisting: CountingOutbox },
      DueLanes,
    ];
    return { module: DrainByHandModule, imports: [MailModule], providers };
  }
}
