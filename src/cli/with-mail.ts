import { type Abstract, type DynamicModule, type INestApplicationContext, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Settings } from '../config/settings.js';
import { openKeyring } from '../core/app-secret.js';
import { CoreModule } from '../core/core.module.js';
import { createLogger, NestLogger } from '../core/logger.js';
import { DatabaseModule } from '../database/database.module.js';
import { PrismaService } from '../database/prisma.service.js';
import { readDeployment } from '../database/schema-history.js';
import { MailModule } from '../mail/mail.module.js';
import { Broker } from '../queue/broker.js';
import { QueueModule } from '../queue/queue.module.js';
import type { Io } from './io.js';
import { Session, withDatabaseUrl } from './session.js';

interface Modules {
  more?: DynamicModule[];
  /** Connections; two unless given. */
  poolSize?: number;
}

@Module({})
class AcceptModule {}

/** A session in which mail can be accepted. */
export class MailSession extends Session {
  constructor(
    io: Io,
    settings: Settings,
    private readonly context: INestApplicationContext,
  ) {
    super(io, settings, context.get(PrismaService));
  }

  /** Of the modules. */
  get<T>(type: Type<T> | Abstract<T>): T {
    return this.context.get(type);
  }
}

/** Gives `work` the modules that accept mail and wake the workers, and none that deliver it unless `modules` do. */
export async function withMail<T>(
  io: Io,
  work: (session: MailSession) => Promise<T>,
  modules: (settings: Settings) => Modules = () => ({}),
): Promise<T> {
  return withDatabaseUrl(io, async (url, loaded) => {
    // What the command has to say it says itself; a broker that is away changes nothing but how soon a worker looks.
    const log = createLogger('silent', 'cli');
    const { settings } = loaded;
    const keyring = await openKeyring(settings);
    const deployment = await readDeployment(url);
    const broker = await Broker.open({ redisUrl: settings.redisUrl, databaseUrl: url }, log);
    const { more = [], poolSize = 2 } = modules(settings);
    const imports = [
      loaded.module,
      CoreModule.forRoot(log, keyring),
      DatabaseModule.forRoot({ url, poolSize }),
      QueueModule.forRoot(broker, deployment),
      MailModule,
      ...more,
    ];
    const options = { logger: new NestLogger(log), abortOnError: false } as const;
    try {
      const context = await NestFactory.createApplicationContext({ module: AcceptModule, imports }, options);
      const session = new MailSession(io, settings, context);
      try {
        return await work(session);
      } finally {
        await context.close();
        await session.prisma.$disconnect();
      }
    } finally {
      await broker.close();
    }
  });
}
