import { type DynamicModule, Module } from '@nestjs/common';
import { Clock } from '../core/clock.js';
import { Logger } from '../core/logger.js';
import { DatabaseClock } from './database-clock.js';
import { type DatabaseOptions, PrismaService, Transactions } from './prisma.service.js';
import { ScheduledTasks } from './scheduled-tasks.js';

@Module({})
export class DatabaseModule {
  /** @param held by a test; the time of mail is that of Postgres all the same */
  static forRoot(options: DatabaseOptions, held?: Clock): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        { provide: PrismaService, useFactory: () => new PrismaService(options) },
        {
          provide: DatabaseClock,
          inject: [PrismaService, Logger],
          useFactory: (prisma: PrismaService, log: Logger) => DatabaseClock.open(prisma, log),
        },
        { provide: Clock, inject: [DatabaseClock], useFactory: (clock: DatabaseClock) => held ?? clock },
        Transactions,
        {
          provide: ScheduledTasks,
          inject: [PrismaService, Logger],
          useFactory: (prisma: PrismaService, log: Logger) => new ScheduledTasks(prisma, log),
        },
      ],
      exports: [Clock, DatabaseClock, PrismaService, ScheduledTasks, Transactions],
    };
  }
}
