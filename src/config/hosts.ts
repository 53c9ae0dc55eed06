import { isIP, isIPv4 } from 'node:net';

/**
 * Whether traffic to this host stays on the machine: 127.0.0.0/8 (RFC 1122 §3.2.1.3), ::1 and `localhost`.
 * Only exact notations count: `127.1` or a name that starts with 127. may lead elsewhere.
 */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/** Addresses and names, without port or brackets. Underscores pass because Compose allows them in service names. */
export function isHostName(host: string): boolean {
  if (isIP(host) !== 0) return true;
  return host.length <= 253 && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i.test(host);
}

/** `new URL` keeps the brackets of an IPv6 host; sockets want it without. */
export function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
