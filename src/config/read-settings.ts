import { ValidateBy, validateSync } from 'class-validator';
import { domainOf } from '../core/email-address.js';
import { MASK, maskUrl } from '../core/mask.js';
import { StartupError } from '../core/startup-error.js';
import { misspellings, PRODUCTION_MARKERS, translateFamiliarNames } from './names.js';
import type { ProviderForm } from './provider-entries.js';
import type { Settings } from './settings.js';
import type { SmsProviderForm } from './sms-variables.js';
import type { Context, Parsed, Variable } from './values.js';
import { type ValueOf, type VariableName, variablesWith } from './variables.js';

export type GivenEnvironment = Readonly<Record<string, string | undefined>>;

export interface Fault {
  variable: string;
  /** What was read, secrets masked, ready to be shown; `not set` when there was nothing. */
  read: string;
  /** What to do, line by line. */
  remedy: string[];
}

/** Everything that is wrong with the environment, in one message, so that one correction is enough. */
export class ConfigurationError extends StartupError {
  /** @param hints told after the faults, because a misspelt name is often why another is not set. */
  constructor(
    readonly faults: readonly Fault[],
    hints: readonly string[] = [],
  ) {
    super([report(faults), ...hints].join('\n'), 'Correct this in the environment or in .env, and start again.');
  }

  override get lines(): string[] {
    return `${this.message} ${this.remedy}`.split('\n');
  }
}

type Row = Variable & { default: string };
type Given = Readonly<Record<string, string>>;
type Values = <Name extends VariableName>(name: Name) => ValueOf<Name>;

/** The table of variables, and how an environment is read by it. */
export class Configuration {
  readonly variables: readonly Row[];
  /** A property a variable; class-validator keeps for good what decorates a class, so there is one for all readings. */
  private readonly environment = class Environment {};

  constructor(
    private readonly providers: readonly ProviderForm[],
    smsProviders: readonly SmsProviderForm[],
  ) {
    this.variables = variablesWith(providers, smsProviders).map((row: Variable) => ({
      ...row,
      default: row.default ?? String(row.fallback),
    }));
    for (const { name, checks = [IsReadable()] } of this.variables)
      for (const check of checks) check(this.environment.prototype, name);
  }

  /**
   * Turns the environment into settings. Empty and blank variables count as not set; blanks around a value are dropped.
   * @throws ConfigurationError that names every fault at once, without secrets.
   */
  read(env: GivenEnvironment): { settings: Settings; warnings: string[] } {
    const { env: given, notes } = translateFamiliarNames(withoutBlank(env), this.providers);
    const names = this.variables.map(({ name }) => name);
    const hints = [...notes, ...misspellings(Object.keys(given), names, this.providers)];
    const production = given['NODE_ENV'] === 'production' || PRODUCTION_MARKERS.some((marker) => marker in given);
    const reading = new Reading(this.variables, given, production);
    const faults = this.faultsIn(reading);
    if (faults.length > 0) throw new ConfigurationError(faults, hints);
    const of = reading.valueOf as Values;
    return {
      settings: settingsFrom(of, production, reading.isGiven),
      warnings: [...notes, ...(production ? warningsAbout(of, given) : []), ...hints.slice(notes.length)],
    };
  }

  /** In the order of the table: what is wrong by itself, and what is missing because of another variable. */
  private faultsIn(reading: Reading): Fault[] {
    const environment = Object.assign(new this.environment(), reading.judged());
    const errors = validateSync(environment, { skipMissingProperties: true, stopAtFirstError: true });
    return this.variables.flatMap((row) => {
      const error = errors.find(({ property }) => property === row.name);
      if (error) return [reading.wrong(row, Object.values(error.constraints ?? {}))];
      const reason = reading.isGiven(row.name) ? undefined : reading.needed(row);
      if (reason === undefined) return [];
      const remedy = [`${reason}, such as ${row.name}=${row.example}.`];
      return [{ variable: row.name, read: 'not set', remedy }];
    });
  }
}

/** One reading of one environment. Each variable is read once, when it is first asked for. */
class Reading {
  private readonly outcomes = new Map<string, Parsed<unknown> | undefined>();

  constructor(
    private readonly variables: readonly Row[],
    private readonly given: Given,
    private readonly production: boolean,
  ) {}

  readonly isGiven = (name: string): boolean => this.given[name] !== undefined;

  readonly valueOf = (name: string): unknown => {
    const outcome = this.outcomeOf(this.variables.find((row) => row.name === name));
    return outcome?.kind === 'value' ? outcome.value : undefined;
  };

