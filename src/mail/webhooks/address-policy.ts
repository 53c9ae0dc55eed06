import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { PrivateTargets } from '../../config/private-targets.js';

/** Why a webhook does not go to an address. */
export type AddressFault = 'private_address' | 'https_required';

export interface TargetRules {
  allowPrivate: PrivateTargets;
  /** Then plain http is for allowed private addresses alone. */
  production: boolean;
}

/**
 * What is not the public internet. RFC 6890 and the IANA registries of special-purpose addresses; 169.254.169.254, where
 * clouds keep credentials, is link-local.
 */
const SPECIAL_IPV4 = listOf('ipv4', [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24',
  '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24',
  '224.0.0.0/4', '240.0.0.0/4',
]);
/** All public unicast is in here (RFC 4291 §2.4), but for what SPECIAL_IPV6 takes out: Teredo and kin, documentation. */
const GLOBAL_IPV6 = listOf('ipv6', ['2000::/3']);
const SPECIAL_IPV6 = listOf('ipv6', ['2001::/23', '2001:db8::/32', '3fff::/20']);
const LINK_LOCAL = listOf('ipv4', ['169.254.0.0/16'], listOf('ipv6', ['fe80::/10']));

/** Judges single addresses: those that a name resolved to, and those that stand in a URL themselves. */
export class AddressPolicy {
  private readonly allowed = new BlockList();
  private readonly allowedHosts: ReadonlySet<string>;
  private readonly production: boolean;

  constructor({ allowPrivate, production }: TargetRules) {
    for (const { address, prefix, family } of allowPrivate.networks) this.allowed.addSubnet(address, prefix, family);
    this.allowedHosts = new Set(allowPrivate.hosts);
    this.production = production;
  }

  /**
   * @param host as the URL names it, in lower case
   * @returns undefined when a connection may be made. A host that is allowed by name may be private, but not
   * link-local: no name of ours lies there, and metadata services do.
   */
  judge(address: string, host: string, secure: boolean): AddressFault | undefined {
    const target = plainAddress(address);
    if (target === undefined) return 'private_address';
    if (contains(this.allowed, target)) return undefined;
    if (!isPublic(target)) {
      return this.allowedHosts.has(host.replace(/\.$/, '')) && !contains(LINK_LOCAL, target) ? undefined : 'private_address';
    }
    return secure || !this.production ? undefined : 'https_required';
  }
}

function isPublic(address: string): boolean {
  if (isIPv4(address)) return !contains(SPECIAL_IPV4, address);
  return contains(GLOBAL_IPV6, address) && !contains(SPECIAL_IPV6, address);
}

/**
 * The address that is reached in the end: of mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96) and 6to4 (2002::/16) addresses
 * the IPv4 address inside. Undefined for what is no address, or one of a single interface (fe80::1%eth0).
 */
function plainAddress(address: string): string | undefined {
  if (isIPv4(address)) return address;
  if (!isIPv6(address) || address.includes('%')) return undefined;
  const groups = groupsOf(address);
  const startsWith = (...start: number[]): boolean => start.every((group, index) => groups[index] === group);
  if (startsWith(0, 0, 0, 0, 0, 0xffff) || startsWith(0x64, 0xff9b, 0, 0, 0, 0)) return ipv4Of(groups[6]!, groups[7]!);
  if (startsWith(0x2002)) return ipv4Of(groups[1]!, groups[2]!);
  return address;
}

/** Eight numbers of 16 bits. */
function groupsOf(address: string): number[] {
  // The URL standard writes every notation in one: lower-case hexadecimal, no dots.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const numbers = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return numbers(head);
  const [left, right] = [numbers(head), numbers(tail)];
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function ipv4Of(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

function contains(addresses: BlockList, address: string): boolean {
  return addresses.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

function listOf(family: 'ipv4' | 'ipv6', networks: string[], into = new BlockList()): BlockList {
  for (const network of networks) {
    const [address, prefix] = network.split('/');
    into.addSubnet(address!, Number(prefix), family);
  }
  return into;
}
