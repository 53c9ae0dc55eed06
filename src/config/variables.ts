/**
 * Every environment variable that Otpost reads. The check for misspelt names, the masking of error texts and the
 * table in the README work from it; how a value is validated stands in `environment.ts`.
 */
export const VARIABLES = [
  {
    name: 'NODE_ENV',
    default: 'development',
    meaning: 'production, development or test. A Render, Railway or Kubernetes host counts as production, whatever it says.',
    secret: 'none',
    example: 'production',
  },
  {
    name: 'PORT',
    default: '3000',
    meaning: 'Port of the HTTP server; 0 lets the system choose.',
    secret: 'none',
    example: '3000',
  },
  {
    name: 'HOST',
    default: '127.0.0.1 in development, 0.0.0.0 in production',
    meaning: 'Address on which the HTTP server listens.',
    secret: 'none',
    example: '0.0.0.0',
  },
  {
    name: 'ROLE',
    default: 'all',
    meaning: 'What this process does: web (HTTP), worker (delivers mail), or all. web and worker need DATABASE_URL.',
    secret: 'none',
    example: 'web',
  },
  {
    name: 'DATABASE_URL',
    default: 'embedded Postgres in DATA_DIR; required in production',
    meaning: 'Postgres, as postgres:// or postgresql://.',
    secret: 'url',
    example: 'postgres://otpost:password@db.example.com:5432/otpost',
  },
  {
    name: 'DATABASE_POOL',
    default: '10',
    meaning: 'Connections that Prisma may open, 1 to 100. The queue keeps its own few on top when it runs on Postgres.',
    secret: 'none',
    example: '10',
  },
  {
    name: 'DATA_DIR',
    default: '.data',
    meaning: 'Folder of the embedded Postgres and of the generated APP_SECRET (development only).',
    secret: 'none',
    example: '/var/lib/otpost',
  },
  {
    name: 'REDIS_URL',
    default: 'none: the queue runs on Postgres',
    meaning: 'Redis for the queue, as redis:// or rediss:// (TLS).',
    secret: 'url',
    example: 'redis://default:password@redis.example.com:6379',
  },
  {
    name: 'APP_URL',
    default: 'http://localhost:PORT; required in production',
    meaning: 'Address under which people reach the service: links and tokens carry it. In production https, except on loopback.',
    secret: 'url',
    example: 'https://accounts.example.com',
  },
  {
    name: 'TRUSTED_PROXIES',
    default: 'none: forwarded headers are not believed',
    meaning:
      'Reverse proxies whose X-Forwarded-For is believed: addresses and networks, comma-separated, or how many stand in front (1 to 10), where nothing else reaches the port. Limits count by what it says.',
    secret: 'none',
    example: '10.0.0.0/8,fd00::/8',
  },
  {
    name: 'CORS_ORIGINS',
    default: 'none: no other page may call',
    meaning:
      'Origins whose pages may call /v1 from a browser, comma-separated, https or on loopback http. They send bearer tokens; cookies are never let through.',
    secret: 'none',
    example: 'https://app.example.com,http://localhost:5173',
  },
  {
    name: 'APP_SECRET',
    default: 'generated into DATA_DIR; required in production',
    meaning: 'Seals codes and stored mail; at least 32 characters, no comma, the same for every process.',
    secret: 'whole',
    example: '<the output of: openssl rand -base64 32>',
  },
  {
    name: 'APP_SECRET_PREVIOUS',
    default: 'none',
    meaning: 'Former values of APP_SECRET, newest first, comma-separated, so that what they sealed can still be opened.',
    secret: 'whole',
    example: '<the former APP_SECRET>',
  },
  {
    name: 'MAIL_FROM',
    default: 'Otpost <no-reply@localhost>; required in production',
    meaning: 'Sender of every mail. Its display name is how mails call the product.',
    secret: 'none',
    example: 'Acme <no-reply@example.com>',
  },
  {
    name: 'MAIL_TRANSPORTS',
    default: 'capture:; required in production',
    meaning:
      'Ways out for mail, comma-separated, the preferred one first: smtp:// (STARTTLS; without a port see SMTP_PORTS), smtps:// (TLS, port 465), ' +
      'resend:, sendgrid:, postmark:, brevo:, mailgun:, mailjet: or ses: (see docs/transports.md), file: (written to a folder) ' +
      'or capture: (kept for the built-in inbox, sent to nobody). Plain SMTP is for loopback, elsewhere only with ?tls=off ' +
      'and without credentials; ?tls=on asks for STARTTLS on loopback too. ?rate=50/min, ?daily=500 and ?connections=5 bound one of them. Special characters in ' +
      'credentials are percent-encoded.',
    secret: 'transports',
    example: 'smtp://user:password@smtp.example.com:587',
  },
  {
    name: 'AWS_ACCESS_KEY_ID',
    default: 'none; required with ses: in MAIL_TRANSPORTS',
    meaning: 'Credentials of AWS for ses:, with the right ses:SendEmail. Roles of a host are not asked for.',
    secret: 'whole',
    example: 'AKIAIOSFODNN7EXAMPLE',
  },
  {
    name: 'AWS_SECRET_ACCESS_KEY',
    default: 'none; required with ses: in MAIL_TRANSPORTS',
    meaning: 'The secret of AWS_ACCESS_KEY_ID.',
    secret: 'whole',
    example: '<the secret access key>',
  },
  {
    name: 'AWS_SESSION_TOKEN',
    default: 'none',
    meaning: 'Belongs to temporary credentials of AWS.',
    secret: 'whole',
    example: '<the session token>',
  },
  {
    name: 'SMTP_PORTS',
    default: '587,465,2525',
    meaning: 'Ports that are tried in this order for smtp:// without a port. 465 is TLS from the first byte, the others STARTTLS.',
    secret: 'none',
    example: '587,2525',
  },
  {
    name: 'BOUNCE_ADDRESS',
    default: 'none: bounces come to the sender',
    meaning: 'Mailbox that pipes to "otpost bounce": mail that goes out by SMTP returns to it, with +<id of the message> before the @.',
    secret: 'none',
    example: 'bounce@bounces.example.com',
  },
  {
    name: 'DKIM_SELECTOR',
    default: 'none: mail is not signed here',
    meaning: 'Signs mail that goes out by SMTP: what stands before ._domainkey in DNS. Needs DKIM_PRIVATE_KEY. HTTP providers sign themselves.',
    secret: 'none',
    example: 'otpost',
  },
  {
    name: 'DKIM_PRIVATE_KEY',
    default: 'none',
    meaning: 'The RSA key that signs, in PEM or that in base64.',
    secret: 'whole',
    example: '<the output of: openssl genrsa 2048 | base64 -w0>',
  },
  {
    name: 'DKIM_DOMAIN',
    default: 'the domain of MAIL_FROM',
    meaning: 'The domain that signs, where it is another one.',
    secret: 'none',
    example: 'example.com',
  },
  {
    name: 'MAIL_RATE',
    default: 'none',
    meaning:
      'How much mail may go out by each transport that has no ?rate= of its own, all workers together, such as 50/min; ' +
      'spread evenly, with a reserve for codes.',
    secret: 'none',
    example: '50/min',
  },
  {
    name: 'WORKER_LANES',
    default: 'critical,default,bulk',
    meaning: 'Lanes of mail that this process delivers when it is a worker.',
    secret: 'none',
    example: 'critical,default',
  },
  {
    name: 'WORKER_CONCURRENCY',
    default: 'critical:8,default:8,bulk:4',
    meaning: 'Deliveries side by side, per lane and process, 1 to 100; lanes left out keep their default.',
    secret: 'none',
    example: 'critical:8,bulk:2',
  },
  {
    name: 'WORKER_PORT',
    default: 'none: a worker opens no port',
    meaning: 'Port on which a process with ROLE=worker answers /health, /health/live and /metrics, and nothing else; 0 lets the system choose.',
    secret: 'none',
    example: '3001',
  },
  {
    name: 'OUTBOX_RESCUE',
    default: 'on',
    meaning: 'Whether a web process delivers due mail itself once no worker has been alive for 30 s: on or off.',
    secret: 'none',
    example: 'off',
  },
  {
    name: 'LIMIT_DESTINATION',
    default: '5/15min,20/day',
    meaning:
      'What may be asked for one address, by strangers and by verifications of back ends, as rates (s, min, h or day), comma-separated, all of which hold; or off, like the limits below. See docs/security.md.',
    secret: 'none',
    example: '5/15min,20/day',
  },
  {
    name: 'LIMIT_IP',
    default: '20/10min',
    meaning:
      'Requests of one IPv4 address or IPv6 /64 that send mail or present a password.',
    secret: 'none',
    example: '20/10min',
  },
  {
    name: 'LIMIT_IP_DESTINATIONS',
    default: '30/h',
    meaning:
      'Different addresses that one IPv4 address or IPv6 /64 may ask for.',
    secret: 'none',
    example: '30/h',
  },
  {
    name: 'LIMIT_PUBLIC_MAIL',
    default: '600/h',
    meaning:
      'All mail together that strangers cause, which bounds what the service can be misused for.',
    secret: 'none',
    example: '600/h',
  },
  {
    name: 'LIMIT_KEY',
    default: '1000/min',
    meaning:
      'Requests of one API key to POST /v1/emails and to /v1/verifications.',
    secret: 'none',
    example: '1000/min',
  },
  {
    name: 'WEBHOOK_ALLOW_PRIVATE',
    default: 'none in production, 127.0.0.0/8,::1 in development',
    meaning: 'Where webhooks may go besides the public internet: networks, addresses and host names, comma-separated, or none.',
    secret: 'none',
    example: '10.0.0.0/8,hooks.internal',
  },
  {
    name: 'RETENTION_DAYS',
    default: '30',
    meaning: 'Days after which messages that are over, ended sessions and old challenges are removed, and contents erased.',
    secret: 'none',
    example: '90',
  },
  {
    name: 'AUDIT_RETENTION_DAYS',
    default: '365',
    meaning: 'Days after which entries of the audit record are removed, 1 to 3650.',
    secret: 'none',
    example: '730',
  },
  {
    name: 'MIGRATE_ON_START',
    default: 'on',
    meaning: 'Whether to bring the database up to date at start: on or off.',
    secret: 'none',
    example: 'off',
  },
  {
    name: 'HOOK_SECRETS',
    default: 'none: no events are taken in',
    meaning:
      'Proofs of the providers whose events are taken in at POST /v1/hooks/:provider, comma-separated: sendgrid: and the ' +
      'verification key, mailgun: and the HTTP webhook signing key, resend:whsec_…, postmark:user:password, ' +
      'mailjet:user:password, brevo: and a bearer token, ses: and the ARN of the SNS topic. Special characters in users, ' +
      'passwords and tokens are percent-encoded.',
    secret: 'whole',
    example: 'ses:arn:aws:sns:eu-west-1:123456789012:otpost',
  },
  {
    name: 'INBOX_TOKEN',
    default: 'none: no inbox in production',
    meaning: 'Opens /inbox in production; at least 16 characters.',
    secret: 'whole',
    example: '<the output of: openssl rand -hex 16>',
  },
  {
    name: 'METRICS_TOKEN',
    default: 'none: no metrics in production',
    meaning: 'Opens /metrics and the details of /health and /health/mail to whoever sends it as a bearer token; at least 16 characters.',
    secret: 'whole',
    example: '<the output of: openssl rand -hex 16>',
  },
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    default: 'none: no traces',
    meaning:
      'Where traces go from request to SMTP reply: an OpenTelemetry collector that takes OTLP over HTTP (port 4318). /v1/traces is added. ' +
      "The other OTEL_ variables, for headers, sampling and names, are those of OpenTelemetry's own SDK.",
    secret: 'url',
    example: 'http://127.0.0.1:4318',
  },
  {
    name: 'LOG_LEVEL',
    default: 'info',
    meaning: 'trace, debug, info, warn, error, fatal or silent.',
    secret: 'none',
    example: 'info',
  },
] as const satisfies readonly VariableDescription[];

export interface VariableDescription {
  name: string;
  /** What holds when it is not set, in words. */
  default: string;
  meaning: string;
  /** How much of the value must never be shown: nothing, the password in a URL, those in a list of transports, all of it. */
  secret: 'none' | 'url' | 'transports' | 'whole';
  /** A value that is accepted, or in angle brackets where to get one. */
  example: string;
}

export type VariableName = (typeof VARIABLES)[number]['name'];

/** Any of these present means production: who deploys there and forgets NODE_ENV must not run with development's defaults. */
export const PRODUCTION_MARKERS = [
  'RENDER',
  'RAILWAY_ENVIRONMENT',
  'RAILWAY_ENVIRONMENT_NAME',
  'KUBERNETES_SERVICE_HOST',
] as const;

export function describeVariable(name: VariableName): VariableDescription {
  return VARIABLES.find((variable) => variable.name === name)!;
}
