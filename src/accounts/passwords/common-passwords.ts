import { createRequire } from 'node:module';
import { MIN_LENGTH } from './password-policy.js';

/** The list is ordered by frequency; of its first 10,000 some 3,500 are long enough to be chosen (ASVS 6.2.4 asks for 3,000). */
const TRIED_FIRST = 10_000;

let loaded: ReadonlySet<string> | undefined;

/** Passwords that are tried first, in lower case; read once, when a password is chosen for the first time (10 ms). */
export function commonPasswords(): ReadonlySet<string> {
  return (loaded ??= load());
}

function load(): ReadonlySet<string> {
  const require = createRequire(import.meta.url);
  const file = require.resolve('@zxcvbn-ts/language-common/dist/passwords.json.cjs');
  const list: unknown = require(file);
  delete require.cache[file]; // five times as much as is needed
  if (!Array.isArray(list)) throw new TypeError('the list of common passwords is none');
  return new Set(list.slice(0, TRIED_FIRST).map((password) => String(password).toLowerCase()).filter(({ length }) => length >= MIN_LENGTH));
}
