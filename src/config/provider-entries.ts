import { parseRate } from '../core/rate.js';
import type { CommonParameters, HookSecret, HttpSettings } from './settings.js';
import {
  decoded,
  ENCODING_HINT,
  fault,
  isLoopback,
  isOrigin,
  type Parsed,
  parseUrl,
  readEach,
  value,
  type Variable,
  withoutBrackets,
} from './values.js';

/** What a provider says of its configuration; its file in mail/providers says the rest. */
export interface ProviderForm<Account = unknown, Secret = unknown> {
  /** Its name, and what stands before the colon of its entries in MAIL_TRANSPORTS and HOOK_SECRETS. */
  readonly kind: string;
  readonly entry: EntryForm<Account>;
  readonly secret: SecretForm<Secret>;
  /** Variables of its own. What is `needed` there is needed only with an entry of it. */
  readonly variables?: readonly Variable[];
  /** Variable of other tools that holds its API key. */
  readonly familiarKey?: string;
}

/** Its entry in MAIL_TRANSPORTS. */
export interface EntryForm<Account> {
  /** An entry that is accepted. */
  readonly example: string;
  /** Completes `mailjet: wants …`. */
  readonly wants: string;
  /** Parameters beyond those of every transport, and their values; the first one is the default. */
  readonly choices?: Readonly<Record<string, readonly string[]>>;
  /** A parameter beyond those that takes any text, and may be left out. */
  readonly text?: string;
  /** @param body what stands between colon and question mark; undefined where that is not what it `wants` */
  read(body: string, chosen: Readonly<Record<string, string>>, valueOf: (name: string) => unknown): Account | undefined;
  /** How logs, events and health name the entry, without credentials; `kind` where it says nothing. */
  name?(account: Account): string;
  /** What must never be shown. */
  secrets(account: Account): string[];
}

/** Its entry in HOOK_SECRETS: what proves that an event comes from it. */
export interface SecretForm<Secret> {
  readonly example: string;
  /** The form of the entry in the words of the README. */
  readonly written: string;
  /** What a remedy says that it must be. */
  readonly wants: string;
  /** @param rest what stands behind the colon; undefined where that is not what it `wants` */
  read(rest: string): Secret | undefined;
}

/** Characters. Where events come in is open to the internet and not slowed down. */
export const MIN_HOOK_SECRET_LENGTH = 16;

/** A secret as its entry has it, percent-encoded; undefined where it is too short. */
export function hookSecretIn(text: string): string | undefined {
  const secret = decoded(text);
  return secret !== undefined && secret.length >= MIN_HOOK_SECRET_LENGTH ? secret : undefined;
}

/** Printable ASCII without blanks: anything else cannot stand in a header. */
export function isKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/** The entry of a provider that knows its customers by one key. */
export const KEY_ENTRY = {
  wants: 'an API key, which has no blanks',
  read: (body: string): { key: string } | undefined => (isKey(body) ? { key: body } : undefined),
  secrets: ({ key }: { key: string }): string[] => [key],
};

/** The secret of a provider that calls with a user and a password (RFC 7617). */
export const BASIC_SECRET = {
  wants: `must be a user, a colon, and a password of at least ${MIN_HOOK_SECRET_LENGTH} characters, special ones percent-encoded`,
  read: (rest: string): { user: string; password: string } | undefined => {
    const colon = rest.indexOf(':');
    const user = decoded(rest.slice(0, Math.max(colon, 0)));
    const password = hookSecretIn(rest.slice(colon + 1));
    return user && !user.includes(':') && password !== undefined ? { user, password } : undefined;
  },
};

export const COMMON_PARAMETERS = ['rate', 'daily', 'connections'];

/** A parameter that stands twice is left, and so becomes one that nobody understands. */
export function take(parameters: URLSearchParams, name: string): string | undefined {
  const all = parameters.getAll(name);
  if (all.length !== 1) return undefined;
  parameters.delete(name);
  return all[0];
}

