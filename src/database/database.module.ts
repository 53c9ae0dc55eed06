import { type DynamicModule, Module } from '@nestjs/common';
import { LOGGER, type Logger } from '../core/logger.js';
import { type DatabaseOptions, PrismaService } from './prisma.service.js';
import { ScheduledTasks } from './scheduled-tasks.js';
import { Transactions } from './unit-of-work.js';

@Module({})
export class DatabaseModule {
  static forRoot(options: DatabaseOptions): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [
        { provide: PrismaService, useFactory: () => new PrismaService(options) },
        Transactions,
        {
          provide: ScheduledTasks,
          inject: [PrismaService, LOGGER],
          useFactory: (prisma: PrismaService, log: Logger) => new ScheduledTasks(prisma, log),
        },
      ],
      exports: [PrismaService, ScheduledTasks, Transactions],
    };
  }
}
