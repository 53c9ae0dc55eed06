import { IsIn } from 'class-validator';
import { getCountries } from 'libphonenumber-js/min';
import { MASK } from '../core/mask.js';
import { parsePhoneNumber } from '../core/phone-number.js';
import { type EntryForm, type ProviderForm, readEntry, type SecretForm } from './provider-entries.js';
import { GUARD_MODES, type GuardMode, type TestNumber, type TransportSettings } from './settings.js';
import {
  type Context,
  fault,
  isHostName,
  list,
  numberUpTo,
  type Parsed,
  readEach,
  readSwitch,
  value,
  type Variable,
} from './values.js';

/** What a provider of SMS says of its configuration; its file in mail/sms says the rest. */
export interface SmsProviderForm {
  readonly kind: string;
  readonly entry: EntryForm<unknown>;
  readonly secret?: SecretForm<unknown>;
}

/** Those that tell something later, as HOOK_SECRETS asks of providers. */
export function withReceipts(providers: readonly SmsProviderForm[]): Pick<ProviderForm, 'kind' | 'secret'>[] {
  return providers.flatMap(({ kind, secret }) => (secret === undefined ? [] : [{ kind, secret }]));
}

/** The rows of SMS. */
export function smsVariables(providers: readonly SmsProviderForm[]) {
  const kinds = providers.map(({ kind }) => `${kind}:`);
  return [
    {
      name: 'SMS_TRANSPORTS',
      default: 'none: codes go by mail alone',
      meaning:
        `Transports for codes by SMS, comma-separated, the preferred one first: ${kinds.join(', ')} (see docs/sms.md) or capture: ` +
        '(kept for the built-in inbox, sent to nobody). ?rate=, ?daily= and ?connections= as in MAIL_TRANSPORTS. Special characters ' +
        'in credentials are percent-encoded.',
      example: providers[0]!.entry.example,
      secret: (text) => maskSmsTransports(text, providers),
      read: (text, context) => readSmsTransports(text, context, providers),
    },
    {
      name: 'SMS_COUNTRIES',
      default: 'none; required with SMS_TRANSPORTS',
      meaning:
        'Countries to whose numbers codes may go, as ISO 3166-1 has them, comma-separated. Whoever is paid for text messages asks for ' +
        'codes to far countries: name those that your customers live in.',
      example: 'PH,DE',
      needed: ({ isGiven }) => (isGiven('SMS_TRANSPORTS') ? 'is required with SMS_TRANSPORTS' : undefined),
      read: readCountries,
    },
    {
      name: 'SMS_DOMAIN',
      default: 'the host of APP_URL',
      meaning:
        'Domain of the page on which codes are typed: the last line of each text names it, and browsers fill in the code there alone.',
      example: 'shop.example.com',
      read: (text, { such }) =>
        isHostName(text) && text.includes('.') ? value(text.toLowerCase()) : fault(`must be a domain, ${such}`),
    },
    {
      name: 'SMS_DAILY',
      fallback: '1000',
      meaning: 'Messages by SMS a UTC day, all numbers together; then codes go by mail alone until the day ends.',
      example: '1000',
      read: numberUpTo(999_999, 'of messages'),
    },
    {
      name: 'SMS_GUARD',
      fallback: 'on',
      meaning:
        'What becomes of codes by SMS where too few are given back, of one number, of numbers like it or of its country: on (refused until ' +
        'the UTC day ends), record (sent, and told in the log and in /metrics) or off. See docs/sms.md.',
      example: 'record',
      checks: [IsIn(GUARD_MODES, { message: `must be ${GUARD_MODES.join(', ')}, such as SMS_GUARD=record.` })],
      read: (text) => value(text as GuardMode),
    },
    {
      name: 'SMS_SIGN_IN',
      fallback: 'off',
      meaning:
        'Whether a code to the verified number of an account signs in, sets a new password and confirms that it is still they: on or off. ' +
        'Read docs/security.md first: whoever gets hold of the number gets hold of the account.',
      example: 'on',
      read: readSwitch,
    },
    {
      name: 'SMS_TEST_NUMBERS',
      default: 'none',
      meaning:
        'Numbers that get no text and whose code is always the same, comma-separated, each with its code of six to ten digits and the day ' +
        'on which that ends. In production they need SMS_TEST_IN_PRODUCTION=on: whoever knows one can sign in as it.',
      secret: 'whole',
      example: '+15005550006:123456:2027-01-31',
      read: readTestNumbers,
    },
    {
      name: 'SMS_TEST_IN_PRODUCTION',
      fallback: 'off',
      meaning: 'Whether SMS_TEST_NUMBERS is taken in production: on or off.',
      example: 'on',
      read: readSwitch,
    },
  ] as const satisfies readonly Variable[];
}