/** Takes the common parameters out of `parameters`; the caller deals with what is left. */
export function takeCommon(parameters: URLSearchParams): Parsed<CommonParameters> {
  const common: CommonParameters = {};
  const rate = take(parameters, 'rate');
  if (rate !== undefined) {
    const parsed = parseRate(rate);
    if (!parsed) return fault('rate must be a number of messages in a time, such as ?rate=50/min (s, min, h or day).');
    common.rate = parsed;
  }
  for (const name of ['daily', 'connections'] as const) {
    const text = take(parameters, name);
    if (text === undefined) continue;
    if (!/^[1-9]\d{0,6}$/.test(text))
      return fault(`${name} must be a whole number from 1, such as ?${name}=${name === 'daily' ? 500 : 5}.`);
    common[name] = Number(text);
  }
  return value(common);
}

/** Reads `kind:…?parameters`. @param rest what stands after the colon @param variable whose entry it is */
export function readEntry<Account>(
  kind: string,
  form: EntryForm<Account>,
  rest: string,
  valueOf: (name: string) => unknown,
  variable = 'MAIL_TRANSPORTS',
): Parsed<{ name: string; account: Account } & CommonParameters & Pick<HttpSettings, 'endpoint'>> {
  const [body = '', ...query] = rest.split('?');
  const parameters = new URLSearchParams(query.join('?'));
  const common = takeCommon(parameters);
  if (common.kind === 'fault') return common;
  const chosen: Record<string, string> = {};
  for (const [name, values] of Object.entries(form.choices ?? {})) {
    const choice = take(parameters, name)?.toLowerCase() ?? values[0]!;
    if (!values.includes(choice))
      return fault(
        `${name} must be ${values.join(' or ')}, such as ${variable}=${form.example}?${name}=${values.at(-1)}.`,
      );
    chosen[name] = choice;
  }
  if (form.text !== undefined) chosen[form.text] = take(parameters, form.text) ?? '';
  const endpoint = kind === 'file' ? value(undefined) : takeEndpoint(parameters);
  if (endpoint.kind === 'fault') return endpoint;
  const known = [...COMMON_PARAMETERS, ...Object.keys(chosen)];
  if (parameters.size > 0) return fault(`${kind}: understands no parameters but ${known.join(', ')}, each once.`);
  const text = decoded(body);
  const account = text === undefined ? undefined : form.read(text, chosen, valueOf);
  if (account === undefined) {
    const remedy = `${kind}: wants ${form.wants}, such as ${variable}=${form.example}.`;
    return fault(text === undefined ? `${remedy}\n${ENCODING_HINT}` : remedy);
  }
  return value({
    name: form.name?.(account) ?? kind,
    account,
    ...common.value,
    ...(endpoint.value === undefined ? {} : { endpoint: endpoint.value }),
  });
}

function takeEndpoint(parameters: URLSearchParams): Parsed<string | undefined> {
  const text = take(parameters, 'endpoint');
  const url = text === undefined ? undefined : parseUrl(text);
  if (text === undefined || (isOrigin(url) && isLoopback(withoutBrackets(url.hostname)))) return value(url?.origin);
  return fault(
    'endpoint is for tests, and must be an http:// or https:// address of this machine, such as ?endpoint=http://127.0.0.1:8025.',
  );
}

/**
 * Reads HOOK_SECRETS. A provider may stand there several times: for several accounts, or while a secret is replaced.
 */
export function readHookSecrets(
  text: string,
  providers: readonly Pick<ProviderForm, 'kind' | 'secret'>[],
  such: string,
): Parsed<HookSecret[]> {
  return readEach(text, `must name a provider and its secret, ${such}`, (entry) => {
    const colon = entry.indexOf(':');
    const kind = entry.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    const form = providers.find((provider) => provider.kind === kind)?.secret;
    if (!form)
      return fault(
        `must begin with ${providers.map((provider) => provider.kind).join(':, ')}:, ${such} A comma inside a secret is written %2C.`,
      );
    const secret = form.read(entry.slice(colon + 1).trim());
    return secret === undefined
      ? fault(`${kind}: ${form.wants}, such as HOOK_SECRETS=${form.example}.`)
      : value({ provider: kind, secret });
  });
}
