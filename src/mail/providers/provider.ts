import type { ProviderForm } from '../../config/provider-entries.js';
import { type Mailbox, mailboxOf, oneLine } from '../transport/mailbox.js';
import type { Addressee, ComposedAttachment, ComposedMessage } from '../transport/transport.js';
import type { Hook } from './hook.js';
import type { ReplyRow } from './replies.js';
import type { SizeLimit } from './size-policy.js';

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
  /**
   * Recipients of several, in lower case, to whom it does not deliver what it took: their addresses bounced or
   * complained before.
   */
  inactive?: readonly string[] | undefined;
}

/** An account, and where its API is. */
export interface Api<Account> {
  account: Account;
  /** Without a trailing slash. */
  endpoint: string;
  now: Date;
  /** Where it is to tell what became of the message, for providers that are told with each. */
  callback?: string | undefined;
}

/**
 * A provider, whole: how its account is configured, how it wants to be told and how it answers, what its events say and
 * what proves them, and how the doctor looks at the account. Its file is the only one that names it, but for the list
 * in providers.ts.
 */
export interface Provider<Account = unknown, Secret = unknown> extends ProviderForm<Account, Secret> {
  /** Where its API is, without a trailing slash. */
  endpoint(account: Account): string;
  /** The same request may be sent again: the provider takes it once. */
  readonly idempotent: boolean;
  /** A message that its sender composed can be handed on as it is. */
  readonly takesMime?: true;
  readonly limit: SizeLimit;
  /** Looked at before those that hold for all. */
  readonly rows: readonly ReplyRow[];
  request(message: ComposedMessage, api: Api<Account>): ProviderRequest | Promise<ProviderRequest>;
  /** Never throws. @param now for dates in an answer */
  read(answer: ProviderAnswer, now: Date): Reading;
  /** Its own SMTP servers, for accounts that relay through them instead of calling the API. */
  readonly relay: { hosts: RegExp; /** What to do where they refuse a login. */ remedy?: string };
  readonly hook: Hook<Secret>;
  readonly probe: Probe<Account>;
}

/** How the doctor looks at an account. Nothing is sent. */
export interface Probe<Account> {
  /** A request that changes nothing. */
  question(api: Api<Account>): Question | Promise<Question>;
  /** What a 2xx says. @param senderDomain the domain of MAIL_FROM */
  judge(json: unknown, account: Account, senderDomain: string): AccountVerdict;
  /** What another answer says here; undefined where it says what it says everywhere. */
  judgeRefusal?(answer: ProbeAnswer, account: Account): AccountVerdict | undefined;
  /** A second request where the first was refused, and what its answer says. */
  second?: {
    question(api: Api<Account>): Question;
    judge(answer: ProbeAnswer): AccountVerdict | undefined;
  };
}

export interface Question {
  method: 'GET' | 'POST';
  url: string;
  headers: Record<string, string>;
}

export interface ProbeAnswer {
  status: number;
  json: unknown;
  /** What it says of an error, without secrets. */
  words: string;
}

/** An answer of the doctor, as far as it is about the account. */
export interface AccountVerdict {
  status: 'ok' | 'warn' | 'fail';
  /** In plain words, one line. */
  summary: string;
  remedy?: string;
  /** For programs. */
  details?: Record<string, unknown>;
}

/** Of keys that cannot look at anything. */
export const SENDS_ONLY: AccountVerdict = {
  status: 'ok',
  summary: 'takes the key, which may send and nothing else; the state of the domain cannot be seen with it',
};

/** @param headers such as the one with the key */
export function look({ endpoint }: Api<unknown>, path: string, headers: Record<string, string>): Question {
  return {
    method: 'GET',
    url: endpoint + path,
    headers: { accept: 'application/json', 'user-agent': 'otpost', ...headers },
  };
}

/** Whom a request names, by where it shows them. */
export interface Addressed {
  /** One at least: providers want it. */
  to: Mailbox[];
  cc: Mailbox[];
  bcc: Mailbox[];
}

/**
 * For providers that have no envelope beside the fields: those whom this hand-over is for, and nobody else, for whoever
 * stands in a field gets the mail. Where nobody is left that the message shows in To, those of Cc stand there; a
 * recipient that it shows nowhere is alone (see src/mail/worker/fates-policy.ts).
 */
export function addressed({ recipients }: ComposedMessage): Addressed {
  const of = (kind: Addressee['kind']): Mailbox[] =>
    recipients
      .filter((recipient) => recipient.kind === kind)
      .map(({ name, address }) => ({ name, address: mailboxOf(address).address }));
  const [to, cc, bcc] = [of('to'), of('cc'), of('bcc')];
  if (to.length > 0) return { to, cc, bcc };
  return cc.length > 0 ? { to: cc, cc: [], bcc } : { to: bcc, cc: [], bcc: [] };
}

/** The members of a request that have anything in them. */
export function filled<T>(name: string, list: readonly T[]): Record<string, readonly T[]> {
  return list.length === 0 ? {} : { [name]: list };
}

/** A member of its own where there is one, and another where there are several. */
export function oneOrMore<T>(one: string, several: string, list: readonly T[]): Record<string, T | readonly T[]> {
  return list.length === 1 ? { [one]: list[0]! } : filled(several, list);
}

export function base64Of({ bytes }: ComposedAttachment): string {
  return bytes.toString('base64');
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

/** The list there; empty where there is none. */
export function listAt(json: unknown, ...path: string[]): unknown[] {
  const found = at(json, ...path);
  return Array.isArray(found) ? (found as unknown[]) : [];
}
