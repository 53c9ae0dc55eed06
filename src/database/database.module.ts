import { type DynamicModule, Module } from '@nestjs/common';
import { type DatabaseOptions, PrismaService } from './prisma.service.js';
import { Transactions } from './unit-of-work.js';

@Module({})
export class DatabaseModule {
  static forRoot(options: DatabaseOptions): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [{ provide: PrismaService, useFactory: () => new PrismaService(options) }, Transactions],
      exports: [PrismaService, Transactions],
    };
  }
}
