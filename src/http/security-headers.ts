import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import helmet from 'helmet';
import { atOnce } from './at-once.js';

/** Whether the API answers, by its route: a URL has many spellings (RFC 3986 §6.2.2.2), such as /%761 for /v1. */
export function isApiRoute({ routeOptions }: FastifyRequest): boolean {
  return /^\/(v1\/|emails(\/|$))/.test(routeOptions.url ?? '');
}

/** What is no page loads, frames and posts nothing. Pages say what they need themselves, and replace this. */
const NO_PAGE = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"].join('; ');

const PERMISSIONS = ['camera', 'geolocation', 'microphone', 'payment', 'usb']
  .map((feature) => `${feature}=()`)
  .join(', ');

/** For answers that are given before any hook of the server runs. */
export const BARE_HEADERS = {
  'content-security-policy': NO_PAGE,
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/**
 * Strict headers on every answer (OWASP HTTP Headers Cheat Sheet); a route that sets one itself replaces it. Not by
 * @fastify/helmet, which makes what sets them anew in each request.
 */
export function secureHeaders(app: NestFastifyApplication, appUrl: string): void {
  const setHeaders = helmet(helmetOptions(appUrl));
  app
    .getHttpAdapter()
    .getInstance()
    .addHook(
      'onRequest',
      atOnce((request, reply) => {
        setHeaders(request.raw, reply.raw, rethrow);
        const { url } = request.routeOptions;
        reply.header('permissions-policy', PERMISSIONS);
        // Answers hold tokens and addresses; a route that may be cached says so. What has no route may have one
        // tomorrow.
        if (url === undefined || isApiRoute(request)) reply.header('cache-control', 'no-store');
      }),
    );
}

function rethrow(cause?: unknown): void {
  if (cause !== undefined) throw new Error('the security headers could not be set', { cause });
}

function helmetOptions(appUrl: string) {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        'default-src': ["'none'"],
        'base-uri': ["'none'"],
        'form-action': ["'none'"],
        'frame-ancestors': ["'none'"],
      },
    },
    // A browser that has seen it refuses plain http for a year: only for an address that is https. Not for subdomains,
    // of which this service knows nothing.
    strictTransportSecurity: appUrl.startsWith('https:') ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'no-referrer' as const },
    xFrameOptions: { action: 'deny' as const },
  };
}
