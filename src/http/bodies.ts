import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { PassThrough, type Readable } from 'node:stream';
import type { Doorkeeper } from '../core/doorkeeper.js';
import { Problem } from '../core/problems.js';
import { BodyBudget } from './body-budget.js';

/** Bytes of all bodies that are being received: 32 of the largest, or 500 of the others. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Bytes that a part of a body takes besides its content, however small it is. */
const PART_OVERHEAD = 256;

/**
 * Lets a body in where its caller may send one, and no more of them than there is room for. A route whose callers prove
 * themselves in a header says with @RouteConfig({ doorkeeper }) who looks at it.
 */
export function boundBodies(app: NestFastifyApplication, mostBytes = MOST_BYTES): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', async (request) => {
    const { doorkeeper } = request.routeOptions.config as { doorkeeper?: abstract new (...args: never[]) => Doorkeeper };
    if (doorkeeper) await app.get(doorkeeper, { strict: false }).admit(request);
  });
  const budget = new BodyBudget<Incoming>(mostBytes);
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    if (!hasBody(request)) return done();
    const body = new Incoming(payload, budget);
    reply.raw.once('finish', () => body.letGo()); // answered before all of it was read
    done(null, body.counted);
  });
}

/** RFC 9112 §6.3 */
function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** A body on its way in. */
class Incoming {
  readonly counted = new PassThrough();

  constructor(
    private readonly source: Readable,
    private readonly budget: BodyBudget<Incoming>,
  ) {
    source.on('data', (part: Buffer) => {
      for (const body of budget.take(this, part.length + PART_OVERHEAD)) body.giveWay();
    });
    source.once('error', (error) => this.counted.destroy(error));
    this.counted.on('error', () => undefined); // for whoever reads, who may have turned away
    source.once('close', () => budget.release(this));
    source.once('end', () => budget.release(this));
    source.pipe(this.counted);
  }

  /** What still comes is read and forgotten, so that the connection can go on. */
  letGo(): void {
    if (this.source.readableEnded || this.source.destroyed) return;
    this.budget.release(this);
    this.source.unpipe(this.counted).removeAllListeners('data').resume();
  }

  private giveWay(): void {
    this.letGo();
    this.counted.destroy(new Problem('busy', BUSY));
  }
}

const BUSY = {
  detail: 'Too many bodies are being received at this moment.',
  remedy: 'Send it again, and without a pause in it. Nothing was done.',
  headers: { 'retry-after': '2' },
};
