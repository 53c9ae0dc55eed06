import type { FastifyRequest } from 'fastify';
import { isLoopback as isLoopbackAddress } from '../../config/values.js';

/** What has to be known of the deployment. */
export interface Deployment {
  production: boolean;
  http: { host: string; appUrl: string };
}

interface RequestFacts {
  /** As it came over the wire: a forwarded host is not looked at. */
  host: string | undefined;
  origin: string | undefined;
  /** `Sec-Fetch-Site` */
  site: string | undefined;
}

export function factsOf({ headers }: FastifyRequest): RequestFacts {
  const site = headers['sec-fetch-site'];
  return { host: headers.host, origin: headers.origin, site: typeof site === 'string' ? site : undefined };
}

const NO_URL = { protocol: '', host: '', origin: 'null' };

/**
 * Against DNS rebinding: a stranger's page may resolve its own name to 127.0.0.1 and read an inbox without a token,
 * but it cannot change the Host its requests carry.
 */
export function isOurHost(host: string | undefined, { http }: Deployment): boolean {
  const name = /^[\w.:[\]-]+$/.test(host ?? '') ? hostname(`http://${host}`) : undefined;
  return (
    name !== undefined &&
    (isLoopback(name) || name === hostname(http.appUrl) || name === hostname(`http://${bracketed(http.host)}`))
  );
}

/**
 * Whether a request that changes something comes from our own page, or from no page at all (curl sends neither header).
 * Sec-Fetch-Site is believed first: no page can set it, and `none` is a person's own doing (Fetch Metadata §2.4).
 * Browsers leave it out where a page came over plain http from another machine; then the origin is that of APP_URL,
 * scheme and port included. In development it may also be the host that was asked, if that is ours. `null` is what a
 * page has that hides.
 */
export function isFromOurPage({ host, origin, site }: RequestFacts, deployment: Deployment): boolean {
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  if (origin === undefined) return true;
  const { protocol, host: from, origin: normal } = URL.canParse(origin) ? new URL(origin) : NO_URL;
  if (normal === new URL(deployment.http.appUrl).origin) return true;
  return (
    !deployment.production && /^https?:$/.test(protocol) && from === host?.toLowerCase() && isOurHost(host, deployment)
  );
}

/**
 * Whether somebody sits at the machine: in development, over loopback. The host too, against a stranger's page that
 * resolves its own name to loopback.
 */
export function isAtTheMachine(
  { address, host }: { address: string | undefined; host: string | undefined },
  deployment: Deployment,
): boolean {
  // As a dual-stack socket writes it, `::ffff:127.0.0.1`.
  return (
    !deployment.production &&
    address !== undefined &&
    isLoopbackAddress(address.replace(/^::ffff:/, '')) &&
    isOurHost(host, deployment)
  );
}

function hostname(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') || undefined : undefined;
}

function bracketed(address: string): string {
  return address.includes(':') && !address.startsWith('[') ? `[${address}]` : address;
}

function isLoopback(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name);
}
