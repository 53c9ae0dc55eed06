import { isKey, MIN_HOOK_SECRET_LENGTH } from './provider-entries.js';
import type { HookInProof, HookInSecret } from './settings.js';
import { decoded, fault, type Parsed, readEach, value } from './values.js';

const FORMS: Readonly<Record<string, { wants: string; read(rest: string): HookInProof | undefined }>> = {
  basic: { wants: 'basic:USER:PASSWORD', read: readBasic },
  bearer: { wants: 'bearer:TOKEN', read: readBearer },
  header: { wants: 'header:NAME:VALUE', read: named('header') },
  cookie: { wants: 'cookie:NAME:VALUE', read: named('cookie') },
  hmac: { wants: 'hmac:HEADER:KEY', read: keyed('hmac') },
  signed: { wants: 'signed:HEADER:KEY', read: keyed('signed') },
};

const SOURCE = /^(supabase|kratos|generic\/[a-z0-9][a-z0-9-]{0,63})$/;

/**
 * Reads HOOK_IN_SECRETS. The comma in `v1,whsec_…` is part of Supabase's secrets and separates no entries. A source may
 * stand there several times, and secrets joined by `|` are several: while one is replaced, each is good.
 */
export function readHookInSecrets(text: string, such: string): Parsed<HookInSecret[]> {
  const entries = text.replaceAll(/v1,(?=whsec_)/g, 'v1%2C');
  const read = readEach(entries, `must name a source and its proof, ${such}`, (entry): Parsed<HookInSecret[]> => {
    const colon = entry.indexOf(':');
    const source = entry.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    const rest = entry.slice(colon + 1).trim();
    if (!SOURCE.test(source))
      return fault(
        `must begin with supabase:, kratos: or generic/NAME:, ${such} A comma inside a secret is written %2C.`,
      );
    const proofs = /^v1(,|%2c)whsec_/i.test(rest) ? rest.split('|').map(readStandard) : [readForm(source, rest)];
    if (!proofs.every((proof) => proof !== undefined)) return fault(`${source}: ${wantsOf(source)}`);
    return value(proofs.map((proof) => ({ source, proof })));
  });
  return read.kind === 'fault' ? read : value(read.value.flat());
}

function wantsOf(source: string): string {
  if (source === 'supabase')
    return 'must be the secret of the Send Email Hook, several joined by |, such as HOOK_IN_SECRETS=supabase:v1,whsec_<base64>.';
  const forms = Object.values(FORMS).map(({ wants }) => wants);
  return (
    `must be one of ${forms.join(', ')} or v1,whsec_<base64>, such as HOOK_IN_SECRETS=${source}:bearer:<token>. ` +
    `Secrets have at least ${MIN_HOOK_SECRET_LENGTH} characters; special ones are percent-encoded.`
  );
}

function readForm(source: string, rest: string): HookInProof | undefined {
  const colon = rest.indexOf(':');
  const form = source === 'supabase' || colon < 0 ? '' : rest.slice(0, colon).toLowerCase();
  return Object.hasOwn(FORMS, form) ? FORMS[form]!.read(rest.slice(colon + 1)) : undefined;
}

function readStandard(secret: string): HookInProof | undefined {
  const key = /^v1,whsec_([A-Za-z0-9+/]{22,}={0,2})$/.exec(decoded(secret.trim()) ?? '')?.[1];
  return key === undefined ? undefined : { kind: 'standard', key };
}

function readBasic(rest: string): HookInProof | undefined {
  const [user, password] = inTwo(rest);
  return user && !user.includes(':') && isSecret(password) ? { kind: 'basic', user, password } : undefined;
}

function readBearer(rest: string): HookInProof | undefined {
  const token = decoded(rest);
  return isSecret(token) && isKey(token) ? { kind: 'bearer', token } : undefined;
}

/** The value is compared as it stands, `Bearer ` and all. */
function named(kind: 'header' | 'cookie'): (rest: string) => HookInProof | undefined {
  return (rest) => {
    const [name, text] = inTwo(rest);
    const isGood = isToken(name) && isSecret(text) && (kind === 'header' || /^[^;\s"\\,]+$/.test(text));
    return isGood ? { kind, name: kind === 'header' ? name.toLowerCase() : name, value: text } : undefined;
  };
}

function keyed(kind: 'hmac' | 'signed'): (rest: string) => HookInProof | undefined {
  return (rest) => {
    const [name, key] = inTwo(rest);
    return isToken(name) && isSecret(key) ? { kind, name: name.toLowerCase(), key } : undefined;
  };
}

function inTwo(rest: string): [string | undefined, string | undefined] {
  const colon = rest.indexOf(':');
  return colon < 0 ? [undefined, undefined] : [decoded(rest.slice(0, colon)), decoded(rest.slice(colon + 1))];
}

/** RFC 9110 §5.6.2: what the name of a header or of a cookie is made of. */
function isToken(text: string | undefined): text is string {
  return text !== undefined && /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(text);
}

/** Where mail comes in is open to the internet and not slowed down, so nothing may be guessed. */
function isSecret(text: string | undefined): text is string {
  return (
    text !== undefined && text.length >= MIN_HOOK_SECRET_LENGTH && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text)
  );
}
