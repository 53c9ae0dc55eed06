import { validateSync } from 'class-validator';
import { LANES } from '../core/lanes.js';
import { ConfigurationError, type Fault, show } from './configuration-error.js';
import { Environment } from './environment.js';
import { parseTransports } from './mail-transports.js';
import type { Parser } from './parsed.js';
import { parseAppUrl } from './parse-url.js';
import {
  DEFAULT_CONCURRENCY,
  parseConcurrency,
  parseFolder,
  parseLanes,
  parseMailRate,
  parsePoolSize,
  parsePort,
  parsePreviousSecrets,
  parseRetentionDays,
  parseSender,
  switchOf,
} from './parse-value.js';
import { faultsBetween, isProduction, warningsAbout } from './rules.js';
import type { LogLevel, Role, Settings } from './settings.js';
import { misspellings } from './spelling.js';
import { VARIABLES, type VariableName } from './variables.js';

/**
 * Turns the environment into settings. Empty and blank variables count as not set; blanks around a value are dropped.
 * @throws ConfigurationError that names every fault at once, without secrets.
 */
export function readSettings(env: Readonly<Record<string, string | undefined>>): {
  settings: Settings;
  warnings: string[];
} {
  const given = withoutBlank(env);
  const environment = environmentFrom(given);
  const production = isProduction(given);

  const misspelt = misspellings(Object.keys(given));

  const faults = faultsIn(environment, production);
  if (faults.length > 0) throw new ConfigurationError(faults, misspelt);

  return {
    settings: settingsFrom(environment, production),
    warnings: [...warningsAbout(environment, production), ...misspelt],
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
  const port = read(parsePort, environment.PORT, 3000);
  return {
    production,
    role: (environment.ROLE ?? 'all') as Role,
    http: {
      host: environment.HOST ?? (production ? '0.0.0.0' : '127.0.0.1'),
      port,
      appUrl: read(parseAppUrl, environment.APP_URL, `http://localhost:${port}`),
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
      from: read(parseSender, environment.MAIL_FROM, { name: 'Otpost', address: 'no-reply@localhost' }),
      transports: read(parseTransports, environment.MAIL_TRANSPORTS, [{ kind: 'capture', name: 'capture' }]),
      rate: read(parseMailRate, environment.MAIL_RATE, undefined),
      lanes: read(parseLanes, environment.WORKER_LANES, [...LANES]),
      concurrency: read(parseConcurrency, environment.WORKER_CONCURRENCY, { ...DEFAULT_CONCURRENCY }),
      rescue: read(switchOf('OUTBOX_RESCUE'), environment.OUTBOX_RESCUE, true),
    },
    retentionDays: read(parseRetentionDays, environment.RETENTION_DAYS, 30),
    inboxToken: environment.INBOX_TOKEN,
    metricsToken: environment.METRICS_TOKEN,
    logLevel: (environment.LOG_LEVEL ?? 'info') as LogLevel,
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
