import { type Readable, Transform, type TransformCallback } from 'node:stream';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import type { Doorkeeper } from '../core/credentials.js';
import { Problem } from '../core/problems.js';
import type { Release } from '../core/semaphore.js';
import { type LargeBodies, SMALL_BODY, timedElsewhere, Turns, type TurnTimes } from './large-bodies.js';

/**
 * Bytes of the bodies that are being received in this process. Where there are too many, those give way that have been
 * coming in for longest: who sends a body has sent it in a moment, and who holds one back does so at the cost of nobody
 * else.
 */
export class BodyBudget<Body> {
  private readonly held = new Map<Body, number>();
  private total = 0;

  /** @param most bytes */
  constructor(private readonly most: number) {}

  /** Counts a part of a body. Answers the bodies that give way; they are no longer counted. */
  take(body: Body, bytes: number): Body[] {
    this.held.set(body, (this.held.get(body) ?? 0) + bytes);
    this.total += bytes;
    const givingWay: Body[] = [];
    for (const [oldest] of this.held) {
      if (this.total <= this.most) break;
      this.release(oldest);
      givingWay.push(oldest);
    }
    return givingWay;
  }

  /** It was received, or never will be. */
  release(body: Body): void {
    this.total -= this.held.get(body) ?? 0;
    this.held.delete(body);
  }

  get bytes(): number {
    return this.total;
  }
}

/** Bytes of all bodies that are being received, but for the large ones: 32 MB, or 500 of most routes. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Bytes that a part of a body takes besides its content, however small it is. */
const PART_OVERHEAD = 256;

interface BodyConfig {
  doorkeeper?: abstract new (...args: never[]) => Doorkeeper;
  large?: LargeBodies;
}

/**
 * Lets a body in where its caller may send one, and no more of them than there is room for. A route whose callers prove
 * themselves in a header says with @RouteConfig({ doorkeeper }) who looks at it; one whose bodies are large says so
 * with
 * @RouteConfig({ large }), and they are read in turn: there is no room for many of them, and none gives way to another.
 */
export function boundBodies(app: NestFastifyApplication, mostBytes = MOST_BYTES): void {
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', async (request) => {
    const { doorkeeper } = configOf(request);
    if (doorkeeper) await app.get(doorkeeper, { strict: false }).admit(request);
  });
  const budget = new BodyBudget<Incoming>(mostBytes);
  const turns = Turns.ofAllKinds();
  const bodies = new WeakMap<FastifyRequest, Incoming>();
  fastify.addHook('preParsing', (request, reply, payload, done) => {
    if (!hasBody(request)) return done();
    const { large } = configOf(request);
    const body = new Incoming(request, payload, budget, large && turns[large]);
    bodies.set(request, body);
    reply.raw.once('finish', () => body.letGo()); // answered before all of it was read
    done(null, body.counted);
  });
  // Here whatever the handler made of the body is over, also where the client hung up meanwhile.
  fastify.addHook('onSend', (request, _reply, payload, done) => {
    bodies.get(request)?.endTurn();
    done(null, payload);
  });
}

function configOf({ routeOptions }: FastifyRequest): BodyConfig {
  return routeOptions.config as BodyConfig;
}

/** RFC 9112 §6.3 */
function hasBody({ headers }: FastifyRequest): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** A body on its way in. */
class Incoming {
  readonly counted: Transform;
  private received = 0;
  private turn: Turn | undefined;
  private answered = false;

  constructor(
    private readonly request: FastifyRequest,
    private readonly source: Readable,
    private readonly budget: BodyBudget<Incoming>,
    /** Of a route whose bodies are large. */
    private readonly turns: Turns | undefined,
  ) {
    this.counted = new Transform({ transform: (part: Buffer, _encoding, done) => this.take(part, done) });
    source.once('error', (error) => this.counted.destroy(error));
    this.counted.on('error', () => undefined); // for whoever reads, who may have turned away
    source.once('close', () => budget.release(this));
    source.once('end', () => {
      budget.release(this);
      this.turn?.received();
    });
    source.pipe(this.counted);
  }

  /** What still comes is read and forgotten, so that the connection can go on. */
  letGo(): void {
    if (this.source.readableEnded || this.source.destroyed) return;
    this.budget.release(this);
    this.source.unpipe(this.counted).resume();
  }

  endTurn(): void {
    this.answered = true;
    this.turn?.end();
  }

  private take(part: Buffer, done: TransformCallback): void {
    this.received += part.length;
    if (this.turn) this.turn.moved();
    else if (this.turns && Math.max(this.received, declaredLength(this.request)) > SMALL_BODY)
      return void this.waitForTurn(this.turns).then(() => done(null, part), done);
    else
      for (const body of this.budget.take(this, part.length + PART_OVERHEAD)) body.giveWay(new Problem('busy', BUSY));
    done(null, part);
  }

  /** Nothing more of it is read until then, however long that takes. @throws Problem busy */
  private async waitForTurn(turns: Turns): Promise<void> {
    timedElsewhere.add(this.request.raw);
    this.budget.release(this);
    const release = await turns.next(this.request.headers.authorization ?? this.request.ip).catch((cause: unknown) => {
      throw new Problem('busy', { ...BUSY, cause });
    });
    this.turn = new Turn(release, turns.times, (seconds) => {
      // Where the handler is slower than the client, nothing is asked of the client.
      if (this.counted.readableLength > 0) return false;
      this.giveWay(tooSlow(seconds));
      return true;
    });
    if (this.answered) this.turn.end();
    else if (this.source.readableEnded) this.turn.received();
  }

  private giveWay(problem: Problem): void {
    this.letGo();
    this.counted.destroy(problem);
  }
}

/** The time in which a large body is read and made use of. */
class Turn {
  private readonly pause: NodeJS.Timeout;
  private readonly whole: NodeJS.Timeout;

  /** @param give ends it; answers false where the client is not to blame */
  constructor(
    private readonly release: Release,
    { pauseMs, wholeMs }: TurnTimes,
    give: (seconds: number) => boolean,
  ) {
    this.pause = setTimeout(() => give(pauseMs / 1_000) || this.pause.refresh(), pauseMs).unref();
    this.whole = setTimeout(() => give(wholeMs / 1_000) || this.whole.refresh(), wholeMs).unref();
  }

  moved(): void {
    this.pause.refresh();
  }

  /** All of it is here. */
  received(): void {
    clearTimeout(this.pause);
    clearTimeout(this.whole);
  }

  end(): void {
    this.received();
    this.release();
  }
}

function declaredLength({ headers }: FastifyRequest): number {
  return Number(headers['content-length'] ?? 0);
}

function tooSlow(seconds: number): Problem {
  return new Problem('request_timeout', {
    detail: `Of the body, nothing more came within ${seconds} seconds, or not all of it.`,
    remedy: 'Send it again, and without a pause in it. Nothing was done.',
  });
}

const BUSY = {
  detail: 'Too many bodies are being received at this moment.',
  remedy: 'Send it again, and without a pause in it. Nothing was done.',
  headers: { 'retry-after': '2' },
};
