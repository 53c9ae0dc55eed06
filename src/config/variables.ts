import { resolve } from 'node:path';
import { IsIn, Matches, MinLength } from 'class-validator';
import { MIN_SECRET_LENGTH } from '../core/app-secret.js';
import { readHookInSecrets } from './hook-in-entries.js';
import { mailVariables } from './mail-variables.js';
import { readOrigins, readPrivateTargets, readTrustedProxies } from './networks.js';
import { type ProviderForm, readHookSecrets } from './provider-entries.js';
import { type SmsProviderForm, smsVariables, withReceipts } from './sms-variables.js';
import { LOG_LEVELS, type LogLevel, type Role, ROLES } from './settings.js';
import {
  asText,
  fault,
  inProduction,
  isHostName,
  list,
  numberUpTo,
  readAppUrl,
  readCollectorUrl,
  readDatabaseUrl,
  readLimit,
  readPort,
  readRedisUrl,
  readSwitch,
  readTraceUrl,
  value,
  type Variable,
} from './values.js';

const WANTS_SECRET = '<the output of: openssl rand -base64 32>';
const WANTS_TOKEN = '<the output of: openssl rand -hex 16>';

const SERVICE = [
  {
    name: 'NODE_ENV',
    default: 'development',
    meaning:
      'production, development or test. A Render, Railway or Kubernetes host counts as production, whatever it says.',
    example: 'production',
    checks: [
      IsIn(['production', 'development', 'test'], {
        message: 'must be production, development or test, such as NODE_ENV=production.',
      }),
    ],
    read: asText,
  },
  {
    name: 'PORT',
    fallback: '3000',
    meaning: 'Port of the HTTP server; 0 lets the system choose.',
    example: '3000',
    read: readPort,
  },
  {
    name: 'HOST',
    fallback: ({ production }) => (production ? '0.0.0.0' : '127.0.0.1'),
    default: '127.0.0.1 in development, 0.0.0.0 in production',
    meaning: 'Address on which the HTTP server listens.',
    example: '0.0.0.0',
    read: (text, { such }) =>
      isHostName(text) ? value(text) : fault(`must be an address to listen on, without scheme and port, ${such}`),
  },
  {
    name: 'ROLE',
    fallback: 'all',
    meaning: 'What this process does: web (HTTP), worker (delivers mail), or all. web and worker need DATABASE_URL.',
    example: 'all',
    checks: [IsIn(ROLES, { message: `must be ${ROLES.join(', ')}, such as ROLE=all.` })],
    read: (text) => value(text as Role),
  },
  {
    name: 'DATABASE_URL',
    default: 'embedded Postgres in DATA_DIR; required in production',
    meaning:
      'Postgres, as postgres:// or postgresql://. ?sslmode=verify-full asks for TLS, and ?sslrootcert=FILE names the authority of its certificate. With ?connect_timeout=SECONDS a connection may take longer than 5 s.',
    secret: 'url',
    example: 'postgres://otpost:password@db.example.com:5432/otpost',
    needed: (context) => {
      const role = context.valueOf('ROLE');
      return !context.production && (role === 'web' || role === 'worker')
        ? `is required with ROLE=${role}, because the embedded Postgres serves one process only`
        : inProduction(context);
    },
    read: readDatabaseUrl,
  },
  {
    name: 'DATABASE_POOL',
    fallback: '10',
    meaning: 'Connections that Prisma may open, 1 to 100. The queue keeps its own few on top when it runs on Postgres.',
    example: '10',
    read: numberUpTo(100, ''),
  },
  {
    name: 'DATA_DIR',
    fallback: '.data',
    meaning: 'Folder of the embedded Postgres and of the generated APP_SECRET (development only).',
    example: '/var/lib/otpost',
    // Only a shell expands the tilde; here it would silently create a folder of that name.
    read: (text, { such }) =>
      text.startsWith('~') ? fault(`must be a path without ~, ${such}`) : value(resolve(text)),
  },
  {
    name: 'REDIS_URL',
    default: 'none: the queue runs on Postgres',
    meaning: 'Redis for the queue, as redis:// or rediss:// (TLS).',
    secret: 'url',
    example: 'redis://default:password@redis.example.com:6379',
    read: readRedisUrl,
  },
  {
    name: 'APP_URL',
    fallback: ({ valueOf }) => `http://localhost:${valueOf('PORT') as number}`,
    default: 'http://localhost:PORT; required in production',
    meaning:
      'Address under which people reach the service: links and tokens carry it. In production https, except on loopback.',
    secret: 'url',
    example: 'https://accounts.example.com',
    needed: inProduction,
    read: readAppUrl,
  },
  {
    name: 'TRUSTED_PROXIES',
    default: 'none: forwarded headers are not believed',
    meaning:
      'Reverse proxies whose X-Forwarded-For is believed: addresses and networks, comma-separated, or how many stand in front (1 to 10), where nothing else reaches the port. Limits count by what it says.',
    example: '10.0.0.0/8,fd00::/8',
    read: readTrustedProxies,
  },
  {
    name: 'CORS_ORIGINS',
    default: 'none: no other page may call',
    meaning:
      'Origins whose pages may call /v1 from a browser, comma-separated, https or on loopback http. They send bearer tokens; cookies are never let through.',
    example: 'https://app.example.com,http://localhost:5173',
    read: readOrigins,
  },
  {
    name: 'APP_SECRET',
    default: 'generated into DATA_DIR; required in production',
    meaning: 'Seals codes and stored mail; at least 32 characters, no comma, the same for every process.',
    secret: 'whole',
    example: WANTS_SECRET,
    needed: inProduction,
    checks: [
      // It moves to APP_SECRET_PREVIOUS one day, and there the comma separates.
      Matches(/^[^,]*$/, { message: `must not contain a comma, such as APP_SECRET=${WANTS_SECRET}.` }),
      MinLength(MIN_SECRET_LENGTH, {
        message: `must have at least ${MIN_SECRET_LENGTH} characters, such as APP_SECRET=${WANTS_SECRET}.`,
      }),
    ],
    read: asText,
  },
  {
    name: 'APP_SECRET_PREVIOUS',
    default: 'none',
    meaning:
      'Former values of APP_SECRET, newest first, comma-separated, so that what they sealed can still be opened.',
    secret: 'whole',
    example: '<former>,<the one before>',
    read: (text, { such }) => {
      const secrets = list(text);
      return secrets.length === 0 || secrets.some((secret) => secret.length < MIN_SECRET_LENGTH)
        ? fault(`each must have at least ${MIN_SECRET_LENGTH} characters, as APP_SECRET had, ${such}`)
        : value(secrets);
    },
  },
] as const satisfies readonly Variable[];

