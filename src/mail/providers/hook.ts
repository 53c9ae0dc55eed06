import { createHash, createHmac, type X509Certificate } from 'node:crypto';
import { bearerOf, sameSecret } from '../../core/credentials.js';
import { MINUTE_MS } from '../../core/durations.js';
import type { Logger } from '../../core/logger.js';
import { enhancedCodeOf } from '../transport/smtp-reply.js';
import {
  isMailboxBusy,
  isMailboxFull,
  isOfAccount,
  isOfContent,
  isOfPolicy,
  isOfQuota,
  isOfSender,
  refusesToRelay,
  wordsOf as wordsOfReply,
} from '../transport/smtp-reply-words.js';

/** `rejected`: the provider took the message and then did not send it. */
const EVENT_KINDS = ['delivered', 'bounced', 'complained', 'deferred', 'rejected', 'unsubscribed'] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** django-anymail's words. `invalid` and `bounced` speak of the address, the others of anything else. */
export type EventReason = 'invalid' | 'bounced' | 'timed_out' | 'blocked' | 'spam' | 'unsubscribed' | 'other';

export interface Meaning {
  kind: EventKind;
  reason?: EventReason;
}

/** By a provider's word, what it means. A Map: the words come from outside, and an object has members of its own. */
export type Meanings = ReadonlyMap<unknown, Meaning>;

/** What a provider says became of one message for one recipient. */
export interface ProviderEvent {
  /** The provider's id of the event, or a hash of what makes it one. */
  dedupeKey: string;
  /** `ignored` is kept only so that its proof cannot be used for another one. */
  kind: EventKind | 'ignored';
  /** Our own id, as the message carried it. */
  emailId?: string | undefined;
  /** The provider's id of the message, without angle brackets. */
  providerMessageId?: string | undefined;
  /** RFC 5322 Message-ID, with or without angle brackets. */
  messageId?: string | undefined;
  /** As the provider writes it. */
  recipient?: string | undefined;
  reason?: EventReason | undefined;
  /** The provider's words, verbatim. */
  detail?: string | undefined;
  occurredAt: Date;
}

/** A request as its proof and its reader see it. */
export interface HookRequest {
  /** The address that was called, as the provider knows it, built from APP_URL; for proofs that sign it. */
  url?: string;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As it came over the wire: that is what is signed. */
  body: Buffer;
  now: Date;
}

/** How events of a provider come in. */
export interface Hook<Secret> {
  /** A header proves it, body or not, so that nobody else's body is read. */
  readonly provenByHeader?: true;
  /** @throws SyntaxError where the body is not as it must be; SnsUnavailable where it cannot be told now. */
  prove(request: HookRequest, secret: Secret, help: HookHelp): Proof | Promise<Proof>;
  /** What a proven request tells. @throws SyntaxError */
  read(request: HookRequest): ProviderEvent[];
}

/** What is fetched from Amazon; each may throw SnsUnavailable. */
interface Sns {
  certificate(url: string, requester: string): Promise<X509Certificate>;
  /** It proved a signature. */
  keep(url: string, certificate: X509Certificate): void;
  confirm(url: string): Promise<void>;
}

/** For proofs that have to be fetched. */
export interface HookHelp {
  sns: Sns;
  /** Who makes us fetch. */
  requester: string;
  log: Pick<Logger, 'info' | 'warn'>;
}

/** Whether the provider said it, and said it lately. */
export type Proof = { kind: 'authentic' } | { kind: 'refused'; reason: 'unsigned' | 'forged' | 'stale' };

export const AUTHENTIC: Proof = { kind: 'authentic' };

export function refused(reason: Extract<Proof, { kind: 'refused' }>['reason']): Proof {
  return { kind: 'refused', reason };
}

/**
 * Whose fault a permanent refusal is, by its enhanced status code (RFC 3463, and RFC 7505 §4 for 5.1.10); undefined
 * when the code does not say. The table of outgoing replies, smtp-reply-table.ts, judges alike: only an address that
 * does not exist, or was shut, is suppressed; a mailbox that is full or gets too much and a blocklist are not its
 * fault. Words decide where the code does not say, and for 5.2.1, which Gmail has for a disabled account and for a live
 * one that gets mail too fast, and others for any host that they refuse.
 */
export function reasonOfStatus(status: string, reply = ''): EventReason | undefined {
  const words = wordsOfReply(reply);
  if (isMailboxFull(words) || isMailboxBusy(words)) return 'other';
  const reason = reasonOfCode(status);
  const isTold = reason !== undefined && status !== '5.2.1';
  return !isTold && NOT_OF_RECIPIENT.some((says) => says(words)) ? 'blocked' : reason;
}

const NOT_OF_RECIPIENT = [isOfSender, isOfAccount, isOfQuota, refusesToRelay, isOfPolicy, isOfContent];

