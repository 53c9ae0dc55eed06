import type { FastifyReply } from 'fastify';

/**
 * A mail is somebody else's page: no script, no form, nothing fetched from anywhere, so that looking at it tells its
 * sender nothing; in a frame of ours alone, whose `sandbox` gives it an origin of its own.
 */
const POLICY = [
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'self'",
  'sandbox',
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-frame-options': 'SAMEORIGIN',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
};

/**
 * Sends a mail, or a part of one, as what stands in a frame of ours. In it there is no origin to be keyed by: a browser
 * that is asked to complains.
 */
export async function sendFramed(reply: FastifyReply, type: string, body: string | Uint8Array): Promise<void> {
  reply.raw.removeHeader('origin-agent-cluster');
  await reply.headers(HEADERS).type(type).send(body);
}
