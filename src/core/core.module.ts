import { type DynamicModule, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import { DeliveryMetrics } from './delivery-metrics.js';
import { Keyring } from './keyring.js';
import { LOGGER, type Logger } from './logger.js';
import { RequestMetrics } from './request-metrics.js';
import { Tracing } from './tracing.js';

@Module({})
export class CoreModule {
  static forRoot(log: Logger, keyring: Keyring, tracing = new Tracing()): DynamicModule {
    return {
      module: CoreModule,
      global: true,
      providers: [
        { provide: LOGGER, useValue: log },
        { provide: Keyring, useValue: keyring },
        { provide: Tracing, useValue: tracing },
        { provide: Registry, useFactory: () => new Registry() },
        DeliveryMetrics,
        RequestMetrics,
      ],
      exports: [LOGGER, Keyring, Tracing, Registry, DeliveryMetrics, RequestMetrics],
    };
  }
}
