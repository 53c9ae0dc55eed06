import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { PROBLEM_CODES } from '../core/problems.js';

const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'RFC 9457',
  required: ['type', 'title', 'status', 'code', 'detail', 'remedy', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: PROBLEM_CODES },
    detail: { type: 'string' },
    remedy: { type: 'string' },
    requestId: { type: 'string' },
    attemptsLeft: { type: 'integer', description: 'With otp_invalid' },
    moreErrors: { type: 'integer', description: 'Faults besides those in `errors`' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { field: { type: 'string' }, code: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
};

/** OpenAPI 3.1: the page at /docs, the description at /docs/json. */
export function serveDocs(app: NestFastifyApplication, appUrl: string, version: string): void {
  const document = SwaggerModule.createDocument(
    app,
    new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle('Otpost')
      .setDescription('Accounts, one-time codes, and the mail that carries them. Every error is application/problem+json.')
      .setVersion(version)
      .addServer(appUrl)
      .addBearerAuth()
      .build(),
  );
  SwaggerModule.setup('docs', app, withProblems(document), { raw: [] });
  // Written once: to write it anew for whoever asks takes the event loop some 10 ms.
  const text = Buffer.from(JSON.stringify(document));
  app.getHttpAdapter().getInstance().get('/docs/json', (_request, reply) => reply.type('application/json; charset=utf-8').send(text));
}

function withProblems(document: OpenAPIObject): OpenAPIObject {
  const reference = { $ref: '#/components/schemas/Problem' };
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: PROBLEM_SCHEMA as never },
  };
  for (const path of Object.values(document.paths)) {
    for (const operation of [path.get, path.post, path.patch, path.put, path.delete]) {
      if (!operation) continue;
      operation.responses['default'] = {
        description: 'What was wrong, and what to do',
        content: { 'application/problem+json': { schema: reference } },
      };
    }
  }
  return document;
}
