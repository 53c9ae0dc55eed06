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

/** Names that go together: the host of one program with the password of another makes no transport. */
interface Family {
  hosts: readonly string[];
  ports: readonly string[];
  users: readonly string[];
  passwords: readonly string[];
  /** TLS from the first byte where one of them says so. */
  implicit: readonly string[];
  /** Whether there is TLS at all. */
  tls: readonly string[];
  /** Which way mail goes: another than by SMTP, and the rest of the family means nothing. */
  way: readonly string[];
}

const FAMILIES: readonly Family[] = [
  {
    hosts: ['EMAIL_HOST', 'SMTP_HOST'],
    ports: ['EMAIL_PORT', 'SMTP_PORT'],
    users: ['EMAIL_HOST_USER', 'SMTP_USER', 'SMTP_USERNAME'],
    passwords: ['EMAIL_HOST_PASSWORD', 'SMTP_PASSWORD', 'SMTP_PASS'],
    implicit: ['EMAIL_USE_SSL'],
    tls: ['EMAIL_USE_TLS'],
    way: [],
  },
  {
    // Laravel and Flask-Mail.
    hosts: ['MAIL_HOST', 'MAIL_SERVER'],
    ports: ['MAIL_PORT'],
    users: ['MAIL_USERNAME'],
    passwords: ['MAIL_PASSWORD'],
    implicit: ['MAIL_USE_SSL', 'MAIL_ENCRYPTION', 'MAIL_SCHEME'],
    tls: ['MAIL_USE_TLS'],
    way: ['MAIL_MAILER', 'MAIL_DRIVER'],
  },
];
const SENDERS = [
  ...['DEFAULT_FROM_EMAIL', 'MAIL_FROM_ADDRESS', 'MAIL_DEFAULT_SENDER', 'EMAIL_FROM', 'EMAIL_FROM_ADDRESS'],
  ...['SMTP_FROM', 'SMTP_FROM_EMAIL', 'SMTP_FROM_ADDRESS', 'SMTP_MAIL_FROM'],
] as const;
/** How the sender is called, where its variable has an address alone. */
const SENDER_NAMES = ['MAIL_FROM_NAME', 'EMAIL_FROM_NAME', 'SMTP_FROM_NAME'] as const;
/** All names that are understood, but for the keys of providers. */
const FAMILIAR_NAMES: readonly string[] = [
  ...FAMILIES.flatMap((family) => Object.values<readonly string[]>({ ...family }).flat()),
  ...SENDERS,
  ...SENDER_NAMES,
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
  const family = familyIn(given);
  if (!family) return undefined;
  const host = firstOf(given, family.hosts)!;
  const port = firstOf(given, family.ports, (value) => !value.includes('://'));
  const user = firstOf(given, family.users);
  const password = firstOf(given, family.passwords);
  const ssl = family.implicit.some((name) => isOn(given[name]) || /^(ssl|smtps)$/i.test(given[name] ?? ''));
  const implicit = ssl || port?.value === '465';
  const credentials = [user, password].map((part) => (part ? encodeURIComponent(part.value) : ''));
  // Django's default is no TLS at all; here that takes saying so, and never goes with a password.
  const tls = firstOf(given, family.tls);
  const plain = tls !== undefined && !isOn(tls.value) && !implicit && !user;
  const entry =
    `${implicit ? 'smtps' : 'smtp'}://${user || password ? `${credentials.join(':')}@` : ''}${bracketed(host.value)}` +
    `${port ? `:${port.value}` : ''}${plain ? '?tls=off' : ''}`;
  const names = [host, port, user, password].flatMap((part) => (part ? [part.name] : []));
  const switches = [...family.tls, ...family.implicit].filter((name) => firstOf(given, [name]) !== undefined);
  return { entry: entry.replaceAll(',', '%2C'), names: [...names, ...switches] };
}

/** The one that names a host, and sends by it. */
function familyIn(given: Given): Family | undefined {
  return FAMILIES.find(
    ({ hosts, way }) => firstOf(given, hosts) && (firstOf(given, way)?.value ?? 'smtp').toLowerCase() === 'smtp',
  );
}

/** Where none is named, whoever logs in with an address sends from it: servers that know their people take no other. */
function senderFrom(given: Given): { value: string; names: string[] } | undefined {
  const family = given['MAIL_TRANSPORTS'] === undefined ? familyIn(given) : undefined;
  const user = family && firstOf(given, family.users);
  const sender =
    firstOf(given, SENDERS) ?? (user && /^[^\s@<>"]+@[^\s@<>"]+\.[^\s@<>"]+$/.test(user.value) ? user : undefined);
  if (!sender) return undefined;
  // Laravel has "${APP_NAME}" there, which not every reader of .env expands.
  const called = sender.value.includes('<') ? undefined : firstOf(given, SENDER_NAMES, (name) => !name.includes('${'));
  if (!called) return { value: sender.value, names: [sender.name] };
  return { value: `"${called.value.replaceAll('"', "'")}" <${sender.value}>`, names: [sender.name, called.name] };
}

function keysFrom(given: Given, providers: readonly ProviderForm[]): { entry: string; names: string[] }[] {
  return providers.flatMap(({ kind, familiarKey: name }) =>
    name === undefined || given[name] === undefined ? [] : [{ entry: `${kind}:${given[name]}`, names: [name] }],
  );
}

/**
 * @param fits what the value is to be: Kubernetes and Docker's links write addresses such as tcp://10.0.0.1:25 into the
 *   port of a service of that name
 */
function firstOf(
  given: Given,
  names: readonly string[],
  fits: (value: string) => boolean = () => true,
): { name: string; value: string } | undefined {
  const name = names.find(
    (candidate) => given[candidate] !== undefined && !isNothing(candidate, given) && fits(given[candidate]),
  );
  return name === undefined ? undefined : { name, value: given[name]! };
}

/** Laravel writes null for what there is not. */
function isNothing(name: string, given: Given): boolean {
  return name.startsWith('MAIL_') && /^(null|\(null\))$/i.test(given[name]!);
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

/**
 * Any of these present means production: who deploys there and forgets NODE_ENV must not run with development's
 * defaults.
 */
export const PRODUCTION_MARKERS = [
  'RENDER',
  'RAILWAY_ENVIRONMENT',
  'RAILWAY_ENVIRONMENT_NAME',
  'KUBERNETES_SERVICE_HOST',
] as const;
