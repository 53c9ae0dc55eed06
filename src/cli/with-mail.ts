import { type DynamicModule, type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { resolveAppSecret } from '../config/app-secret.js';
import type { LoadedSettings } from '../config/settings.module.js';
import { CoreModule } from '../core/core.module.js';
import { Keyring } from '../core/keyring.js';
import { createLogger, NestLogger } from '../core/logger.js';
import { DatabaseModule } from '../database/database.module.js';
import { readDeployment } from '../database/deployment.js';
import { PrismaService } from '../database/prisma.service.js';
import { MailModule } from '../mail/mail.module.js';
import { Broker } from '../queue/broker.js';
import { QueueModule } from '../queue/queue.module.js';

const POOL_SIZE = 2;

@Module({})
class AcceptModule {}

/** Gives `work` the modules that accept mail and wake the workers, and none that deliver it unless `more` do. */
export async function withMail<T>(
  url: string,
  { settings, module: settingsModule }: LoadedSettings,
  work: (context: INestApplicationContext) => Promise<T>,
  { more = [], poolSize = POOL_SIZE }: { more?: DynamicModule[]; poolSize?: number } = {},
): Promise<T> {
  const keyring = new Keyring(await resolveAppSecret(settings), settings.appSecretPrevious);
  const deployment = await readDeployment(url);
  // What the command has to say it says itself; a broker that is away changes nothing but how soon a worker looks.
  const log = createLogger('silent', 'cli');
  const broker = await Broker.open({ redisUrl: settings.redisUrl, databaseUrl: url }, log);
  try {
    const imports = [settingsModule, CoreModule.forRoot(log, keyring), DatabaseModule.forRoot({ url, poolSize }), QueueModule.forRoot(broker, deployment), MailModule, ...more];
    const context = await NestFactory.createApplicationContext({ module: AcceptModule, imports }, { logger: new NestLogger(log), abortOnError: false });
    try {
      return await work(context);
    } finally {
      const prisma = context.get(PrismaService);
      await context.close();
      await prisma.$disconnect();
    }
  } finally {
    await broker.close();
  }
}