/** Every environment variable that Otpost reads, in the order in which faults and the README tell them. */
export function variablesWith(providers: readonly ProviderForm[], smsProviders: readonly SmsProviderForm[]) {
  const tellers = [...providers, ...withReceipts(smsProviders)];
  return [
    ...SERVICE,
    ...mailVariables(providers),
    ...smsVariables(smsProviders),
    limit(
      'LIMIT_DESTINATION',
      '5/15min,20/day',
      'What may be asked for one address, by strangers and by verifications of back ends, as rates (s, min, h or day), comma-separated, all of which hold; or off, like the limits below. See docs/security.md.',
    ),
    limit('LIMIT_IP', '20/10min', 'Requests of one IPv4 address or IPv6 /64 that send mail or present a password.'),
    limit('LIMIT_IP_DESTINATIONS', '30/h', 'Different addresses that one IPv4 address or IPv6 /64 may ask for.'),
    limit(
      'LIMIT_PUBLIC_MAIL',
      '600/h',
      'All mail together that strangers cause, which bounds what the service can be misused for.',
    ),
    limit(
      'LIMIT_KEY',
      '1000/min',
      'Requests of one API key to POST /v1/emails and to /v1/verifications, and its messages by SMTP; and of one source to POST /v1/hooks/in.',
    ),
    {
      name: 'WEBHOOK_ALLOW_PRIVATE',
      fallback: ({ production }) => (production ? 'none' : '127.0.0.0/8,::1'),
      default: 'none in production, 127.0.0.0/8,::1 in development',
      meaning:
        'Where webhooks may go besides the public internet: networks, addresses and host names, comma-separated, or none.',
      example: '10.0.0.0/8,hooks.internal',
      read: readPrivateTargets,
    },
    {
      name: 'RETENTION_DAYS',
      fallback: '30',
      meaning:
        'Days after which messages that are over, ended sessions and old challenges are removed, and contents erased.',
      example: '30',
      read: numberUpTo(3_650, 'of days'),
    },
    {
      name: 'AUDIT_RETENTION_DAYS',
      fallback: '365',
      meaning: 'Days after which entries of the audit record are removed, 1 to 3650.',
      example: '365',
      read: numberUpTo(3_650, 'of days'),
    },
    {
      name: 'MIGRATE_ON_START',
      fallback: 'on',
      meaning: 'Whether to bring the database up to date at start: on or off.',
      example: 'off',
      read: readSwitch,
    },
    {
      name: 'HOOK_SECRETS',
      default: 'none: no events are taken in',
      meaning:
        'Proofs of the providers whose events are taken in at POST /v1/hooks/:provider, comma-separated: ' +
        `${tellers.map(({ secret }) => secret.written).join(', ')}. Special characters in users, ` +
        'passwords and tokens are percent-encoded.',
      secret: 'whole',
      example: providers.at(-1)!.secret.example,
      read: (text, { such }) => readHookSecrets(text, tellers, such),
    },
    {
      name: 'HOOK_IN_SECRETS',
      default: 'none: no auth system hands its mail in',
      meaning:
        'Proofs of the auth systems whose mail is taken in at POST /v1/hooks/in/:source, comma-separated: supabase:v1,whsec_… (several ' +
        'joined by a bar), kratos: or generic/NAME: and one of basic:USER:PASSWORD, bearer:TOKEN, header:NAME:VALUE, cookie:NAME:VALUE, ' +
        'hmac:HEADER:KEY, signed:HEADER:KEY. Special characters are percent-encoded. See docs/hooks-in.md.',
      secret: 'whole',
      example: 'kratos:basic:otpost:<a long password>',
      read: (text, { such }) => readHookInSecrets(text, such),
    },
    {
      name: 'HOOK_IN_MAPPINGS',
      default: 'those of hooks-in/: logto and zitadel',
      meaning:
        'Folder with a file NAME.yaml for each source generic/NAME, which says what mail its body becomes; it goes before those that Otpost brings.',
      example: '/etc/otpost/hooks-in',
      // Only a shell expands the tilde; here it would be the name of a folder.
      read: (text, { such }) =>
        /^~|[\u0000-\u001f]/.test(text) ? fault(`must be a path without ~, ${such}`) : value(resolve(text)),
    },
    token('INBOX_TOKEN', 'none: no inbox in production', 'Opens /inbox in production; at least 16 characters.'),
    token(
      'METRICS_TOKEN',
      'none: no metrics in production',
      'Opens /metrics and the details of /health and /health/mail to whoever sends it as a bearer token; at least 16 characters.',
    ),
    {
      name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
      default: 'none: no traces',
      meaning:
        'Where traces go from request to SMTP reply: an OpenTelemetry collector that takes OTLP over HTTP (port 4318). /v1/traces is added. ' +
        "The other OTEL_ variables, for headers, sampling and names, are those of OpenTelemetry's own SDK.",
      secret: 'url',
      example: 'http://127.0.0.1:4318',
      read: readCollectorUrl,
    },
    {
      name: 'TRACE_URL',
      default: 'none: messages link to no trace',
      meaning: 'Where people look at a trace: an https address with {traceId} in it, for links from /operations.',
      example: 'https://traces.example.com/trace/{traceId}',
      read: readTraceUrl,
    },
    {
      name: 'LOG_LEVEL',
      fallback: 'info',
      meaning: 'trace, debug, info, warn, error, fatal or silent.',
      example: 'info',
      checks: [IsIn(LOG_LEVELS, { message: `must be one of ${LOG_LEVELS.join(', ')}, such as LOG_LEVEL=info.` })],
      read: (text) => value(text as LogLevel),
    },
  ] as const satisfies readonly Variable[];
}

function limit<const Name extends string>(name: Name, fallback: string, meaning: string) {
  return { name, fallback, meaning, example: fallback, read: readLimit } satisfies Variable;
}

function token<const Name extends string>(name: Name, none: string, meaning: string) {
  const message = `must have at least 16 characters, such as ${name}=${WANTS_TOKEN}.`;
  return {
    name,
    default: none,
    meaning,
    secret: 'whole',
    example: WANTS_TOKEN,
    checks: [MinLength(16, { message })],
    read: asText,
  } as const satisfies Variable;
}

/** The rows by name; providers' own are read by their files. */
type Rows<Row = ReturnType<typeof variablesWith>[number]> = Row extends Variable
  ? string extends Row['name']
    ? never
    : Row
  : never;
export type VariableName = Rows['name'];
export type LimitVariable = Extract<VariableName, `LIMIT_${string}`>;
/** What a variable holds once it is read. */
export type ValueOf<Name extends VariableName, Row = Extract<Rows, { name: Name }>> =
  Row extends Variable<infer T> ? (Row extends { fallback: unknown } ? T : T | undefined) : never;
