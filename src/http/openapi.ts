import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { operationIdOf } from './operation-ids-policy.js';
import { operationsOf, withProblems } from './problem-responses.js';

/** OpenAPI 3.1: the page at /docs, the description at /docs/json. Made when first asked for: a start has no need of it (0.1 s). */
export function serveDocs(app: NestFastifyApplication, appUrl: string, version: string): void {
  let made: OpenAPIObject | undefined;
  const description = (): OpenAPIObject => (made ??= describeApi(app, appUrl, version));
  SwaggerModule.setup('docs', app, description, { raw: [] });
  // Written once: to write it anew for whoever asks takes the event loop some 10 ms.
  let text: Buffer | undefined;
  app
    .getHttpAdapter()
    .getInstance()
    .get('/docs/json', (_request, reply) =>
      reply.type('application/json; charset=utf-8').send((text ??= Buffer.from(JSON.stringify(description())))),
    );
}

function describeApi(app: NestFastifyApplication, appUrl: string, version: string): OpenAPIObject {
  const document = SwaggerModule.createDocument(
    app,
    new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle('Otpost')
      .setDescription(
        'Accounts, one-time codes, and the mail that carries them. Every error is application/problem+json.',
      )
      .setLicense('MIT', 'https://opensource.org/license/mit')
      .setVersion(version)
      .addServer(appUrl)
      .addBearerAuth()
      .build(),
  );
  for (const [path, method, operation] of operationsOf(document)) {
    operation.operationId = operationIdOf(method, path);
    operation.security ??= []; // for anybody
  }
  withProblems(document);
  return document;
}
