import { type DynamicModule, Module } from '@nestjs/common';
import { Clock, SystemClock } from './clock.js';
import { Keyring } from './keyring.js';
import { LOGGER, type Logger } from './logger.js';

@Module({})
export class CoreModule {
  static forRoot(log: Logger, keyring: Keyring, clock: Clock = new SystemClock()): DynamicModule {
    return {
      module: CoreModule,
      global: true,
      providers: [
        { provide: LOGGER, useValue: log },
        { provide: Keyring, useValue: keyring },
        { provide: Clock, useValue: clock },
      ],
      exports: [LOGGER, Keyring, Clock],
    };
  }
}
