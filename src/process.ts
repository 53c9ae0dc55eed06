import { setTimeout as delay } from 'node:timers/promises';
import fastifyCookie from '@fastify/cookie';
import type { INestApplicationContext, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { KEY_START } from './access/api-keys.js';
import { SetupTokens } from './accounts/administration/setup.js';
import { openKeyring } from './core/app-secret.js';
import type { Role } from './config/settings.js';
import type { LoadedSettings } from './config/settings.module.js';
import type { Clock } from './core/clock.js';
import { createLogger, type Logger, NestLogger } from './core/logger.js';
import { VERSION } from './core/process-facts.js';
import { StartupError } from './core/startup-error.js';
import { DatabaseOutage } from './database/database-outage.js';
import { openDatabase } from './database/open-database.js';
import { PrismaService } from './database/prisma.service.js';
import { readDeployment } from './database/schema-history.js';
import { boundBodies } from './http/bodies.js';
import { allowOrigins } from './http/cors.js';
import { serveDocs } from './http/openapi.js';
import { problemWriterOf } from './http/problem-writer.js';
import { secureHeaders } from './http/security-headers.js';
import { refuseUnstorable } from './http/validation.js';
import { fastifyAdapter, logRequests, refuseOtherBodies, traceRequests, warnOfForwarded } from './http/web-server.js';
import { SmtpListeners } from './mail/smtp-submission/listeners.js';
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

interface Application {
  context: INestApplicationContext;
  url: string | undefined;
  /** Undefined of a worker. */
  smtp: SmtpListeners | undefined;
}

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
    const deployment = await readDeployment(database.url);
    const broker = await Broker.open({ redisUrl: settings.redisUrl, databaseUrl: database.url }, log);
    opened.push(() => broker.close());
    const application = await startApplication({
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
    const { context, url, smtp } = application;
    const offerSetup = async () =>
      settings.role === 'worker' ? undefined : context.get(SetupTokens, { strict: false }).offer();
    const get: RunningProcess['get'] = (type) => context.get(type, { strict: false });
    return { log, url, smtp: smtp?.places ?? [], get, offerSetup, stop, abandon };
  } catch (error) {
    await stop();
    throw error;
  }
}

function loggerOf({ settings }: LoadedSettings): Logger {
  return createLogger(settings.logLevel, settings.role);
}

async function startApplication(infrastructure: Infrastructure): Promise<Application> {
  return STARTERS[infrastructure.settings.role](infrastructure);
}

/** A worker opens no port, unless it is given one for its probes and metrics. */
const STARTERS: Record<Role, (infrastructure: Infrastructure) => Promise<Application>> = {
  all: startWeb,
  web: startWeb,
  worker: startWorker,
};

async function startWorker(infrastructure: Infrastructure): Promise<Application> {
  const { workerPort, http } = infrastructure.settings;
  const module = RoleModule.forRoot(infrastructure);
  if (workerPort === undefined) {
    const context = await NestFactory.createApplicationContext(module, nestOptions(infrastructure));
    return { context, url: undefined, smtp: undefined };
  }
  const app = await NestFactory.create<NestFastifyApplication>(module, fastifyAdapter(), nestOptions(infrastructure));
  return listening(app, async () => {
    await secureHeaders(app, http.appUrl);
    logRequests(app, infrastructure.log);
    boundBodies(app);
    return listen(app, http.host, workerPort, 'WORKER_PORT');
  });
}

async function startWeb(infrastructure: Infrastructure): Promise<Application> {
  const { settings, log, tracing } = infrastructure;
  const app = await NestFactory.create<NestFastifyApplication>(
    RoleModule.forRoot(infrastructure),
    fastifyAdapter(settings.http.trustedProxies, problemWriterOf(settings)),
    nestOptions(infrastructure),
  );
  const smtp = app.get(SmtpListeners, { strict: false });
  const open = async () => {
    await secureHeaders(app, settings.http.appUrl);
    await app.register(fastifyCookie);
    allowOrigins(app, settings.http.corsOrigins);
    logRequests(app, log);
    if (settings.tracesEndpoint !== undefined) traceRequests(app, tracing, KEY_START);
    warnOfForwarded(app, settings.http.trustedProxies, log);
    refuseOtherBodies(app);
    refuseUnstorable(app);
    boundBodies(app);
    serveDocs(app, settings, VERSION);
    await app.init();
    await smtp.listen();
    return listen(app, settings.http.host, settings.http.port, 'PORT'); // last: whoever hears from it finds all doors open
  };
  return listening(app, open, smtp);
}

/** An application that cannot listen is closed again. */
async function listening(
  app: NestFastifyApplication,
  open: () => Promise<string>,
  smtp?: SmtpListeners,
): Promise<Application> {
  try {
    return { context: app, url: await open(), smtp };
  } catch (error) {
    await closeApplication({ context: app, smtp });
    throw error;
  }
}

async function listen(
  app: NestFastifyApplication,
  host: string,
  port: number,
  variable: 'PORT' | 'WORKER_PORT',
): Promise<string> {
  try {
    // One address: Fastify opens a second server for the other one of `localhost`, which has none of our bounds.
    await app.listen(port, host === 'localhost' ? '127.0.0.1' : host);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new StartupError(
        `Port ${port} on ${host} is taken.`,
        `Stop what listens there, or choose another: ${variable}=${port + 1}.`,
      );
    }
    if (code === 'EACCES') {
      throw new StartupError(
        `Port ${port} may not be used by this user.`,
        `Choose one above 1023, such as ${variable}=${variable === 'PORT' ? 3000 : 3001}.`,
      );
    }
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new StartupError(
        `HOST=${host} is no address of this machine.`,
        'Use HOST=127.0.0.1, or HOST=0.0.0.0 for all addresses.',
      );
    }
    throw error;
  }
  return app.getUrl();
}

/** Platforms kill after their grace (Render: 30 s); what is still under way by then is left to the rescue. */
async function closeInTime(application: Application, log: Logger): Promise<void> {
  const late = delay(DRAIN_WITHIN_MS, 'late', { ref: false });
  if ((await Promise.race([closeApplication(application), late])) === 'late') {
    log.warn('deliveries are still under way; their leases run out and another worker takes them');
  }
}

/** Prisma's pool outlives the deliveries that the modules bring to an end. */
async function closeApplication({ context, smtp }: Omit<Application, 'url'>): Promise<void> {
  const prisma = context.get(PrismaService);
  // First of all nothing more is accepted: what is accepted while the drains have stopped would wait for the next start.
  const server = (context as Partial<NestFastifyApplication>).getHttpServer?.();
  server?.close();
  server?.closeIdleConnections();
  await smtp?.close();
  await context.close();
  await prisma.$disconnect();
}

function nestOptions({ log }: Infrastructure): { logger: NestLogger; abortOnError: false } {
  return { logger: new NestLogger(log), abortOnError: false };
}