  needed(row: Row): string | undefined {
    return row.needed?.(this.contextOf(row));
  }

  /** What is given, for class-validator: the text where decorators judge it, else what reading it gave. */
  judged(): Record<string, unknown> {
    const given = this.variables.filter(({ name }) => this.isGiven(name));
    return Object.fromEntries(given.map((row) => [row.name, row.checks ? this.given[row.name] : this.outcomeOf(row)]));
  }

  wrong(row: Row, messages: readonly string[]): Fault {
    const text = this.given[row.name]!;
    const remedy = messages.flatMap((message) => message.split('\n'));
    // docker --env-file and some dashboards keep quotes that a shell or .env would remove.
    if (/^(["']).*\1$/s.test(text)) remedy.push('Remove the quotes: they are read as part of the value.');
    return { variable: row.name, read: shown(row, text), remedy };
  }

  private outcomeOf(row: Row | undefined): Parsed<unknown> | undefined {
    if (row && !this.outcomes.has(row.name)) {
      const context = this.contextOf(row);
      const fallback = typeof row.fallback === 'function' ? row.fallback(context) : row.fallback;
      const text = this.given[row.name] ?? fallback;
      this.outcomes.set(row.name, text === undefined ? undefined : row.read(text, context));
    }
    return row && this.outcomes.get(row.name);
  }

  private contextOf({ name, example }: Row): Context {
    const { production, isGiven, valueOf } = this;
    return { such: `such as ${name}=${example}.`, production, isGiven, valueOf };
  }
}

/** Judges what reading a variable gave. */
function IsReadable(): PropertyDecorator {
  return ValidateBy({
    name: 'isReadable',
    validator: {
      validate: (outcome: Parsed<unknown>) => outcome.kind === 'value',
      defaultMessage: (args) => {
        const outcome = args?.value as Parsed<unknown>;
        return outcome.kind === 'fault' ? outcome.remedy : '';
      },
    },
  });
}

function withoutBlank(env: GivenEnvironment): Record<string, string> {
  const trimmed = Object.entries(env).map(([name, text]) => [name, text?.trim() ?? ''] as const);
  return Object.fromEntries(trimmed.filter(([, text]) => text !== ''));
}

/** What was read, as an operator may see it, and logs may keep it. */
function shown({ secret }: Row, text: string): string {
  if (secret === 'whole') return `read ${MASK} (${text.length} characters)`;
  if (typeof secret === 'function') return quoted(secret(text));
  // A URL that was pasted into the wrong variable has its password all the same.
  return quoted(secret === 'url' || text.includes('://') ? maskUrl(text) : text);
}

function quoted(text: string): string {
  return `read ${JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text)}`;
}

function report(faults: readonly Fault[]): string {
  const width = Math.max(...faults.map((fault) => fault.variable.length)) + 2;
  const lines = faults.flatMap((fault) => [
    `  ${fault.variable.padEnd(width)}${fault.read}`,
    ...fault.remedy.map((line) => `  ${' '.repeat(width)}${line}`),
  ]);
  const count = faults.length === 1 ? '1 setting is wrong' : `${faults.length} settings are wrong`;
  return [`Otpost cannot start: ${count}.`, ...lines].join('\n');
}

function settingsFrom(of: Values, production: boolean, isGiven: (name: VariableName) => boolean): Settings {
  const from = of('MAIL_FROM');
  const rate = of('MAIL_RATE');
  const [selector, privateKey] = [of('DKIM_SELECTOR'), of('DKIM_PRIVATE_KEY')];
  const [cert, key] = [of('SMTP_TLS_CERT'), of('SMTP_TLS_KEY')];
  return {
    production,
    role: of('ROLE'),
    http: {
      host: of('HOST'),
      port: of('PORT'),
      appUrl: of('APP_URL'),
      trustedProxies: of('TRUSTED_PROXIES'),
      corsOrigins: of('CORS_ORIGINS') ?? [],
    },
    database: {
      url: of('DATABASE_URL'),
      poolSize: of('DATABASE_POOL'),
      migrateOnStart: of('MIGRATE_ON_START'),
    },
    dataDir: of('DATA_DIR'),
    redisUrl: of('REDIS_URL'),
    appSecret: of('APP_SECRET'),
    appSecretPrevious: of('APP_SECRET_PREVIOUS') ?? [],
    mail: {
      from,
      senders: of('MAIL_SENDERS') ?? [],
      bounceAddress: of('BOUNCE_ADDRESS'),
      dkim:
        selector === undefined || privateKey === undefined
          ? undefined
          : { domain: of('DKIM_DOMAIN') ?? domainOf(from.address), selector, privateKey },
      // MAIL_RATE is for each transport that says nothing of its own.
      transports: of('MAIL_TRANSPORTS').map((transport) => (rate ? { rate, ...transport } : transport)),
      capturesByDefault: !isGiven('MAIL_TRANSPORTS'),
      lanes: of('WORKER_LANES'),
      concurrency: of('WORKER_CONCURRENCY'),
      rescue: of('OUTBOX_RESCUE'),
      resendCompat: of('RESEND_COMPAT'),
      hookSecrets: of('HOOK_SECRETS') ?? [],
      hookInSecrets: of('HOOK_IN_SECRETS') ?? [],
      hookInMappings: of('HOOK_IN_MAPPINGS'),
      brand: {
        name: of('BRAND_NAME'),
        logoUrl: of('BRAND_LOGO_URL'),
        color: of('BRAND_COLOR'),
        support: of('BRAND_SUPPORT'),
        address: of('BRAND_ADDRESS'),
      },
      templatesDir: of('TEMPLATES_DIR'),
    },
    smtpIn: {
      listeners: of('SMTP_LISTEN') ?? [],
      tls: cert === undefined || key === undefined ? undefined : { cert, key },
    },
    workerPort: of('WORKER_PORT'),
    limits: {
      destination: of('LIMIT_DESTINATION'),
      ip: of('LIMIT_IP'),
      ipDestinations: of('LIMIT_IP_DESTINATIONS'),
      publicMail: of('LIMIT_PUBLIC_MAIL'),
      key: of('LIMIT_KEY'),
    },
    webhookAllowPrivate: of('WEBHOOK_ALLOW_PRIVATE'),
    sms: {
      transports: of('SMS_TRANSPORTS') ?? [],
      countries: of('SMS_COUNTRIES') ?? [],
      domain: of('SMS_DOMAIN') ?? new URL(of('APP_URL')).hostname,
      daily: of('SMS_DAILY'),
      guard: of('SMS_GUARD'),
      testNumbers: of('SMS_TEST_NUMBERS') ?? [],
      signIn: of('SMS_SIGN_IN'),
    },
    retentionDays: of('RETENTION_DAYS'),
    auditRetentionDays: of('AUDIT_RETENTION_DAYS'),
    inboxToken: of('INBOX_TOKEN'),
    metricsToken: of('METRICS_TOKEN'),
    traceUrl: of('TRACE_URL'),
    tracesEndpoint: of('OTEL_EXPORTER_OTLP_ENDPOINT'),
    logLevel: of('LOG_LEVEL'),
  };
}

/** Any of these present: the platform's proxy stands in front, and nothing else reaches the port. */
const PROXY_MARKERS = ['RENDER', 'RAILWAY_ENVIRONMENT', 'RAILWAY_ENVIRONMENT_NAME'];

/** What is allowed in production and yet probably not meant. */
function warningsAbout(of: Values, given: Given): string[] {
  const behindProxy = PROXY_MARKERS.some((marker) => marker in given);
  const kinds = of('MAIL_TRANSPORTS').map(({ kind }) => kind);
  return [
    ...(behindProxy && of('TRUSTED_PROXIES') === undefined && of('ROLE') !== 'worker'
      ? [
          "TRUSTED_PROXIES is not set, and this host's proxy stands in front: all visitors count as one address for limits. Set how many proxies there are: TRUSTED_PROXIES=3 on Render, 2 on Railway (see docs/deploy).",
        ]
      : []),
    ...(kinds.includes('capture')
      ? [
          'MAIL_TRANSPORTS has capture: in production. Mail that it takes is kept in the built-in inbox and sent to nobody.',
        ]
      : []),
    ...((of('SMS_TRANSPORTS') ?? []).some(({ kind }) => kind === 'capture')
      ? [
          'SMS_TRANSPORTS has capture: in production. Codes that it takes are kept in the built-in inbox and sent to nobody.',
        ]
      : []),
    ...(of('SMS_TEST_NUMBERS') === undefined
      ? []
      : ['SMS_TEST_NUMBERS has numbers in production: whoever knows one and its code passes for its holder.']),
    ...(kinds.includes('file')
      ? ['MAIL_TRANSPORTS has file: in production. Mail that it takes is written to files and sent to nobody.']
      : []),
  ];
}
