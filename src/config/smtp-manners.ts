import { fault, type Parsed, value } from './parsed.js';
import { take } from './transport-parameters.js';

/** SASL mechanisms that carry a user and a password (RFC 4616, RFC 2195; LOGIN is older than any of them). */
export const LOGIN_MECHANISMS = ['PLAIN', 'LOGIN', 'CRAM-MD5'] as const;
export type LoginMechanism = (typeof LOGIN_MECHANISMS)[number];

/** What a strict or slow server asks of its clients. Everything has a default. */
export interface SmtpManners {
  /** The name in EHLO (RFC 5321 §4.1.1.1); undefined: the host's own, see `heloName`. */
  helo?: string;
  /** The only mechanism that is tried; undefined: those that are offered, one after the other. */
  auth?: LoginMechanism;
  /** Milliseconds, each of them. RFC 5321 §4.5.3.2 has the times that a client ought to wait at least. */
  timeouts?: { connect?: number; greeting?: number; reply?: number; finalReply?: number };
}

const TIMEOUTS = { connect: 'connect_timeout', greeting: 'greeting_timeout', reply: 'reply_timeout', finalReply: 'final_reply_timeout' } as const;
const UNIT_MS: Record<string, number> = { s: 1_000, min: 60_000 };
const LONGEST_MS = 30 * 60_000;

/** Takes them out of `parameters`. */
export function takeSmtpManners(parameters: URLSearchParams): Parsed<SmtpManners> {
  const manners: SmtpManners = {};
  const helo = take(parameters, 'helo');
  if (helo !== undefined) {
    if (!isHeloName(helo)) return fault('helo must be the full name of this host as the server sees it, such as ?helo=mail.example.com, or an address in brackets.');
    manners.helo = helo.toLowerCase();
  }
  const auth = take(parameters, 'auth');
  if (auth !== undefined) {
    const mechanism = LOGIN_MECHANISMS.find((one) => one === auth.toUpperCase());
    if (!mechanism) return fault('auth must be plain, login or cram-md5, such as ?auth=login; without it every one that the server offers is tried.');
    manners.auth = mechanism;
  }
  for (const [key, name] of Object.entries(TIMEOUTS)) {
    const text = take(parameters, name);
    if (text === undefined) continue;
    const ms = millisecondsOf(text);
    if (ms === undefined) return fault(`${name} must be a time from 1s to 30min, such as ?${name}=${key === 'finalReply' ? '10min' : '30s'}.`);
    manners.timeouts = { ...manners.timeouts, [key]: ms };
  }
  return value(manners);
}

/**
 * What this host calls itself: its own name where that is fully qualified, else the host of APP_URL. Strict servers
 * refuse a bare name or an address, and Google's relay answers 421 to `[127.0.0.1]`.
 */
export function heloName(hostname: string, appUrl: string): string {
  const candidates = [hostname, new URL(appUrl).hostname].map((name) => name.toLowerCase().replace(/\.$/, ''));
  return candidates.find(isFullyQualified) ?? '[127.0.0.1]';
}

function isFullyQualified(name: string): boolean {
  return /^(?=.{1,255}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(name) && !/\.(localhost|localdomain)$/.test(name);
}

/** RFC 5321 §4.1.3 has the form of an address. */
function isHeloName(name: string): boolean {
  return isFullyQualified(name.toLowerCase()) || /^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-f:.]{2,45})\]$/i.test(name);
}

function millisecondsOf(text: string): number | undefined {
  const parts = /^(\d{1,4})(s|min)$/.exec(text);
  if (!parts) return undefined;
  const ms = Number(parts[1]) * UNIT_MS[parts[2]!]!;
  return ms >= 1_000 && ms <= LONGEST_MS ? ms : undefined;
}
