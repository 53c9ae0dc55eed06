import type { Lane } from '../core/lanes.js';
import type { ProviderSettings } from './http-transports.js';
import type { LimitSettings } from './limits.js';
import type { PrivateTargets } from './private-targets.js';
import type { HookSecret } from './hook-secrets.js';
import type { SmtpManners } from './smtp-manners.js';
import type { CommonParameters } from './transport-parameters.js';
import type { TrustedProxies } from './trusted-proxies.js';

export const ROLES = ['all', 'web', 'worker'] as const;
export type Role = (typeof ROLES)[number];

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One entry of MAIL_TRANSPORTS. */
export type TransportSettings =
  | ({ kind: 'capture'; name: string } & CommonParameters)
  | SmtpSettings
  | ProviderSettings;

export interface SmtpSettings extends CommonParameters, SmtpManners {
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
  /** implicit: TLS from the first byte. starttls: required. off: plain text, loopback or `?tls=off` without credentials. */
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

/** The environment, validated and typed: the only form in which the rest of the code sees it. */
export interface Settings {
  /** NODE_ENV=production, or a Render, Railway or Kubernetes variable is present. */
  production: boolean;
  role: Role;
  http: {
    host: string;
    port: number;
    /** Origin under which people reach the service, without a trailing slash; links and the token issuer are built from it. */
    appUrl: string;
    /** Undefined: forwarded headers are not believed. */
    trustedProxies: TrustedProxies | undefined;
    /** Whose pages may call the API, as browsers write origins. */
    corsOrigins: string[];
  };
  database: {
    /** Undefined: the embedded Postgres in `dataDir`. */
    url: string | undefined;
    /** Connections of Prisma's pool. */
    poolSize: number;
    migrateOnStart: boolean;
  };
  /** Absolute path of the folder with the embedded Postgres and the generated secret (development only). */
  dataDir: string;
  /** Undefined: BullMQ runs on Postgres. */
  redisUrl: string | undefined;
  /** Undefined only in development: then generated into `dataDir`. */
  appSecret: string | undefined;
  /** Secrets that may still have sealed something, newest first. */
  appSecretPrevious: string[];
  mail: {
    /** As in `Otpost <no-reply@example.com>`; the display name, if any, is how mails call the product. */
    from: { name: string; address: string };
    /** In order of preference; MAIL_RATE is the rate of those that have none of their own. */
    transports: TransportSettings[];
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
    /** What proves events of providers; several of one provider for several accounts. */
    hookSecrets: HookSecret[];
  };
  /** Of a worker's probes and metrics; undefined: it opens none. */
  workerPort: number | undefined;
  /** How often strangers and API keys are let. */
  limits: LimitSettings;
  /** Where webhooks may go besides the public internet. */
  webhookAllowPrivate: PrivateTargets;
  /** Days for which messages that are over, ended sessions and old challenges are kept. */
  retentionDays: number;
  /** After so many days, what the audit record holds is removed. */
  auditRetentionDays: number;
  /** Opens `/inbox` in production; undefined there means 404. */
  inboxToken: string | undefined;
  /** Opens `/metrics`; undefined means 404 in production, and loopback only in development. */
  metricsToken: string | undefined;
  /** The collector that traces are sent to, without /v1/traces; undefined: none are made. */
  tracesEndpoint: string | undefined;
  logLevel: LogLevel;
}

/** Injection token of {@link Settings}. */
export const SETTINGS = Symbol('Settings');
