import { isIP } from 'node:net';
import { type Network, networkOf } from '../core/networks.js';
import {
  type Context,
  fault,
  isHostName,
  isLoopback,
  isOrigin,
  list,
  type Parsed,
  parseUrl,
  value,
  withoutBrackets,
} from './values.js';

/** Where webhooks may go although it is not the public internet. */
export interface PrivateTargets {
  networks: Network[];
  /** In lower case. */
  hosts: string[];
}

/** Whose X-Forwarded-For is believed. */
export type TrustedProxies =
  | { kind: 'networks'; networks: Network[] }
  /** So many proxies stand in front, one after the other, and nothing else can reach the port. */
  | { kind: 'hops'; hops: number };

const MAX_HOPS = 10;

/** Reads WEBHOOK_ALLOW_PRIVATE: networks, addresses and host names, or `none`. */
export function readPrivateTargets(text: string, { such }: Context): Parsed<PrivateTargets> {
  const remedy = `must be none, or networks, addresses and host names, comma-separated, ${such}`;
  const targets: PrivateTargets = { networks: [], hosts: [] };
  const entries = list(text);
  if (entries.length === 0) return fault(remedy);
  if (entries.length === 1 && entries[0]!.toLowerCase() === 'none') return value(targets);
  for (const entry of entries) {
    const network = networkOf(entry);
    // What ends in a number is an address in another notation (URL standard), and no name.
    const isName = isHostName(entry) && isIP(entry) === 0 && !/(^|\.)\d+\.?$/.test(entry);
    if (network) targets.networks.push(network);
    else if (isName) targets.hosts.push(entry.toLowerCase().replace(/\.$/, ''));
    else return fault(remedy);
  }
  return value(targets);
}

/** Reads TRUSTED_PROXIES. A network that is everybody (/0) is refused: then everybody could choose an address. */
export function readTrustedProxies(text: string): Parsed<TrustedProxies> {
  if (/^\d{1,2}$/.test(text)) {
    const hops = Number(text);
    return hops >= 1 && hops <= MAX_HOPS
      ? value({ kind: 'hops', hops })
      : fault(
          `must be from 1 to ${MAX_HOPS} where it is a number of proxies, such as TRUSTED_PROXIES=1; leave it out where there is none.`,
        );
  }
  const entries = list(text);
  const networks = entries.map(networkOf).filter((network) => network !== undefined && network.prefix > 0);
  return entries.length > 0 && networks.length === entries.length
    ? value({ kind: 'networks', networks: networks as Network[] })
    : fault(
        `must be the addresses or networks of your proxies, comma-separated, or their number (1 to ${MAX_HOPS}), ` +
          'such as TRUSTED_PROXIES=10.0.0.0/8,fd00::/8 or TRUSTED_PROXIES=1.',
      );
}

/**
 * Reads CORS_ORIGINS: as browsers write the Origin header, in lower case and without the port that the scheme implies.
 * Plain http elsewhere is refused: whoever sits on the way there could speak as that page.
 */
export function readOrigins(text: string, { such }: Context): Parsed<string[]> {
  const origins = list(text).map((entry) => {
    const url = parseUrl(entry);
    const safe =
      isOrigin(url) &&
      !url.hostname.includes('*') &&
      (url.protocol === 'https:' || isLoopback(withoutBrackets(url.hostname)));
    return safe ? url.origin : undefined;
  });
  return origins.length > 0 && !origins.includes(undefined)
    ? value([...new Set(origins as string[])])
    : fault(
        'must be the origins of your pages, comma-separated, https:// or http:// on loopback, without path and without *, ' +
          such,
      );
}
