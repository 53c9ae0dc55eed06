import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { HealthChecksModule } from './health/health-checks.module.js';
import { ProblemFilter } from './http/problem.filter.js';
import { OperationsModule } from './operations/operations.module.js';

/** What a worker with WORKER_PORT answers: probes and metrics, and nothing that accepts anything. */
@Module({
  imports: [HealthChecksModule, OperationsModule],
  providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
})
export class ProbesModule {}
