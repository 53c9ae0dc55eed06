import { list } from './parse-value.js';
import { fault, type Parsed, value } from './parsed.js';
import { type Network, networkOf } from './private-targets.js';

/** Whose X-Forwarded-For is believed. */
export type TrustedProxies =
  | { kind: 'networks'; networks: Network[] }
  /** So many proxies stand in front, one after the other, and nothing else can reach the port. */
  | { kind: 'hops'; hops: number };

const MAX_HOPS = 10;

/** Reads TRUSTED_PROXIES. A network that is everybody (/0) is refused: then everybody could choose an address. */
export function parseTrustedProxies(text: string): Parsed<TrustedProxies> {
  if (/^\d{1,2}$/.test(text)) {
    const hops = Number(text);
    return hops >= 1 && hops <= MAX_HOPS
      ? value({ kind: 'hops', hops })
      : fault(`must be from 1 to ${MAX_HOPS} where it is a number of proxies, such as TRUSTED_PROXIES=1; leave it out where there is none.`);
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
