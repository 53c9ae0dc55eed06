import { Inject, Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';

/** Of this process, as every Node process has them: event-loop lag, memory, processor time, garbage collection. */
@Injectable()
export class ProcessMetrics {
  constructor(@Inject(Registry) registry: Registry) {
    collectDefaultMetrics({ register: registry });
  }
}
