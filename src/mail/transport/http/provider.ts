import { domainToASCII } from 'node:url';
import addressparser from 'nodemailer/lib/addressparser';
import type { ComposedMessage } from '../transport.js';
import type { ReplyRow } from './provider-reply.js';

/** Name under which a provider keeps our id of a message, and tells it in its events. */
export const ID_NAME = 'otpost_id';

/** A POST, complete but for Host and Content-Length. */
export interface ProviderRequest {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
}

export interface ProviderAnswer {
  status: number;
  headers: Headers;
  /** What arrived of the body. */
  text: string;
  /** Undefined when the body is no JSON, or broke off. */
  json: unknown;
}

/** What an answer says, in the words of the table in provider-reply.ts. */
export interface Reading {
  /** The provider's id of the message. */
  id?: string | undefined;
  /** Its own code of an error. */
  code?: string | undefined;
  message?: string | undefined;
  /** Where the body knows better than the status line. */
  status?: number | undefined;
  /** Milliseconds that it asks us to wait, where it says so in no header. */
  retryAfterMs?: number | undefined;
}

/** How one provider wants to be told, and how it answers. Knows nothing of connections, and never throws at an answer. */
export interface Provider {
  /** Such as `resend` or `mailgun:mg.example.com`; no credentials. */
  readonly name: string;
  /** The same request may be sent again: the provider takes it once. */
  readonly idempotent: boolean;
  /** Looked at before those that hold for all. */
  readonly rows: readonly ReplyRow[];
  request(message: ComposedMessage, now: Date): ProviderRequest | Promise<ProviderRequest>;
  /** @param now for dates in an answer */
  read(answer: ProviderAnswer, now: Date): Reading;
}

export interface Mailbox {
  name: string;
  address: string;
}

/** Reads `Ada <ada@example.com>`. Providers want domains in ASCII. */
export function mailboxOf(text: string): Mailbox {
  const [mailbox] = addressparser(oneLine(text), { flatten: true });
  const { name = '', address = '' } = mailbox ?? {};
  const at = address.lastIndexOf('@');
  const domain = domainToASCII(address.slice(at + 1));
  return { name, address: domain === '' ? address : address.slice(0, at + 1) + domain };
}

/** The name quoted (RFC 5322 §3.2.4): unquoted, a comma in it would begin another address. */
export function writeMailbox({ name, address }: Mailbox): string {
  return name === '' ? address : `"${name.replaceAll(/["\\]/g, '\\$&')}" <${address}>`;
}

/** JSON carries line breaks, and not every provider folds them away before it writes a header. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\r\n\0]+\s*/g, ' ').trim();
}

export function headersOf(message: ComposedMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(message.headers).map(([name, text]) => [name, oneLine(text)]));
}

/** @param headers such as the one with the key */
export function jsonRequest(url: string, headers: Record<string, string>, body: object): ProviderRequest {
  return {
    url,
    headers: { accept: 'application/json', 'content-type': 'application/json', ...headers },
    body: Buffer.from(JSON.stringify(body)),
  };
}

export function basicAuth(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** What stands at a path of somebody else's JSON; undefined where it has another shape. */
export function at(json: unknown, ...path: (string | number)[]): unknown {
  let found = json;
  for (const key of path) {
    if (typeof found !== 'object' || found === null) return undefined;
    found = (found as Record<string | number, unknown>)[key];
  }
  return found;
}

/** The same as text: some providers number their codes. Empty and anything else: undefined. */
export function textAt(json: unknown, ...path: (string | number)[]): string | undefined {
  const found = at(json, ...path);
  if (typeof found === 'number') return String(found);
  return typeof found === 'string' && found !== '' ? found : undefined;
}
