import { Inject, Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { PrismaService } from '../database/prisma.service.js';
import { Broker } from '../queue/broker.js';

/** Of this process: event-loop lag, memory, processor time and garbage collection, and what it has of Postgres and the broker. */
@Injectable()
export class ProcessMetrics {
  constructor(@Inject(Registry) registry: Registry, @Inject(PrismaService) prisma: PrismaService, @Inject(Broker) broker: Broker) {
    const registers = [registry];
    collectDefaultMetrics({ register: registry });
    new Gauge({
      name: 'otpost_database_pool_connections',
      help: "Connections of this process's pool, by what they do; DATABASE_POOL is the most there can be",
      labelNames: ['state'],
      registers,
      collect() {
        const { inUse, idle } = prisma.poolUse();
        this.set({ state: 'in_use' }, inUse);
        this.set({ state: 'idle' }, idle);
      },
    });
    new Gauge({
      name: 'otpost_database_pool_waiting',
      help: 'Statements of this process that wait for a connection; after 5 s their request is answered 503',
      registers,
      collect() {
        this.set(prisma.poolUse().waiting);
      },
    });
    new Gauge({
      name: 'otpost_database_pool_size',
      help: "The most connections this process's pool may have",
      registers,
      collect() {
        this.set(prisma.poolUse().most);
      },
    });
    new Gauge({
      name: 'otpost_broker_up',
      help: 'Whether the broker took what this process last gave it; without it workers drain on their timer',
      registers,
      collect() {
        this.set(broker.state.up ? 1 : 0);
      },
    });
  }
}
