import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type Application, listen, listening, nestOptions } from './application.js';
import { HealthChecksModule } from './health/health.module.js';
import { boundBodies } from './http/bodies.js';
import { ProblemFilter } from './http/problem-writer.js';
import { secureHeaders } from './http/security-headers.js';
import { fastifyAdapter, logRequests } from './http/web-server.js';
import { OperationsModule } from './operations/operations.module.js';
import { type Infrastructure, RoleModule } from './role.module.js';

/** What a worker with WORKER_PORT answers: probes and metrics, and nothing that accepts anything. */
@Module({
  imports: [HealthChecksModule, OperationsModule],
  providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
})
class ProbesModule {}

/** A worker with a port. */
export async function startProbes(infrastructure: Infrastructure, delivery: DynamicModule): Promise<Application> {
  const { workerPort, http } = infrastructure.settings;
  const module = RoleModule.forRoot(infrastructure, [delivery, ProbesModule]);
  const app = await NestFactory.create<NestFastifyApplication>(module, fastifyAdapter(), nestOptions(infrastructure));
  return listening(app, async () => {
    secureHeaders(app, http.appUrl);
    logRequests(app, infrastructure.log);
    boundBodies(app);
    return listen(app, http.host, workerPort!, 'WORKER_PORT');
  });
}
