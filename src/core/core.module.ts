import { type DynamicModule, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import { Keyring } from './keyring.js';
import { Logger } from './logger.js';
import { DeliveryMetrics, RequestMetrics } from './metrics.js';
import { Tracing } from './tracing.js';

@Module({})
export class CoreModule {
  static forRoot(log: Logger, keyring: Keyring, tracing = new Tracing()): DynamicModule {
    return {
      module: CoreModule,
      global: true,
      providers: [
        { provide: Logger, useValue: log },
        { provide: Keyring, useValue: keyring },
        { provide: Tracing, useValue: tracing },
        { provide: Registry, useFactory: () => new Registry() },
        DeliveryMetrics,
        RequestMetrics,
      ],
      exports: [Logger, Keyring, Tracing, Registry, DeliveryMetrics, RequestMetrics],
    };
  }
}