function reasonOfCode(status: string): EventReason | undefined {
  if (!/^[245]\.\d{1,3}\.\d{1,3}$/.test(status)) return undefined;
  if (/^5\.1\.3$/.test(status)) return 'invalid';
  if (/^5\.1\.(1|2|6|10)$|^5\.2\.1$/.test(status)) return 'bounced';
  if (/^[45]\.7\./.test(status)) return 'blocked';
  if (/^[45]\.4\.7$|^4\.4\./.test(status)) return 'timed_out';
  return /^[245]\.0\.0$/.test(status) ? undefined : 'other';
}

/** The enhanced code in what quotes a reply, such as `smtp; 550-5.1.1 no such user`, or stands in place of one. */
export function enhancedCodeIn(report: string): string | undefined {
  const replies = report.replace(/(^|[\s;])(?=[45]\d\d[ -])/g, '$1\n');
  return enhancedCodeOf(replies) || /(?:^|[\s;(])([45]\.\d{1,3}\.\d{1,3})(?![\d.])/.exec(report)?.[1];
}

/**
 * What the server said goes before what the provider makes of it, where it puts the blame elsewhere than on the
 * address.
 */
export function hardBounce(status: string | undefined, reply = ''): EventReason {
  const code = status && !/^\d\.0\.0$/.test(status) ? status : (enhancedCodeIn(reply) ?? '');
  return reasonOfStatus(code, reply) ?? 'bounced';
}

/** Reading what strangers wrote: nothing here throws, and what is not as documented is absent. */
export type Fields = Readonly<Record<string, unknown>>;

/** The name under which messages carry our id. */
export const OUR_ID = 'otpost_id';

const LONGEST = 998; // of a line, RFC 5322 §2.1.1

/** @throws SyntaxError */
export function jsonOf(body: Buffer): unknown {
  return JSON.parse(body.toString('utf8'));
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

/** One or many, for providers that send either. */
export function listOf(value: unknown): Fields[] {
  return (Array.isArray(value) ? value : [value]).map(fieldsOf);
}

/** Numbers become text. Undefined when it is neither, or empty. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

/** For what identifies: too long is none. */
export function idOf(value: unknown): string | undefined {
  const text = textOf(value)?.replace(/^<|>$/g, '');
  return text !== undefined && text.length <= LONGEST ? text : undefined;
}

/** The first that says anything. */
export function wordsOf(...values: unknown[]): string | undefined {
  return values.map(textOf).find((text) => text !== undefined);
}

/** Seconds since 1970, possibly as text or with a fraction; `otherwise` when it is none of this age. */
export function secondsOf(value: unknown, otherwise: Date): Date {
  return millisecondsOf(Number(textOf(value)) * 1_000, otherwise);
}

export function millisecondsOf(value: unknown, otherwise: Date): Date {
  const ms = Number(textOf(value));
  return ms > Date.UTC(2000, 0) && ms < Date.UTC(2200, 0) ? new Date(Math.round(ms)) : otherwise;
}

/** ISO 8601; `otherwise` when it is not. */
export function momentOf(value: unknown, otherwise: Date): Date {
  return millisecondsOf(Date.parse(textOf(value) ?? ''), otherwise);
}

/** For providers without an id of the event: the same when the same event is told again. */
export function keyOf(...parts: unknown[]): string {
  return createHash('sha256')
    .update(JSON.stringify(parts.map((part) => part ?? null)))
    .digest('base64url');
}

/** Milliseconds by which a provider's clock may be ahead of ours, or behind where it signs each attempt anew. */
export const CLOCKS_DIFFER = 5 * MINUTE_MS;

export function headerOf({ headers }: HookRequest, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * @param seconds since 1970, as text; ten digits, so that none can be moved to or from what is signed next to it @param
 *   oldest milliseconds
 */
export function isFresh(seconds: string, now: Date, oldest = CLOCKS_DIFFER): boolean {
  if (!/^\d{10}$/.test(seconds)) return false;
  const age = now.getTime() - Number(seconds) * 1_000;
  return age <= oldest && age >= -CLOCKS_DIFFER;
}

export function hmacSha256(key: string | Buffer, ...parts: (string | Buffer)[]): Buffer {
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}

/** RFC 7617 */
export function proveBasic(request: HookRequest, { user, password }: { user: string; password: string }): Proof {
  const encoded = /^Basic +([A-Za-z0-9+/]+={0,2}) *$/i.exec(headerOf(request, 'authorization') ?? '')?.[1];
  if (encoded === undefined) return refused('unsigned');
  return sameSecret(Buffer.from(encoded, 'base64'), `${user}:${password}`) ? AUTHENTIC : refused('forged');
}

/** RFC 6750 */
export function proveBearer(request: HookRequest, token: string): Proof {
  const given = bearerOf(headerOf(request, 'authorization'));
  if (given === undefined) return refused('unsigned');
  return sameSecret(given, token) ? AUTHENTIC : refused('forged');
}
