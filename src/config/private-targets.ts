import { isIP, isIPv4, isIPv6 } from 'node:net';
import { isHostName } from './hosts.js';
import { list } from './parse-value.js';
import { fault, type Parsed, value } from './parsed.js';

/** Where webhooks may go although it is not the public internet. */
export interface PrivateTargets {
  networks: Network[];
  /** In lower case. */
  hosts: string[];
}

export interface Network {
  address: string;
  /** Bits. */
  prefix: number;
  family: 'ipv4' | 'ipv6';
}

/** What is on one's own machine while one develops. */
export const LOOPBACK_TARGETS: PrivateTargets = {
  networks: [
    { address: '127.0.0.0', prefix: 8, family: 'ipv4' },
    { address: '::1', prefix: 128, family: 'ipv6' },
  ],
  hosts: [],
};

/** Reads WEBHOOK_ALLOW_PRIVATE: networks, addresses and host names, or `none`. */
export function parsePrivateTargets(text: string): Parsed<PrivateTargets> {
  const remedy =
    'must be none, or networks, addresses and host names, comma-separated, such as WEBHOOK_ALLOW_PRIVATE=10.0.0.0/8,hooks.internal.';
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

/** Of `10.0.0.0/8`, or of an address alone; undefined when it is neither. */
export function networkOf(entry: string): Network | undefined {
  const [address = '', bits, ...more] = entry.split('/');
  const family = isIPv4(address) ? 'ipv4' : isIPv6(address) && !address.includes('%') ? 'ipv6' : undefined;
  if (family === undefined || more.length > 0) return undefined;
  const longest = family === 'ipv4' ? 32 : 128;
  const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  return prefix >= 0 && prefix <= longest ? { address, prefix, family } : undefined;
}
