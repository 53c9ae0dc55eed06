import { isIPv6 } from 'node:net';
import {
  type Context,
  fault,
  isHostName,
  type Parsed,
  readEach,
  value,
  wholeNumber,
  withoutBrackets,
} from './values.js';

/** Where mail of back ends is taken in by SMTP. */
export interface SmtpListener {
  host: string;
  /** 0: the system chooses. */
  port: number;
  /**
   * implicit: TLS from the first byte (RFC 8314 §3.3). starttls: required before AUTH where there is a certificate, and
   * without one only loopback and private networks get in. off: plain text, for whoever gets there.
   */
  tls: 'implicit' | 'starttls' | 'off';
}

const TLS = ['off', 'starttls', 'implicit'] as const;

/** Reads SMTP_LISTEN: `587,465`, `0.0.0.0:2587?tls=off`. A port alone is on HOST. */
export function readSmtpListen(text: string, context: Context): Parsed<SmtpListener[]> {
  const { such } = context;
  const listeners = readEach(text, `must name ports to listen on, ${such}`, (entry) => readListener(entry, context));
  if (listeners.kind === 'fault') return listeners;
  const places = listeners.value.map(({ host, port }) => `${host} ${port}`);
  if (listeners.value.some(({ port }, n) => port !== 0 && places.indexOf(places[n]!) < n))
    return fault(`must name each port once, ${such}`);
  return listeners;
}

function readListener(entry: string, { such, isGiven, valueOf }: Context): Parsed<SmtpListener> {
  const [, given, digits = '', parameters] = /^(?:(.+):)?(\d{1,5})(?:\?(.*))?$/.exec(entry) ?? [];
  const port = wholeNumber(digits);
  const host = given === undefined ? ((valueOf('HOST') as string | undefined) ?? '127.0.0.1') : withoutBrackets(given);
  const isHost = isHostName(host) && isIPv6(host) === (given?.startsWith('[') ?? isIPv6(host));
  if (port === undefined || port > 65_535 || !isHost) {
    return fault(
      `must be a port from 1 to 65535, or an address and a port, ${such} An IPv6 address stands in brackets.`,
    );
  }
  const asked = parameters === undefined ? undefined : /^tls=(.*)$/.exec(parameters.toLowerCase())?.[1];
  const tls = parameters === undefined ? (port === 465 ? 'implicit' : 'starttls') : TLS.find((one) => one === asked);
  if (tls === undefined) return fault(`understands ?tls=${TLS.join(', ?tls=')} and nothing else, ${such}`);
  if (port === 465 && tls !== 'implicit') {
    return fault(
      'port 465 is TLS from the first byte for every client. Choose another, such as SMTP_LISTEN=2587?tls=off.',
    );
  }
  if (tls === 'implicit' && !isGiven('SMTP_TLS_CERT')) {
    return fault(
      'TLS from the first byte needs a certificate. Set SMTP_TLS_CERT and SMTP_TLS_KEY, or leave the entry out, such as SMTP_LISTEN=587.',
    );
  }
  return value({ host, port, tls });
}
