import type { Provider } from '@nestjs/common';
import { Composer } from './composer.js';
import { Delivery } from './deliver.js';
import { LaneDrains } from './lane-drains.js';
import { Templates } from './templates.js';
import { Transports } from './transport/transports.js';

/** What `drain(lane)` takes, in a worker and in a web process that stands in for one. */
export const DELIVERY_PROVIDERS: Provider[] = [
  { provide: Templates, useFactory: () => new Templates() },
  Composer,
  Transports,
  Delivery,
  LaneDrains,
];
