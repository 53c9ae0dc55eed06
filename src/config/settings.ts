import type { Lane } from '../core/lanes.js';
import { readableDomainOf } from '../core/email-address.js';
import type { Rate } from '../core/rate.js';
import type { PrivateTargets, TrustedProxies } from './networks.js';
import type { SmtpListener } from './smtp-listen.js';

export const ROLES = ['all', 'web', 'worker'] as const;
export type Role = (typeof ROLES)[number];

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One entry of MAIL_TRANSPORTS, or with `channel` of SMS_TRANSPORTS. */
export type TransportSettings = { channel?: 'sms' } & (
  | ({ kind: 'capture'; name: string } & CommonParameters)
  | ({ kind: 'file'; name: string; folder: string } & CommonParameters)
  | SmtpSettings
  | HttpSettings
);

/** What every transport may have, after the question mark of its entry in MAIL_TRANSPORTS. */
export interface CommonParameters {
  /** Of this transport, all workers together; MAIL_RATE where it says nothing. */
  rate?: Rate;
  /** Messages a UTC day, all workers together. */
  daily?: number;
  /** Deliveries side by side, all workers together. */
  connections?: number;
}

/** An account with a provider that has an HTTP API. */
export interface HttpSettings extends CommonParameters {
  kind: 'http';
  channel?: 'sms';
  /** Which one, such as `resend`. */
  provider: string;
  /** How logs, events and health name it: no credentials. */
  name: string;
  /** Whose mail it is: keys, domains and regions, as the provider's own file types and reads them. */
  account: unknown;
  /** Where tests have their own server, without a trailing slash. Loopback only, and never in production. */
  endpoint?: string;
}

/**
 * What proves that an event comes from the provider that it names; `secret` is typed and read by the provider's own
 * file.
 */
export interface HookSecret {
  provider: string;
  secret: unknown;
}

/** What proves that a mail comes from the auth system that it names. */
export type HookInProof =
  /** Standard Webhooks: HMAC-SHA256 over id, time and body, in the headers `webhook-…`; the key in base64. */
  | { kind: 'standard'; key: string }
  /** RFC 7617 */
  | { kind: 'basic'; user: string; password: string }
  /** RFC 6750 */
  | { kind: 'bearer'; token: string }
  /** A header of that name, in lower case, with that value. */
  | { kind: 'header'; name: string; value: string }
  /** A cookie of that name with that value. */
  | { kind: 'cookie'; name: string; value: string }
  /** A header with the HMAC-SHA256 of the body, in hex or base64, `sha256=` before it or not. */
  | { kind: 'hmac'; name: string; key: string }
  /** A header such as `t=1700000000,v1=<hex>`: the HMAC-SHA256 of time, dot and body. */
  | { kind: 'signed'; name: string; key: string };

/** One proof of one source; `source` is what stands in the address: `supabase`, `kratos` or `generic/NAME`. */
export interface HookInSecret {
  source: string;
  proof: HookInProof;
}

/** SASL mechanisms that carry a user and a password (RFC 4616, RFC 2195; LOGIN is older than any of them). */
export const LOGIN_MECHANISMS = ['PLAIN', 'LOGIN', 'CRAM-MD5'] as const;
export type LoginMechanism = (typeof LOGIN_MECHANISMS)[number];

/** What a strict or slow server asks of its clients. Everything has a default. */
export interface SmtpOptions {
  /** The name in EHLO (RFC 5321 §4.1.1.1); undefined: the host's own, see `heloName`. */
  helo?: string;
  /** The only mechanism that is tried; undefined: those that are offered, one after the other. */
  auth?: LoginMechanism;
  /** Milliseconds, each of them. RFC 5321 §4.5.3.2 has the times that a client ought to wait at least. */
  timeouts?: { connect?: number; greeting?: number; reply?: number; finalReply?: number };
}

export interface SmtpSettings extends CommonParameters, SmtpOptions {
  kind: 'smtp';
  /** The host, and the port where there is only one, without credentials: how logs, events and health name it. */
  name: string;
  host: string;
  /** In the order in which they are tried. */
  ports: SmtpPort[];
  user?: string;
  password?: string;
  /** In place of a password. */
  oauth?: OAuthSettings;
}

export interface SmtpPort {
  port: number;
  /**
   * implicit: TLS from the first byte. starttls: required. off: plain text, loopback or `?tls=off` without credentials.
   */
  tls: 'implicit' | 'starttls' | 'off';
}

/** Signs with RSA and SHA-256 (RFC 6376). */
export interface DkimSettings {
  domain: string;
  selector: string;
  /** PEM */
  privateKey: string;
}

/** What a refresh token is exchanged with for access tokens (RFC 6749 §6). */
export interface OAuthSettings {
  clientId: string;
  clientSecret: string;
  refreshToken: string;
  tokenUrl: string;
}

/** Each of them several rates, all of which hold, or none: then it is off. */
export interface LimitSettings {
  /** Of what is asked for one address. */
  destination: readonly Rate[];
  /** Of requests of one requester: an IPv4 address or an IPv6 /64. */
  ip: readonly Rate[];
  /** Of different addresses that one requester asks for. */
  ipDestinations: readonly Rate[];
  /** Of all mail that strangers cause. */
  publicMail: readonly Rate[];
  /** Of requests with one API key that send or check. */
  key: readonly Rate[];
}

/** The environment, validated and typed: the only form in which the rest of the code sees it. */
/** Who sends, as mails show it. */
export interface BrandSettings {
  name?: string | undefined;
  logoUrl?: string | undefined;
  /** Such as #146c5c. */
  color: string;
  /** An address of mail or of the web. */
  support?: string | undefined;
  /** Postal, in one line. */
  address?: string | undefined;
}