/** Reads SMS_TRANSPORTS, in order of preference. The remedy names every entry that is wrong. */
function readSmsTransports(
  text: string,
  { such, production, valueOf }: Context,
  providers: readonly SmsProviderForm[],
): Parsed<TransportSettings[]> {
  const transports = readEach(text, `must name a transport, ${such}`, (entry): Parsed<TransportSettings> => {
    const kind = entry.split(':', 1)[0]!.toLowerCase();
    if (kind === 'capture')
      return entry.toLowerCase() === 'capture:'
        ? value({ kind, channel: 'sms', name: 'capture:sms' })
        : fault('the built-in inbox takes nothing after the colon, such as SMS_TRANSPORTS=capture:.');
    const provider = providers.find((one) => one.kind === kind);
    if (entry.length === kind.length || !provider)
      return fault(
        `must begin with ${[...providers.map((one) => one.kind), 'capture'].join(':, ')}:, ${such} A comma inside a secret is written %2C.`,
      );
    const http = readEntry(kind, provider.entry, entry.slice(kind.length + 1), valueOf, 'SMS_TRANSPORTS');
    return http.kind === 'fault' ? http : value({ kind: 'http', channel: 'sms', provider: kind, ...http.value });
  });
  const diverted =
    production &&
    transports.kind === 'value' &&
    transports.value.some((one) => one.kind === 'http' && one.endpoint !== undefined);
  return diverted ? fault(`must not have ?endpoint= in production: it is for tests. Remove it, ${such}`) : transports;
}

/** SMS_TRANSPORTS for an error text: kinds alone. */
function maskSmsTransports(text: string, providers: readonly SmsProviderForm[]): string {
  const kinds = [...providers.map(({ kind }) => kind), 'capture'];
  return list(text)
    .map((entry) => {
      const kind = entry.split(':', 1)[0]!;
      return kinds.includes(kind.toLowerCase()) && entry.length > kind.length + 1 ? `${kind}:${MASK}` : MASK;
    })
    .join(',');
}

function readCountries(text: string, { such }: Context): Parsed<readonly string[]> {
  const known: readonly string[] = getCountries();
  const countries = list(text).map((one) => one.toUpperCase());
  const strange = countries.filter((one) => !known.includes(one));
  if (strange.length > 0)
    return fault(`must name countries with two letters each, and ${strange.join(', ').slice(0, 60)} is none, ${such}`);
  return countries.length === 0 ? fault(`must name a country, ${such}`) : value([...new Set(countries)]);
}

function readTestNumbers(text: string, { such, production, valueOf }: Context): Parsed<TestNumber[]> {
  if (production && valueOf('SMS_TEST_IN_PRODUCTION') !== true)
    return fault(
      'is not taken in production, for whoever knows one can sign in as it. Remove it, or set SMS_TEST_IN_PRODUCTION=on.',
    );
  return readEach(text, `must name a number, its code and its last day, ${such}`, (entry): Parsed<TestNumber> => {
    const [typed = '', code = '', day = '', ...more] = entry.split(':').map((part) => part.trim());
    const number = parsePhoneNumber(typed)?.e164;
    const isDay = /^\d{4}-\d\d-\d\d$/.test(day) && !Number.isNaN(Date.parse(day));
    if (number === undefined || !/^\d{6,10}$/.test(code) || !isDay || more.length > 0)
      return fault(`must be a number with its country, a code of six to ten digits and a day, ${such}`);
    return value({ number, code, until: new Date(`${day}T23:59:59.999Z`) });
  });
}
