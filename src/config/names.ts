import type { ProviderForm } from './provider-entries.js';

/**
 * Variables that people have from Django, Laravel, Celery and others, translated into ours, so that what worked there
 * starts here. Ours win; a translation is told at start, by names alone.
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
const SENDERS = [
  ...['DEFAULT_FROM_EMAIL', 'MAIL_FROM_ADDRESS', 'MAIL_DEFAULT_SENDER', 'EMAIL_FROM', 'EMAIL_FROM_ADDRESS'],
  ...['SMTP_FROM', 'SMTP_FROM_EMAIL', 'SMTP_FROM_ADDRESS', 'SMTP_MAIL_FROM'],
] as const;
/** How the sender is called, where its variable has an address alone. */
const SENDER_NAMES = ['MAIL_FROM_NAME', 'EMAIL_FROM_NAME', 'SMTP_FROM_NAME'] as const;
const SWITCHES = ['EMAIL_USE_TLS', 'EMAIL_USE_SSL'] as const;
/** All names that are understood, but for the keys of providers. */
const FAMILIAR_NAMES: readonly string[] = [
  ...HOSTS,
  ...PORTS,
  ...USERS,
  ...PASSWORDS,
  ...SENDERS,
  ...SENDER_NAMES,
  ...SWITCHES,
];

/** @param given without empty variables */
export function translateFamiliarNames(given: Given, providers: readonly ProviderForm[]): Translation {
  const env: Record<string, string> = { ...given };
  const notes: string[] = [];
  const transports = [smtpFrom(given), ...keysFrom(given, providers)].filter((found) => found !== undefined);
  if (transports.length > 0) {
    const used = transports.flatMap(({ names }) => names);
    if (given['MAIL_TRANSPORTS'] === undefined) {
      env['MAIL_TRANSPORTS'] = transports.map(({ entry }) => entry).join(',');
      notes.push(`MAIL_TRANSPORTS is not set; it was made of ${used.join(', ')}.`);
    } else {
      notes.push(`${used.join(', ')}: not used, because MAIL_TRANSPORTS is set.`);
    }
  }
  const sender = given['MAIL_FROM'] === undefined ? senderFrom(given) : undefined;
  if (sender) {
    env['MAIL_FROM'] = sender.value;
    const [what, verb] = sender.names.length > 1 ? [sender.names.join(' and '), 'stand'] : [sender.names[0]!, 'stands'];
    notes.push(`MAIL_FROM is not set; ${what} ${verb} in for it.`);
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
  const switches = SWITCHES.filter((name) => given[name] !== undefined);
  return { entry: entry.replaceAll(',', '%2C'), names: [...names, ...switches] };
}

/** Where none is named, whoever logs in with an address sends from it: servers that know their people take no other. */
function senderFrom(given: Given): { value: string; names: string[] } | undefined {
  const user = firstOf(given, HOSTS) && given['MAIL_TRANSPORTS'] === undefined ? firstOf(given, USERS) : undefined;
  const sender =
    firstOf(given, SENDERS) ?? (user && /^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$/.test(user.value) ? user : undefined);
  if (!sender) return undefined;
  const called = sender.value.includes('<') ? undefined : firstOf(given, SENDER_NAMES);
  if (!called) return { value: sender.value, names: [sender.name] };
  return { value: `"${called.value.replaceAll('"', "'")}" <${sender.value}>`, names: [sender.name, called.name] };
}

function keysFrom(given: Given, providers: readonly ProviderForm[]): { entry: string; names: string[] }[] {
  return providers.flatMap(({ kind, familiarKey: name }) =>
    name === undefined || given[name] === undefined ? [] : [{ entry: `${kind}:${given[name]}`, names: [name] }],
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

/**
 * One warning per name that is not ours but so near to one of ours that it was probably meant. Values are not looked
 * at.
 */
export function misspellings(
  names: readonly string[],
  known: readonly string[],
  providers: readonly ProviderForm[],
): string[] {
  const right = [...known, ...FAMILIAR_NAMES, ...providers.map(({ familiarKey }) => familiarKey)];
  return names.flatMap((name) => {
    const meant = right.includes(name) ? undefined : nearest(name, known);
    return meant ? [`${name} is not a setting of Otpost and is ignored. Did you mean ${meant}?`] : [];
  });
}

function nearest(name: string, known: readonly string[]): string | undefined {
  const near = known
    .filter((candidate) => Math.abs(candidate.length - name.length) <= tolerance(candidate)) // no fewer steps than that
    .map((candidate) => ({ candidate, steps: distance(name.toUpperCase(), candidate) }))
    .filter(({ candidate, steps }) => steps <= tolerance(candidate))
    .sort((a, b) => a.steps - b.steps);
  return near[0]?.candidate;
}

/**
 * Two slips in a short name make another word: HOME, which is always set, is two letters away from HOST and from ROLE.
 */
function tolerance(name: string): number {
  return name.length < 8 ? 1 : 2;
}

/** Edit distance in which swapping two neighbours is one step (optimal string alignment). */
export function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const above = rows[i - 1]!;
      const substituted = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(above[j]! + 1, row[j - 1]! + 1, substituted);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, rows[i - 2]![j - 2]! + 1);
      }
      row.push(least);
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}
