import { createPrivateKey } from 'node:crypto';
import { resolve } from 'node:path';
import { domainToASCII } from 'node:url';
import { isLane, type Lane, LANES, MAIL_LANES } from '../core/lanes.js';
import { MASK, maskUrl } from '../core/mask.js';
import { isOneLine } from '../core/one-line.js';
import { parseRate, type Rate } from '../core/rate.js';
import { BRAND_VARIABLES } from './brand-entries.js';
import { type EntryForm, type ProviderForm, readEntry } from './provider-entries.js';
import { readBounceAddress, readSender, readSenders } from './sender-entries.js';
import type { TransportSettings } from './settings.js';
import { readSmtp, readSmtpPorts } from './smtp-entry.js';
import { readSmtpListen } from './smtp-listen.js';
import { distance } from './names.js';
import {
  type Context,
  fault,
  inProduction,
  isHostName,
  list,
  type Parsed,
  readEach,
  readPort,
  readSwitch,
  value,
  type Variable,
  wholeNumber,
} from './values.js';

const CONCURRENCY: Readonly<Record<Lane, number>> = { critical: 8, default: 8, bulk: 4, sms: 8 };

/** The rows of mail, with the variables that providers have of their own behind MAIL_TRANSPORTS. */
export function mailVariables(providers: readonly ProviderForm[]) {
  const kinds = providers.map(({ kind }) => `${kind}:`);
  return [
    {
      name: 'MAIL_FROM',
      fallback: 'Otpost <no-reply@localhost>',
      default: 'Otpost <no-reply@localhost>; required in production',
      meaning: 'Sender of every mail. Its display name is how mails call the product.',
      example: 'Acme <no-reply@example.com>',
      needed: inProduction,
      read: readSender,
    },
    {
      name: 'MAIL_SENDERS',
      default: 'none: MAIL_FROM alone',
      meaning:
        'What else back ends may send from, comma-separated: addresses, and domains with an @ before them, which stand for all ' +
        'addresses of exactly that domain.',
      example: 'billing@example.com,@news.example.com',
      read: readSenders,
    },
    ...BRAND_VARIABLES,
    {
      name: 'MAIL_TRANSPORTS',
      fallback: 'capture:',
      default: 'capture:; required in production',
      meaning:
        'Transports for mail, comma-separated, the preferred one first: smtp:// (STARTTLS; without a port see SMTP_PORTS), smtps:// (TLS, port 465), ' +
        `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1)} (see docs/transports.md), file: (written to a folder) ` +
        'or capture: (kept for the built-in inbox, sent to nobody). Plain SMTP is for loopback, elsewhere only with ?tls=off ' +
        'and without credentials; ?tls=on asks for STARTTLS on loopback too. ?rate=50/min, ?daily=500 and ?connections=5 bound one of them. Special characters in ' +
        'credentials are percent-encoded.',
      example: 'smtp://user:password@smtp.example.com:587',
      secret: (text) => maskTransports(text, providers),
      needed: inProduction,
      read: (text, context) => readTransports(text, context, providers),
    },
    ...providers.flatMap(({ variables = [] }) => variables),
    {
      name: 'SMTP_PORTS',
      fallback: '587,465,2525',
      meaning:
        'Ports that are tried in this order for smtp:// without a port. 465 is TLS from the first byte, the others STARTTLS.',
      example: '587,465,2525',
      read: readSmtpPorts,
    },
    {
      name: 'SMTP_LISTEN',
      default: 'none: no mail is taken in by SMTP',
      meaning:
        'Where web processes take in mail of back ends by SMTP, comma-separated: ports, on HOST, or addresses and ports. 465 is TLS from the first byte, ' +
        'the others begin in plain text and require STARTTLS where there is a certificate; without one only loopback and private networks get in. ' +
        '?tls=off takes plain text from everywhere, ?tls=implicit is TLS from the first byte on another port. The password is an API key; see docs/smtp.md.',
      example: '587,465',
      read: readSmtpListen,
    },
    {
      name: 'SMTP_TLS_CERT',
      default: 'none: mail is taken in without TLS',
      meaning:
        'File with the certificate of SMTP_LISTEN and those it depends on, in PEM; read again when it changes. Needs SMTP_TLS_KEY.',
      example: '/etc/otpost/tls.crt',
      needed: ({ isGiven }) => (isGiven('SMTP_TLS_KEY') ? 'is required with SMTP_TLS_KEY' : undefined),
      read: readFilePath,
    },
    {
      name: 'SMTP_TLS_KEY',
      default: 'none',
      meaning: 'File with its private key, in PEM.',
      secret: (text) => (text.includes('-----BEGIN') ? MASK : text),
      example: '/etc/otpost/tls.key',
      needed: ({ isGiven }) => (isGiven('SMTP_TLS_CERT') ? 'is required with SMTP_TLS_CERT' : undefined),
      read: readFilePath,
    },
    {
      name: 'BOUNCE_ADDRESS',
      default: 'none: bounces come to the sender',
      meaning:
        'Mailbox that pipes to "otpost bounce": mail that goes out by SMTP returns to it, with +<id of the message> before the @.',
      example: 'bounce@bounces.example.com',
      read: readBounceAddress,
    },
    {
      name: 'DKIM_SELECTOR',
      default: 'none: mail is not signed here',
      meaning:
        'Signs mail that goes out by SMTP: what stands before ._domainkey in DNS. Needs DKIM_PRIVATE_KEY. HTTP providers sign themselves.',
      example: 'otpost',
      needed: ({ isGiven }) => (isGiven('DKIM_PRIVATE_KEY') ? 'is required with DKIM_PRIVATE_KEY' : undefined),
      read: (text, { such }) =>
        /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(text)
          ? value(text)
          : fault(`must be what stands before ._domainkey in DNS, ${such}`),
    },
    {
      name: 'DKIM_PRIVATE_KEY',
      default: 'none',
      meaning: 'The RSA key that signs, in PEM or that in base64.',
      secret: 'whole',
      example: '<the output of: openssl genrsa 2048 | base64 -w0>',
      needed: ({ isGiven }) => (isGiven('DKIM_SELECTOR') ? 'is required with DKIM_SELECTOR' : undefined),
      read: readDkimKey,
    },
    {
      name: 'DKIM_DOMAIN',
      default: 'the domain of MAIL_FROM',
      meaning: 'The domain that signs, where it is another one.',
      example: 'example.com',
      read: readDkimDomain,
    },
    {
      name: 'MAIL_RATE',
      default: 'none',
      meaning:
        'How much mail may go out by each transport that has no ?rate= of its own, all workers together, such as 50/min; ' +
        'spread evenly, with a reserve for codes.',
      example: '50/min',
      read: readMailRate,
    },
    {
      name: 'WORKER_LANES',
      fallback: ({ isGiven }) => (isGiven('SMS_TRANSPORTS') ? LANES : MAIL_LANES).join(','),
      default: `${MAIL_LANES.join(',')}, and sms with SMS_TRANSPORTS`,
      meaning: 'Lanes of mail that this process delivers when it is a worker.',
      example: 'critical,default',
      read: readLanes,
    },
    {
      name: 'WORKER_CONCURRENCY',
      fallback: LANES.map((lane) => `${lane}:${CONCURRENCY[lane]}`).join(','),
      meaning: 'Deliveries side by side, per lane and process, 1 to 100; lanes left out keep their default.',
      example: 'critical:8,bulk:2',
      read: readConcurrency,
    },
    {
      name: 'WORKER_PORT',
      default: 'none: a worker opens no port',
      meaning:
        'Port on which a process with ROLE=worker answers /health, /health/live and /metrics, and nothing else; 0 lets the system choose.',
      example: '3001',
      read: readPort,
    },
    {
      name: 'OUTBOX_RESCUE',
      fallback: 'on',
      meaning: 'Whether a web process delivers due mail itself once no worker has been alive for 30 s: on or off.',
      example: 'off',
      read: readSwitch,
    },
    {
      name: 'RESEND_COMPAT',
      fallback: 'on',
      meaning:
        "Whether Resend's SDKs may send and read mail here, at /emails beside /v1: on or off (see docs/resend.md).",
      example: 'off',
      read: readSwitch,
    },
  ] as const satisfies readonly Variable[];
}

