import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Settings } from '../config/settings.js';
import { codingsTaken } from './pages/accept-encoding.js';
import { docsPage } from './docs/docs-page.js';
import { operationIdOf } from './operation-ids-policy.js';
import { dressOf } from './pages/look.js';
import { operationsOf, withProblems } from './problem-responses.js';

const brotli = promisify(brotliCompress);
const gzipped = promisify(gzip);

/** A text that is the same for everybody, in the forms that browsers take. */
interface Written {
  type: string;
  headers: Record<string, string>;
  etag: string;
  plain: Buffer;
  br: Buffer;
  gzip: Buffer;
}

async function written(type: string, text: string, headers: Record<string, string>): Promise<Written> {
  const plain = Buffer.from(text);
  const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
  const [br, gz] = await Promise.all([
    brotli(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } }),
    gzipped(plain),
  ]);
  return { type, headers, etag, plain, br, gzip: gz };
}

/** Kept by browsers and asked for anew each time, which costs nothing while it is the same (RFC 9110 §13.1.2). */
async function give(reply: FastifyReply, { headers }: FastifyRequest, text: Written): Promise<FastifyReply> {
  void reply.headers({ ...text.headers, 'cache-control': 'no-cache', etag: text.etag, vary: 'accept-encoding' });
  if (headers['if-none-match']?.includes(text.etag)) return reply.status(304).send();
  const [encoding] = codingsTaken(headers);
  if (encoding) void reply.header('content-encoding', encoding);
  return reply.type(text.type).send(text[encoding ?? 'plain']);
}

/**
 * OpenAPI 3.1: the page at /docs, the description at /docs/json. Made when first asked for: a start has no need of it
 * (0.1 s).
 */
export function serveDocs(
  app: NestFastifyApplication,
  settings: Pick<Settings, 'http' | 'mail'>,
  version: string,
): void {
  const { appUrl } = settings.http;
  let made: OpenAPIObject | undefined;
  const description = (): OpenAPIObject => (made ??= describeApi(app, appUrl, version));
  // Written once: to write it anew for whoever asks takes the event loop some 10 ms.
  let page: Promise<Written> | undefined;
  let json: Promise<Written> | undefined;
  const fastify = app.getHttpAdapter().getInstance();
  fastify.get('/docs', async (request, reply) => {
    page ??= (async () => {
      const { html, policy } = docsPage(description(), { appUrl, version, dress: dressOf(settings) });
      return written('text/html; charset=utf-8', html, { 'content-security-policy': policy });
    })();
    return give(reply, request, await page);
  });
  fastify.get('/docs/', (_request, reply) => reply.redirect('/docs', 308));
  fastify.get('/docs/json', async (request, reply) => {
    json ??= written('application/json; charset=utf-8', JSON.stringify(description()), {});
    return give(reply, request, await json);
  });
}

function describeApi(app: NestFastifyApplication, appUrl: string, version: string): OpenAPIObject {
  const document = SwaggerModule.createDocument(
    app,
    new DocumentBuilder()
      .setOpenAPIVersion('3.1.0')
      .setTitle('Otpost')
      .setDescription(
        'Accounts, one-time codes, and the mail and SMS that carry them. Every error is application/problem+json.',
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
