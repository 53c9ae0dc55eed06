import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type IpAddress = ipaddr.IPv4 | ipaddr.IPv6;

export interface Network {
  address: string;
  /** Bits. */
  prefix: number;
  family: 'ipv4' | 'ipv6';
}

/** Undefined for other notations of an address (127.1, 0x7f000001) and for one of a single interface (fe80::1%eth0). */
export function addressOf(text: string): IpAddress | undefined {
  if (isIP(text) === 0 || text.includes('%')) return undefined;
  return ipaddr.parse(text.replace(/^::(?=\d+\.)/, '0::')); // ::192.0.2.1 is no mapped address, as the library has it
}

/** Of `10.0.0.0/8`, or of an address alone; undefined when it is neither. */
export function networkOf(entry: string): Network | undefined {
  const [address = '', bits, ...more] = entry.split('/');
  const family = addressOf(address)?.kind();
  if (family === undefined || more.length > 0) return undefined;
  const longest = family === 'ipv4' ? 32 : 128;
  const prefix = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
  return prefix >= 0 && prefix <= longest ? { address, prefix, family } : undefined;
}

export function isWithin(target: IpAddress, networks: readonly Network[]): boolean {
  return networks.some(
    ({ address, prefix, family }) => family === target.kind() && target.match(ipaddr.parse(address), prefix),
  );
}

/**
 * The address that is reached in the end: of mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96) and 6to4 (2002::/16)
 * addresses the IPv4 address inside.
 */
export function reachedBy(address: IpAddress): IpAddress {
  if (address instanceof ipaddr.IPv4) return address;
  const bytes = address.toByteArray();
  if (address.isIPv4MappedAddress() || isWithin(address, [NAT64])) return new ipaddr.IPv4(bytes.slice(12));
  return address.range() === '6to4' ? new ipaddr.IPv4(bytes.slice(2, 6)) : address;
}

const NAT64: Network = { address: '64:ff9b::', prefix: 96, family: 'ipv6' };
/** All public unicast is in here (RFC 4291 §2.4). */
const GLOBAL_IPV6: Network = { address: '2000::', prefix: 3, family: 'ipv6' };

/** In none of the ranges of RFC 6890 and the IANA registries of special-purpose addresses, which the library lists. */
export function isPublic(address: IpAddress): boolean {
  return address.range() === 'unicast' && (address.kind() === 'ipv4' || isWithin(address, [GLOBAL_IPV6]));
}
