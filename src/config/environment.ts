import { IsIn, Matches, MinLength } from 'class-validator';
import { parseCorsOrigins } from './cors-origins.js';
import { parseDkimDomain, parseDkimKey, parseDkimSelector } from './dkim.js';
import { parseHookSecrets } from './hook-secrets.js';
import { limitOf } from './limits.js';
import { parseTransports } from './mail-transports.js';
import { ParsedBy } from './parsed.js';
import { parseAppUrl, parseCollectorUrl, parseDatabaseUrl, parseRedisUrl } from './parse-url.js';
import {
  MIN_SECRET_LENGTH,
  parseBounceAddress,
  parseConcurrency,
  parseFolder,
  parseHost,
  parseLanes,
  parseMailRate,
  parsePoolSize,
  parsePort,
  parsePreviousSecrets,
  parseRetentionDays,
  retentionDaysOf,
  parseSender,
  parseWorkerPort,
  switchOf,
} from './parse-value.js';
import { parsePrivateTargets } from './private-targets.js';
import { LOG_LEVELS, ROLES } from './settings.js';
import { parseSmtpPorts } from './smtp-transport.js';
import { parseTrustedProxies } from './trusted-proxies.js';

/**
 * The environment as text, one variable at a time; undefined means not set. Messages are remedies for the operator.
 * What variables mean together is in `rules.ts`.
 */
export class Environment {
  @IsIn(['production', 'development', 'test'], {
    message: 'must be production, development or test, such as NODE_ENV=production.',
  })
  NODE_ENV?: string;

  @ParsedBy(parsePort)
  PORT?: string;

  @ParsedBy(parseHost)
  HOST?: string;

  @IsIn(ROLES, { message: `must be ${ROLES.join(', ')}, such as ROLE=all.` })
  ROLE?: string;

  @ParsedBy(parseDatabaseUrl)
  DATABASE_URL?: string;

  @ParsedBy(parsePoolSize)
  DATABASE_POOL?: string;

  @ParsedBy(parseFolder)
  DATA_DIR?: string;

  @ParsedBy(parseRedisUrl)
  REDIS_URL?: string;

  @ParsedBy(parseAppUrl)
  APP_URL?: string;

  @ParsedBy(parseTrustedProxies)
  TRUSTED_PROXIES?: string;

  @ParsedBy(parseCorsOrigins)
  CORS_ORIGINS?: string;

  @MinLength(MIN_SECRET_LENGTH, {
    message: `must have at least ${MIN_SECRET_LENGTH} characters, such as APP_SECRET=<the output of: openssl rand -base64 32>.`,
  })
  // It moves to APP_SECRET_PREVIOUS one day, and there the comma separates.
  @Matches(/^[^,]*$/, {
    message: 'must not contain a comma, such as APP_SECRET=<the output of: openssl rand -base64 32>.',
  })
  APP_SECRET?: string;

  @ParsedBy(parsePreviousSecrets)
  APP_SECRET_PREVIOUS?: string;

  @ParsedBy(parseSender)
  MAIL_FROM?: string;

  @ParsedBy((text) => parseTransports(text))
  MAIL_TRANSPORTS?: string;

  @Matches(/^[\x21-\x7e]+$/, { message: 'must be the id of an access key, such as AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE.' })
  AWS_ACCESS_KEY_ID?: string;

  @Matches(/^[\x21-\x7e]+$/, { message: 'must be a secret access key, which has no blanks, such as AWS_SECRET_ACCESS_KEY=<the secret access key>.' })
  AWS_SECRET_ACCESS_KEY?: string;

  @Matches(/^[\x21-\x7e]+$/, { message: 'must be a session token, which has no blanks, such as AWS_SESSION_TOKEN=<the session token>.' })
  AWS_SESSION_TOKEN?: string;

  @ParsedBy(parseSmtpPorts)
  SMTP_PORTS?: string;

  @ParsedBy(parseBounceAddress)
  BOUNCE_ADDRESS?: string;

  @ParsedBy(parseDkimDomain)
  DKIM_DOMAIN?: string;

  @ParsedBy(parseDkimSelector)
  DKIM_SELECTOR?: string;

  @ParsedBy(parseDkimKey)
  DKIM_PRIVATE_KEY?: string;

  @ParsedBy(parseMailRate)
  MAIL_RATE?: string;

  @ParsedBy(parseLanes)
  WORKER_LANES?: string;

  @ParsedBy(parseConcurrency)
  WORKER_CONCURRENCY?: string;

  @ParsedBy(parseWorkerPort)
  WORKER_PORT?: string;

  @ParsedBy(switchOf('OUTBOX_RESCUE'))
  OUTBOX_RESCUE?: string;

  @ParsedBy(limitOf('LIMIT_DESTINATION'))
  LIMIT_DESTINATION?: string;

  @ParsedBy(limitOf('LIMIT_IP'))
  LIMIT_IP?: string;

  @ParsedBy(limitOf('LIMIT_IP_DESTINATIONS'))
  LIMIT_IP_DESTINATIONS?: string;

  @ParsedBy(limitOf('LIMIT_PUBLIC_MAIL'))
  LIMIT_PUBLIC_MAIL?: string;

  @ParsedBy(limitOf('LIMIT_KEY'))
  LIMIT_KEY?: string;

  @ParsedBy(parsePrivateTargets)
  WEBHOOK_ALLOW_PRIVATE?: string;

  @ParsedBy(parseRetentionDays)
  RETENTION_DAYS?: string;

  @ParsedBy(retentionDaysOf('AUDIT_RETENTION_DAYS', 365))
  AUDIT_RETENTION_DAYS?: string;

  @ParsedBy(switchOf('MIGRATE_ON_START'))
  MIGRATE_ON_START?: string;

  @ParsedBy(parseHookSecrets)
  HOOK_SECRETS?: string;

  @MinLength(16, {
    message: 'must have at least 16 characters, such as INBOX_TOKEN=<the output of: openssl rand -hex 16>.',
  })
  INBOX_TOKEN?: string;

  @MinLength(16, {
    message: 'must have at least 16 characters, such as METRICS_TOKEN=<the output of: openssl rand -hex 16>.',
  })
  METRICS_TOKEN?: string;

  @ParsedBy(parseCollectorUrl)
  OTEL_EXPORTER_OTLP_ENDPOINT?: string;

  @IsIn(LOG_LEVELS, { message: `must be one of ${LOG_LEVELS.join(', ')}, such as LOG_LEVEL=info.` })
  LOG_LEVEL?: string;
}
