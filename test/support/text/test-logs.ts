import { randomUUID } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * Where the gate looks afterwards whether a secret got into a log; see tools/secrets-in-logs.mjs. Unset: nothing is
 * kept.
 */
const FOLDER = process.env['TEST_LOGS'];
/** Shorter ones are placeholders of tests of refusals, and come up by themselves. */
const MIN_LENGTH = 8;
const MIN_TOKEN_LENGTH = 16;

type Kind = 'code' | 'token' | 'password' | 'link' | 'cookie' | 'configuration';

/** Members of requests and answers that are secret, wherever they stand. */
const MEMBERS: Record<string, Kind> = {
  code: 'code',
  accessToken: 'token',
  refreshToken: 'token',
  deviceToken: 'token',
  token: 'token',
  key: 'token',
  secret: 'token',
  password: 'password',
  newPassword: 'password',
  currentPassword: 'password',
};

const CONFIGURATION = [
  'APP_SECRET',
  'APP_SECRET_PREVIOUS',
  'INBOX_TOKEN',
  'METRICS_TOKEN',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'DKIM_PRIVATE_KEY',
  'HOOK_IN_SECRETS',
];

const noted = new Set<string>();

/** A place for what one process prints, or undefined when nobody looks at it. */
export function openLog(): { write(line: string): void } | undefined {
  if (FOLDER === undefined) return undefined;
  const folder = join(FOLDER, 'logs');
  mkdirSync(folder, { recursive: true });
  const file = join(
    folder,
    `${basename(expect.getState().testPath ?? 'unknown', '.spec.ts')}-${randomUUID().slice(0, 8)}.log`,
  );
  return { write: (line) => appendFileSync(file, line.endsWith('\n') ? line : `${line}\n`) };
}

/** Remembers a secret that passed; the same one is written down once. */
export function note(kind: Kind, value: string): void {
  if (FOLDER === undefined || noted.has(value) || !isTelling(kind, value)) return;
  noted.add(value);
  const folder = join(FOLDER, 'secrets');
  mkdirSync(folder, { recursive: true });
  appendFileSync(join(folder, `${process.pid}.jsonl`), `${JSON.stringify({ kind, value })}\n`);
}

/** Every secret in a request or an answer. */
export function noteBody(body: unknown): void {
  if (FOLDER === undefined || typeof body !== 'object' || body === null) return;
  for (const [name, value] of Object.entries(body)) {
    const kind = MEMBERS[name];
    if (typeof value === 'string' && kind) note(kind, value);
    else noteBody(value);
  }
}

/** Bearer tokens, what a device shows, and cookies both ways. */
export function noteHeaders(headers: Headers): void {
  if (FOLDER === undefined) return;
  for (const name of ['authorization', 'otpost-device']) note('token', headers.get(name)?.replace(/^\w+ +/, '') ?? '');
  for (const cookie of [headers.get('cookie') ?? '', ...headers.getSetCookie()]) {
    for (const [, value] of cookie.matchAll(/(?:^|; *)(?!path=|max-age=|samesite=|expires=)[^=;]+=([^;]+)/gi))
      note('cookie', value!);
  }
}

/** The code and the links of a mail. */
export function noteMail(text: string): void {
  if (FOLDER === undefined) return;
  if (/\bcode\b/i.test(text)) for (const [code] of text.matchAll(/\b\d{6,10}\b/g)) note('code', code);
  for (const [, token] of text.matchAll(/(?:\/l\/|[?&]t=|[?&]token=)([\w.~-]{16,})/g)) note('link', token!);
}

/** What a process is configured with. */
export function noteConfiguration(env: Record<string, string>): void {
  for (const name of CONFIGURATION) for (const value of (env[name] ?? '').split(',')) note('configuration', value);
}

function isTelling(kind: Kind, value: string): boolean {
  switch (kind) {
    case 'code':
      // Guesses such as 000000 come up in every fraction of a second.
      return /^\d{6,10}$/.test(value) && new Set(value).size > 2 && !'01234567890'.includes(value);
    case 'password':
      // Words and domains stand in every log.
      return value.length >= MIN_LENGTH && !/^[a-z]{1,15}$/i.test(value) && !/^[\w-]+(\.[\w-]+)+$/.test(value);
    default:
      return value.length >= MIN_TOKEN_LENGTH && new Set(value).size > 4;
  }
}