/** An entry that is no SMTP and no provider, but is read as theirs are. */
const FILE: EntryForm<{ folder: string }> = {
  example: 'file:/var/spool/otpost',
  wants: 'a folder, without ~',
  // Only a shell expands the tilde; here it would silently create a folder of that name.
  read: (body) => (body === '' || body.startsWith('~') || body.includes('\0') ? undefined : { folder: body }),
  name: ({ folder }) => `file:${folder}`,
  secrets: () => [],
};

function kindsOf(providers: readonly ProviderForm[]): string[] {
  return ['smtp', 'smtps', 'capture', ...providers.map(({ kind }) => kind), 'file'];
}

/** Reads MAIL_TRANSPORTS, in order of preference. The remedy names every entry that is wrong. */
function readTransports(
  text: string,
  { such, production, valueOf }: Context,
  providers: readonly ProviderForm[],
): Parsed<TransportSettings[]> {
  const ports = valueOf('SMTP_PORTS') as number[] | undefined;
  const transports = readEach(text, `must name a transport, ${such}`, (entry): Parsed<TransportSettings> => {
    const kind = entry.split(':', 1)[0]!.toLowerCase();
    const rest = entry.slice(kind.length + 1);
    if (kind === 'capture')
      return entry.toLowerCase() === 'capture:'
        ? value({ kind, name: kind })
        : fault('the built-in inbox takes nothing after the colon, such as MAIL_TRANSPORTS=capture:.');
    if (kind === 'smtp' || kind === 'smtps') return readSmtp(entry, ports ?? []);
    const provider = providers.find((one) => one.kind === kind);
    if (entry.length > kind.length && kind === 'file') {
      const file = readEntry(kind, FILE, rest, valueOf);
      if (file.kind === 'fault') return file;
      const { account, ...common } = file.value;
      return value({ kind, ...common, ...account });
    }
    if (entry.length > kind.length && provider) {
      const http = readEntry(kind, provider.entry, rest, valueOf);
      return http.kind === 'fault' ? http : value({ kind: 'http', provider: kind, ...http.value });
    }
    const [smtp, smtps, ...others] = kindsOf(providers);
    return fault(
      `must begin with ${smtp}://, ${smtps}://, ${others.join(':, ')}:, ${such} A comma inside a password is written %2C.`,
    );
  });
  const diverted =
    production && transports.kind === 'value'
      ? transports.value.find((one) => one.kind === 'http' && one.endpoint !== undefined)
      : undefined;
  const example = providers.find(({ kind }) => diverted?.kind === 'http' && kind === diverted.provider)?.entry.example;
  return example === undefined
    ? transports
    : fault(`must not have ?endpoint= in production: it is for tests. Remove it, such as MAIL_TRANSPORTS=${example}.`);
}

