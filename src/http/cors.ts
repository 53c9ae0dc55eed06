import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { DEVICE_HEADER } from '../core/credentials.js';

/** Who may read the answer from a page of another origin. */
type Audience =
  /** Public keys: there is nothing to protect. */
  | 'everybody'
  /** The origins of CORS_ORIGINS, with bearer tokens; never with cookies. */
  | 'listed'
  | 'nobody';

interface CorsRequest {
  /** With or without a query. */
  url: string;
  origin: string | undefined;
}

/** The API is for the pages that are named, and everything that is a page of ours for no other page. */
function audienceOf({ url, origin }: CorsRequest, allowed: readonly string[]): Audience {
  const path = url.split('?', 1)[0]!;
  if (path === '/.well-known/jwks.json') return 'everybody';
  if (!path.startsWith('/v1/') && !path.startsWith('/.well-known/')) return 'nobody';
  return origin !== undefined && allowed.includes(origin) ? 'listed' : 'nobody';
}

/** Seconds for which a browser keeps what a preflight told it. */
const PREFLIGHT_SECONDS = 600;

const COMMON = {
  methods: ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'],
  allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', DEVICE_HEADER, 'X-Request-Id', 'Last-Event-ID'],
  exposedHeaders: ['Retry-After', 'RateLimit', 'RateLimit-Policy', 'X-Request-Id'],
  maxAge: PREFLIGHT_SECONDS,
  // Bearer tokens come in a header. A cookie that came along by itself would let any listed page act as whoever looks
  // at it.
  credentials: false,
};

type Answer = (error: Error | null, options: typeof COMMON & { origin: string | false }) => void;

/**
 * Who is refused gets the answer without the headers that would let a page read it, and no answer to a preflight but
 * 404.
 */
export function allowOrigins(app: NestFastifyApplication, allowed: readonly string[]): void {
  app.enableCors({
    delegator: (request: FastifyRequest, answer: Answer) => {
      const { origin } = request.headers;
      // An OPTIONS that announces no method is no preflight (Fetch standard, CORS-preflight request).
      const announced = request.method !== 'OPTIONS' || request.headers['access-control-request-method'] !== undefined;
      const audience = announced ? audienceOf({ url: request.url, origin }, allowed) : 'nobody';
      answer(null, { ...COMMON, origin: originFor(audience, origin) });
    },
  });
}

function originFor(audience: Audience, origin: string | undefined): string | false {
  if (audience === 'everybody') return '*';
  return audience === 'listed' ? origin! : false;
}
