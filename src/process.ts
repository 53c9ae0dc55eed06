import { setTimeout as delay } from 'node:timers/promises';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type Application, closeApplication, nestOptions } from './application.js';
import { openKeyring } from './core/app-secret.js';
import type { Role } from './config/settings.js';
import type { LoadedSettings } from './config/settings.module.js';
import type { Clock } from './core/clock.js';
import { createLogger, type Logger, standardOutput } from './core/logger.js';
import { DatabaseOutage } from './database/database-outage.js';
import { openDatabase } from './database/open-database.js';
import { readDeployment } from './database/schema-history.js';
import { untilAnswered } from './database/waiting.js';
import { refuseCaptureByDefault } from './mail/routing/capture-by-default.js';
import { DeliveryModule } from './mail/worker/delivery.module.js';
import { Broker } from './queue/broker.js';
import { type Infrastructure, RoleModule } from './role.module.js';
import { openTracing } from './tracing/open-tracing.js';

export interface RunningProcess {
  log: Logger;
  /** Where it listens; undefined for a worker. */
  url: string | undefined;
  /** Where it takes in mail by SMTP, such as `127.0.0.1:587 (STARTTLS)`. */
  smtp: readonly string[];
  /** A service of its modules, such as MailService, for code that runs in the same process. */
  get<T>(type: Type<T>): T;
  /** The token of a link that makes the first administrator; undefined once there is one, and of a worker. */
  offerSetup(): Promise<string | undefined>;
  /** Takes no more requests, drains what is under way, then closes everything, the embedded Postgres last. */
  stop(): Promise<void>;
  /** Drains nothing; stops the embedded Postgres. For whoever cannot wait. */
  abandon(): Promise<void>;
}

/** Milliseconds. */
const DRAIN_WITHIN_MS = 20_000;

/**
 * Opens what the modules stand on, then the modules of the role.
 * @param stopping ends the wait for a database that is not there yet
 * @throws StartupError when an operator has to act; whatever was opened is closed again.
 */
export async function startProcess(
  loaded: LoadedSettings,
  clock?: Clock,
  plainLog = loggerOf(loaded),
  stopping?: AbortSignal,
): Promise<RunningProcess> {
  const { settings } = loaded;
  for (const warning of loaded.warnings) plainLog.warn(warning);
  const opened: (() => Promise<void>)[] = [];
  const abandon = async (): Promise<void> => opened[0]?.();
  const stop = async (): Promise<void> => {
    for (let close = opened.pop(); close; close = opened.pop()) await close();
  };
  try {
    const tracing = await openTracing(settings, plainLog);
    opened.push(() => tracing.close());
    const database = await openDatabase(settings, (level, message) => plainLog[level](message), { stopping });
    opened.push(() => database.close());
    const outage = new DatabaseOutage(database.url, plainLog);
    opened.push(async () => outage.stop());
    const log = outage.hear();
    const keyring = await openKeyring(settings);
    const deployment = await untilAnswered(log, () => readDeployment(database.url));
    await untilAnswered(log, () => refuseCaptureByDefault(settings));
    const broker = await Broker.open({ redisUrl: settings.redisUrl, databaseUrl: database.url }, log);
    opened.push(() => broker.close());
    const application = await STARTERS[settings.role]({
      settings,
      settingsModule: loaded.module,
      log,
      keyring,
      databaseUrl: database.url,
      deployment,
      broker,
      tracing,
      ...(clock ? { clock } : {}),
    });
    opened.push(() => closeInTime(application, log));
    const { context, url, smtp, offerSetup = async () => undefined } = application;
    const get: RunningProcess['get'] = (type) => context.get(type, { strict: false });
    return { log, url, smtp: smtp?.places ?? [], get, offerSetup, stop, abandon };
  } catch (error) {
    await stop();
    throw error;
  }
}

function loggerOf({ settings }: LoadedSettings): Logger {
  return createLogger(settings.logLevel, settings.role, standardOutput());
}

/**
 * A worker opens no port, unless it is given one for its probes and metrics. What a role does not need is not loaded.
 */
const STARTERS: Record<Role, (infrastructure: Infrastructure) => Promise<Application>> = {
  all: async (infrastructure) =>
    (await import('./web-process.js')).startAll(infrastructure, deliveryModule(infrastructure)),
  web: async (infrastructure) => (await import('./web-process.js')).startWeb(infrastructure),
  worker: startWorker,
};

async function startWorker(infrastructure: Infrastructure): Promise<Application> {
  const delivery = deliveryModule(infrastructure);
  if (infrastructure.settings.workerPort !== undefined)
    return (await import('./probes-process.js')).startProbes(infrastructure, delivery);
  const module = RoleModule.forRoot(infrastructure, [delivery]);
  return { context: await NestFactory.createApplicationContext(module, nestOptions(infrastructure)), url: undefined };
}

/** Hands mail over. */
function deliveryModule({ settings, broker }: Infrastructure): DynamicModule {
  return DeliveryModule.forLanes(settings.mail.lanes, broker);
}

/** Platforms kill after their grace (Render: 30 s); what is still under way by then is left to the rescue. */
async function closeInTime(application: Application, log: Logger): Promise<void> {
  const late = delay(DRAIN_WITHIN_MS, 'late', { ref: false });
  if ((await Promise.race([closeApplication(application), late])) === 'late') {
    log.warn('deliveries are still under way; their leases run out and another worker takes them');
  }
}
