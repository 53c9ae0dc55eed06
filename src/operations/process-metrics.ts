import { Injectable, Module } from '@nestjs/common';
import { collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import { AccountsModule } from '../accounts/accounts.module.js';
import { Passwords } from '../accounts/passwords/passwords.js';
import { PrismaService } from '../database/prisma.service.js';
import { DeliveryStreams } from '../otp/delivery/delivery-streams.js';
import { OtpModule } from '../otp/otp.module.js';
import { Broker } from '../queue/broker.js';

let ofNode: Registry | undefined;

/**
 * What the runtime tells of itself. Its observers never end (prom-client has no call for it), hence once, whoever
 * starts here.
 */
function metricsOfNode(): Registry {
  if (ofNode) return ofNode;
  ofNode = new Registry();
  collectDefaultMetrics({ register: ofNode });
  return ofNode;
}

/** A gauge that is read when somebody asks. With a label: a number for each of its values. */
function gauge(registry: Registry, name: string, help: string, read: () => number): void;
function gauge(registry: Registry, name: string, help: string, read: () => Record<string, number>, label: string): void;
function gauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => number | Record<string, number>,
  label?: string,
): void {
  new Gauge({
    name,
    help,
    labelNames: label === undefined ? [] : [label],
    registers: [registry],
    collect() {
      const found = read();
      if (typeof found === 'number') this.set(found);
      else for (const [value, number] of Object.entries(found)) this.set({ [label!]: value }, number);
    },
  });
}

/**
 * Of this process: event-loop lag, memory, processor time and garbage collection, and what it has of Postgres and the
 * broker.
 */
@Injectable()
export class ProcessMetrics {
  constructor(registry: Registry, prisma: PrismaService, broker: Broker) {
    // Declared as plain objects; they are the metrics themselves.
    for (const metric of metricsOfNode().getMetricsAsArray()) registry.registerMetric(metric as unknown as Metric);
    gauge(
      registry,
      'otpost_database_pool_connections',
      "Connections of this process's pool, by what they do; DATABASE_POOL is the most there can be",
      () => ({ in_use: prisma.poolUse().inUse, idle: prisma.poolUse().idle }),
      'state',
    );
    gauge(
      registry,
      'otpost_database_pool_waiting',
      'Statements of this process that wait for a connection; after 5 s their request is answered 503',
      () => prisma.poolUse().waiting,
    );
    gauge(
      registry,
      'otpost_database_pool_size',
      "The most connections this process's pool may have",
      () => prisma.poolUse().most,
    );
    gauge(
      registry,
      'otpost_broker_up',
      'Whether the broker took what this process last gave it; without it workers drain on their timer',
      () => (broker.state.up ? 1 : 0),
    );
  }
}

/** How busy those keep this process who visit it. */
@Injectable()
class VisitorMetrics {
  constructor(registry: Registry, streams: DeliveryStreams, passwords: Passwords) {
    gauge(
      registry,
      'otpost_streams_open',
      'Streams of delivery events that this process has open',
      () => streams.count,
    );
    gauge(
      registry,
      'otpost_password_hashes',
      'Passwords that this process hashes at this moment, and those that wait for their turn',
      () => passwords.busy,
      'state',
    );
  }
}

/** What only a process that answers visitors has to show. */
@Module({ imports: [AccountsModule, OtpModule], providers: [VisitorMetrics] })
export class VisitorMetricsModule {}