/** MAIL_TRANSPORTS for an error text. */
function maskTransports(text: string, providers: readonly ProviderForm[]): string {
  const kinds = kindsOf(providers);
  const entries = list(text).map((entry) => {
    const kind = entry.split(':', 1)[0]!;
    // As written, when it is ours or nearly so; anything else might be a piece of a secret.
    if (!kinds.some((known) => distance(kind.toLowerCase(), known) <= 1)) return MASK;
    if (entry.slice(kind.length).startsWith('://')) return maskUrl(kind.toLowerCase() + entry.slice(kind.length));
    const rest = entry.slice(kind.length + 1);
    return entry.length > kind.length ? `${kind}:${rest === '' ? '' : MASK}` : kind;
  });
  // An entry that begins with no kind may be the rest of a password with a comma in it, and so may its neighbours.
  return entries.includes(MASK) ? MASK : entries.join(',');
}

/** In DNS, and so in the signature, a domain beyond ASCII has its form in ASCII (UTS 46). */
function readDkimDomain(text: string, { such }: Context): Parsed<string> {
  const domain = /[^\0-\x7f]/.test(text) ? domainToASCII(text) : text.toLowerCase();
  return isHostName(domain) && domain.includes('.') ? value(domain) : fault(`must be a domain, ${such}`);
}

/** Only a shell expands the tilde. PEM itself, in place of its file, is a slip that would show the key in a message. */
function readFilePath(text: string, { such }: Context): Parsed<string> {
  return text.startsWith('~') || !isOneLine(text) || text.includes('-----BEGIN')
    ? fault(`must be the path of a file, without ~, ${such}`)
    : value(resolve(text));
}

/** PEM, as it is, on one line with \n for its line breaks, or in base64. nodemailer signs with RSA only. */
function readDkimKey(text: string, { such }: Context): Parsed<string> {
  const pem = text.includes('-----BEGIN') ? text.replaceAll('\\n', '\n') : Buffer.from(text, 'base64').toString('utf8');
  try {
    const key = createPrivateKey(pem);
    // Verifiers refuse shorter ones (RFC 8301 §3.2).
    if (key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 1024) return value(pem);
  } catch {
    // What OpenSSL makes of it would repeat none of the text, and help nobody.
  }
  return fault(`must be an RSA private key of at least 1024 bits in PEM, or that in base64, ${such}`);
}

function readMailRate(text: string, { such }: Context): Parsed<Rate> {
  const rate = parseRate(text);
  return rate ? value(rate) : fault(`must be a number of messages in a time, ${such.slice(0, -1)} (s, min, h or day).`);
}

function readLanes(text: string, { such }: Context): Parsed<Lane[]> {
  const named = list(text);
  return named.length > 0 && named.every(isLane)
    ? value(LANES.filter((lane) => named.includes(lane)))
    : fault(`must name lanes out of ${LANES.join(', ')}, ${such}`);
}

/** Lanes that the text leaves out keep their default. */
function readConcurrency(text: string, { such }: Context): Parsed<Record<Lane, number>> {
  const remedy = fault(`must give lanes out of ${LANES.join(', ')} a number from 1 to 100, each once, ${such}`);
  const concurrency = new Map<Lane, number>();
  for (const entry of list(text)) {
    const [lane = '', digits = '', ...more] = entry.split(':').map((part) => part.trim());
    const count = wholeNumber(digits);
    if (!isLane(lane) || concurrency.has(lane) || more.length > 0) return remedy;
    if (count === undefined || count < 1 || count > 100) return remedy;
    concurrency.set(lane, count);
  }
  return concurrency.size === 0 ? remedy : value({ ...CONCURRENCY, ...Object.fromEntries(concurrency) });
}
