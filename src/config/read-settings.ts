import { validateSync } from 'class-validator';
import { domainOf } from '../core/email-address.js';
import { LANES } from '../core/lanes.js';
import type { Rate } from '../core/rate.js';
import { ConfigurationError, type Fault, show } from './configuration-error.js';
import { parseCorsOrigins } from './cors-origins.js';
import { parseDkimDomain, parseDkimKey, parseDkimSelector } from './dkim.js';
import { Environment } from './environment.js';
import { parseHookSecrets } from './hook-secrets.js';
import { limitsFrom } from './limits.js';
import { parseTransports } from './mail-transports.js';
import { translateFamiliarNames } from './familiar-names.js';
import type { Parser } from './parsed.js';
import { parseAppUrl, parseCollectorUrl } from './parse-url.js';
import {
  DEFAULT_CONCURRENCY,
  parseBounceAddress,
  parseConcurrency,
  parseFolder,
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
import { LOOPBACK_TARGETS, parsePrivateTargets } from './private-targets.js';
import { faultsBetween, isBehindPlatformProxy, isProduction, warningsAbout } from './rules.js';
import type { DkimSettings, LogLevel, Role, Settings, TransportSettings } from './settings.js';
import { DEFAULT_SMTP_PORTS, parseSmtpPorts } from './smtp-transport.js';
import { misspellings } from './spelling.js';
import { parseTrustedProxies } from './trusted-proxies.js';
import { VARIABLES, type VariableName } from './variables.js';

/**
 * Turns the environment into settings. Empty and blank variables count as not set; blanks around a value are dropped.
 * @throws ConfigurationError that names every fault at once, without secrets.
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): {
  settings: Settings;
  warnings: string[];
} {
  const { env: given, notes } = translateFamiliarNames(withoutBlank(env));
  const environment = environmentFrom(given);
  const production = isProduction(given);

  const misspelt = misspellings(Object.keys(given));

  const faults = faultsIn(environment, production);
  if (faults.length > 0) throw new ConfigurationError(faults, [...notes, ...misspelt]);

  return {
    settings: settingsFrom(environment, production),
    warnings: [...notes, ...warningsAbout(environment, production, isBehindPlatformProxy(given)), ...misspelt],
  };
}

function withoutBlank(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const given: Record<string, string> = {};
  for (const [name, text] of Object.entries(env)) {
    const trimmed = text?.trim();
    if (trimmed) given[name] = trimmed;
  }
  return given;
}

function environmentFrom(given: Readonly<Record<string, string>>): Environment {
  const environment = new Environment();
  for (const { name } of VARIABLES) environment[name] = given[name];
  return environment;
}

/** In the order of the table of variables; a rule between variables does not blame one that is wrong by itself. */
function faultsIn(environment: Environment, production: boolean): Fault[] {
  const own = faultsOfEach(environment);
  const between = faultsBetween(environment, production);
  return VARIABLES.flatMap(({ name }) => {
    const found = own.find((fault) => fault.variable === name) ?? between.find((fault) => fault.variable === name);
    return found ? [found] : [];
  });
}

function faultsOfEach(environment: Environment): Fault[] {
  const errors = validateSync(environment, { skipMissingProperties: true, stopAtFirstError: true });
  return errors.map(({ property, constraints = {} }) => {
    const variable = property as VariableName;
    const text = environment[variable];
    const remedy = Object.values(constraints).flatMap((message) => message.split('\n'));
    // docker --env-file and some dashboards keep quotes that a shell or .env would remove.
    if (text !== undefined && /^(["']).*\1$/s.test(text)) remedy.push('Remove the quotes: they are read as part of the value.');
    return { variable, read: show(variable, text), remedy };
  });
}

function settingsFrom(environment: Environment, production: boolean): Settings {
  const from = read(parseSender, environment.MAIL_FROM, { name: 'Otpost', address: 'no-reply@localhost' });
  const port = read(parsePort, environment.PORT, 3000);
  const smtpPorts = read(parseSmtpPorts, environment.SMTP_PORTS, DEFAULT_SMTP_PORTS);
  return {
    production,
    role: (environment.ROLE ?? 'all') as Role,
    http: {
      host: environment.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
      port,
      appUrl: read(parseAppUrl, environment.APP_URL, `http://localhost:${port}`),
      trustedProxies: read(parseTrustedProxies, environment.TRUSTED_PROXIES, undefined),
      corsOrigins: read(parseCorsOrigins, environment.CORS_ORIGINS, []),
    },
    database: {
      url: environment.DATABASE_URL,
      poolSize: read(parsePoolSize, environment.DATABASE_POOL, 10),
      migrateOnStart: read(switchOf('MIGRATE_ON_START'), environment.MIGRATE_ON_START, true),
    },
    dataDir: parseOrThrow(parseFolder, environment.DATA_DIR ?? '.data'),
    redisUrl: environment.REDIS_URL,
    appSecret: environment.APP_SECRET,
    appSecretPrevious: read(parsePreviousSecrets, environment.APP_SECRET_PREVIOUS, []),
    mail: {
      from,
      bounceAddress: read(parseBounceAddress, environment.BOUNCE_ADDRESS, undefined),
      dkim: dkimFrom(environment, from.address),
      transports: withRate(
        withAws(
          read((text) => parseTransports(text, smtpPorts), environment.MAIL_TRANSPORTS, [{ kind: 'capture', name: 'capture' }]),
          environment,
        ),
        read(parseMailRate, environment.MAIL_RATE, undefined),
      ),
      lanes: read(parseLanes, environment.WORKER_LANES, [...LANES]),
      concurrency: read(parseConcurrency, environment.WORKER_CONCURRENCY, { ...DEFAULT_CONCURRENCY }),
      rescue: read(switchOf('OUTBOX_RESCUE'), environment.OUTBOX_RESCUE, true),
      hookSecrets: read(parseHookSecrets, environment.HOOK_SECRETS, []),
    },
    workerPort: read(parseWorkerPort, environment.WORKER_PORT, undefined),
    limits: limitsFrom(environment),
    webhookAllowPrivate: read(
      parsePrivateTargets,
      environment.WEBHOOK_ALLOW_PRIVATE,
      production ? { networks: [], hosts: [] } : structuredClone(LOOPBACK_TARGETS),
    ),
    retentionDays: read(parseRetentionDays, environment.RETENTION_DAYS, 30),
    auditRetentionDays: read(retentionDaysOf('AUDIT_RETENTION_DAYS', 365), environment.AUDIT_RETENTION_DAYS, 365),
    inboxToken: environment.INBOX_TOKEN,
    metricsToken: environment.METRICS_TOKEN,
    tracesEndpoint: read<string | undefined>(parseCollectorUrl, environment.OTEL_EXPORTER_OTLP_ENDPOINT, undefined),
    logLevel: (environment.LOG_LEVEL ?? 'info') as LogLevel,
  };
}

/** MAIL_RATE is for each transport that says nothing of its own. */
function withRate(transports: TransportSettings[], rate: Rate | undefined): TransportSettings[] {
  return rate ? transports.map((transport) => ({ ...transport, rate: transport.rate ?? rate })) : transports;
}

/** That they are there with ses: is a rule between variables. */
function withAws(
  transports: TransportSettings[],
  { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken }: Environment,
): TransportSettings[] {
  if (accessKeyId === undefined || secretAccessKey === undefined) return transports;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  return transports.map((transport) => (transport.kind === 'ses' ? { ...transport, credentials } : transport));
}

function dkimFrom({ DKIM_DOMAIN, DKIM_SELECTOR, DKIM_PRIVATE_KEY }: Environment, sender: string): DkimSettings | undefined {
  if (DKIM_SELECTOR === undefined || DKIM_PRIVATE_KEY === undefined) return undefined;
  return {
    domain: read(parseDkimDomain, DKIM_DOMAIN, domainOf(sender)),
    selector: parseOrThrow(parseDkimSelector, DKIM_SELECTOR),
    privateKey: parseOrThrow(parseDkimKey, DKIM_PRIVATE_KEY),
  };
}

function read<T>(parse: Parser<T>, text: string | undefined, otherwise: T): T {
  return text === undefined ? otherwise : parseOrThrow(parse, text);
}

function parseOrThrow<T>(parse: Parser<T>, text: string): T {
  const outcome = parse(text);
  if (outcome.kind === 'fault') throw new Error('Settings were read from an environment that did not pass validation.');
  return outcome.value;
}
