import { isIPv4, isIPv6 } from 'node:net';

/** What is no address: a proxy that forwards something else. All of it is one requester, and so never without a limit. */
const UNKNOWN = 'unknown';

/**
 * Whom limits count: an IPv4 address, or the /64 of an IPv6 address, for that is what one customer gets at least
 * (RFC 6177 §2) and may roam in. An IPv4 address that is written as IPv6 (RFC 4291 §2.5.5.2) counts as what it is.
 */
export function requesterOf(ip: string): string {
  const [address = ''] = ip.trim().split(/[%/]/, 1); // a zone, or the /64 of a requester
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return UNKNOWN;
  const groups = groupsOf(address);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return groups.slice(6).flatMap((group) => [group >> 8, group & 0xff]).join('.');
  }
  return `${normal(`${groups.slice(0, 4).map((group) => group.toString(16)).join(':')}::`)}/64`;
}

/** The shortest form in lower case, as the URL standard writes it (RFC 5952 §4). */
function normal(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function groupsOf(address: string): number[] {
  const [before = [], after = []] = normal(address).split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
}