export const GUARD_MODES = ['on', 'record', 'off'] as const;
export type GuardMode = (typeof GUARD_MODES)[number];

/** Gets no text: its code is always the same, for reviewers of apps and for tests. */
export interface TestNumber {
  /** E.164 */
  number: string;
  code: string;
  /** From then on it is a number like any other. */
  until: Date;
}

/** Codes by SMS. */
export interface SmsSettings {
  /** In order of preference; none: there are no codes by SMS. */
  transports: TransportSettings[];
  /** ISO 3166-1 alpha-2, to whose numbers codes may go. */
  countries: readonly string[];
  /** In the last line of each text, by which a browser finds the code. */
  domain: string;
  /** Messages a UTC day, all numbers together. */
  daily: number;
  /** Whether codes are refused where too few are given back, or that is only told. */
  guard: GuardMode;
  testNumbers: readonly TestNumber[];
  /** Whether a code to the number of an account opens it. */
  signIn: boolean;
}

export abstract class Settings {
  /** NODE_ENV=production, or a Render, Railway or Kubernetes variable is present. */
  abstract production: boolean;
  abstract role: Role;
  abstract http: {
    host: string;
    port: number;
    /**
     * Origin under which people reach the service, without a trailing slash; links and the token issuer are built from
     * it.
     */
    appUrl: string;
    /** Undefined: forwarded headers are not believed. */
    trustedProxies: TrustedProxies | undefined;
    /** Whose pages may call the API, as browsers write origins. */
    corsOrigins: string[];
  };
  abstract database: {
    /** Undefined: the embedded Postgres in `dataDir`. */
    url: string | undefined;
    /** Connections of Prisma's pool. */
    poolSize: number;
    migrateOnStart: boolean;
  };
  /** Absolute path of the folder with the embedded Postgres and the generated secret (development only). */
  abstract dataDir: string;
  /** Undefined: BullMQ runs on Postgres. */
  abstract redisUrl: string | undefined;
  /** Undefined only in development: then generated into `dataDir`. */
  abstract appSecret: string | undefined;
  /** Secrets that may still have sealed something, newest first. */
  abstract appSecretPrevious: string[];
  abstract mail: {
    /** As in `Otpost <no-reply@example.com>`; the display name, if any, is how mails call the product. */
    from: { name: string; address: string };
    /** What back ends may send from besides: canonical addresses, and @domains. */
    senders: string[];
    /** In order of preference; MAIL_RATE is the rate of those that have none of their own. */
    transports: TransportSettings[];
    /** Whether `transports` is `capture:` because nothing names any. */
    capturesByDefault: boolean;
    /** Where bounces of mail that goes out by SMTP come to, with `+<id>` before the @; undefined: to the sender. */
    bounceAddress: string | undefined;
    /** Undefined: what goes out by SMTP is not signed here. */
    dkim: DkimSettings | undefined;
    /** Lanes this process works, when it is a worker. */
    lanes: Lane[];
    /** Deliveries side by side per lane and process. */
    concurrency: Record<Lane, number>;
    /** Whether a web process delivers while no worker is alive. */
    rescue: boolean;
    /** Whether there are routes in the form of Resend's API. */
    resendCompat: boolean;
    /** What proves events of providers; several of one provider for several accounts. */
    hookSecrets: HookSecret[];
    /** What proves mail of auth systems; several of one source are good side by side. */
    hookInSecrets: HookInSecret[];
    /** Folder with the mappings of generic sources; undefined: only those that Otpost brings. */
    hookInMappings: string | undefined;
    brand: BrandSettings;
    /** Absolute path of the folder with templates over those of ours; undefined: there is none. */
    templatesDir: string | undefined;
  };
  /** How back ends hand mail in by SMTP. */
  abstract smtpIn: {
    /** None: they do not. */
    listeners: SmtpListener[];
    /** Paths of PEM files, absolute; undefined: there is no TLS. */
    tls: { cert: string; key: string } | undefined;
  };
  /** Of a worker's probes and metrics; undefined: it opens none. */
  abstract workerPort: number | undefined;
  /** How often strangers and API keys are let. */
  abstract limits: LimitSettings;
  /** Where webhooks may go besides the public internet. */
  abstract webhookAllowPrivate: PrivateTargets;
  abstract sms: SmsSettings;
  /** Days for which messages that are over, ended sessions and old challenges are kept. */
  abstract retentionDays: number;
  /** After so many days, what the audit record holds is removed. */
  abstract auditRetentionDays: number;
  /** Opens `/inbox` in production; undefined there means 404. */
  abstract inboxToken: string | undefined;
  /** Opens `/metrics`; undefined means 404 in production, and loopback only in development. */
  abstract metricsToken: string | undefined;
  /** Where people look at a trace, with `{traceId}` in it. */
  abstract traceUrl: string | undefined;
  /** The collector that traces are sent to, without /v1/traces; undefined: none are made. */
  abstract tracesEndpoint: string | undefined;
  abstract logLevel: LogLevel;
}

/** Whether a code by SMS opens an account. */
export function textsSignIn({ sms }: Pick<Settings, 'sms'>): boolean {
  return sms.signIn && sendsTexts({ sms });
}

/** Whether there is a transport for texts. */
export function sendsTexts({ sms }: Pick<Settings, 'sms'>): boolean {
  return sms.transports.length > 0;
}

/** How mails and pages call the product: by BRAND_NAME, the sender's display name, or else its domain. */
export function productOf({ mail: { brand, from } }: Pick<Settings, 'mail'>): string {
  return brand.name ?? (from.name || readableDomainOf(from.address));
}
