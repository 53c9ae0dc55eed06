/**
 * Variables that people have from Django, Celery and others, translated into ours, so that what worked there starts
 * here. Ours win; a translation is told at start, by names alone.
 */
export interface Translation {
  env: Record<string, string>;
  notes: string[];
}

type Given = Readonly<Record<string, string>>;

const HOSTS = ['EMAIL_HOST', 'SMTP_HOST'] as const;
const PORTS = ['EMAIL_PORT', 'SMTP_PORT'] as const;
const USERS = ['EMAIL_HOST_USER', 'SMTP_USER', 'SMTP_USERNAME'] as const;
const PASSWORDS = ['EMAIL_HOST_PASSWORD', 'SMTP_PASSWORD', 'SMTP_PASS'] as const;
const SENDERS = ['DEFAULT_FROM_EMAIL', 'EMAIL_FROM', 'SMTP_FROM'] as const;
/** By variable: the kind of entry that its value makes. */
const API_KEYS = { SENDGRID_API_KEY: 'sendgrid' } as const;

/** All names that are understood; those in this list are not misspellings of ours. */
export const FAMILIAR_NAMES: readonly string[] = [
  ...HOSTS, ...PORTS, ...USERS, ...PASSWORDS, ...SENDERS, 'EMAIL_USE_TLS', 'EMAIL_USE_SSL', ...Object.keys(API_KEYS),
];

/** @param given without empty variables */
export function translateFamiliarNames(given: Given): Translation {
  const env: Record<string, string> = { ...given };
  const notes: string[] = [];
  const transports = [smtpFrom(given), ...keysFrom(given)].filter((found) => found !== undefined);
  if (transports.length > 0) {
    const used = transports.flatMap(({ names }) => names);
    if (given['MAIL_TRANSPORTS'] === undefined) {
      env['MAIL_TRANSPORTS'] = transports.map(({ entry }) => entry).join(',');
      notes.push(`MAIL_TRANSPORTS is not set; it was made of ${used.join(', ')}.`);
    } else {
      notes.push(`${used.join(', ')}: not used, because MAIL_TRANSPORTS is set.`);
    }
  }
  const sender = firstOf(given, SENDERS);
  if (sender && given['MAIL_FROM'] === undefined) {
    env['MAIL_FROM'] = sender.value;
    notes.push(`MAIL_FROM is not set; ${sender.name} stands in for it.`);
  }
  return { env, notes };
}

function smtpFrom(given: Given): { entry: string; names: string[] } | undefined {
  const host = firstOf(given, HOSTS);
  if (!host) return undefined;
  const port = firstOf(given, PORTS);
  const user = firstOf(given, USERS);
  const password = firstOf(given, PASSWORDS);
  const ssl = isOn(given['EMAIL_USE_SSL']) || port?.value === '465';
  const credentials = [user, password].map((part) => (part ? encodeURIComponent(part.value) : ''));
  // Django's default is no TLS at all; here that takes saying so, and never goes with a password.
  const plain = given['EMAIL_USE_TLS'] !== undefined && !isOn(given['EMAIL_USE_TLS']) && !ssl && !user;
  const entry =
    `${ssl ? 'smtps' : 'smtp'}://${user || password ? `${credentials.join(':')}@` : ''}${bracketed(host.value)}` +
    `${port ? `:${port.value}` : ''}${plain ? '?tls=off' : ''}`;
  const names = [host, port, user, password].flatMap((part) => (part ? [part.name] : []));
  const switches = ['EMAIL_USE_TLS', 'EMAIL_USE_SSL'].filter((name) => given[name] !== undefined);
  return { entry: entry.replaceAll(',', '%2C'), names: [...names, ...switches] };
}

function keysFrom(given: Given): { entry: string; names: string[] }[] {
  return Object.entries(API_KEYS).flatMap(([name, kind]) =>
    given[name] === undefined ? [] : [{ entry: `${kind}:${given[name]}`, names: [name] }],
  );
}

function firstOf(given: Given, names: readonly string[]): { name: string; value: string } | undefined {
  const name = names.find((candidate) => given[candidate] !== undefined);
  return name === undefined ? undefined : { name, value: given[name]! };
}

function isOn(text: string | undefined): boolean {
  return /^(1|true|yes|on)$/i.test(text ?? '');
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
