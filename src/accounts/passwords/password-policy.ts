import { domainToASCII, domainToUnicode } from 'node:url';

/** Characters, after NFKC (OWASP ASVS 5.0, 6.2.1; NIST SP 800-63B-4 advises 15 where nothing else is asked for). */
export const MIN_LENGTH = 8;
/** Characters, after NFKC; all of them count (ASVS 6.2.8, 6.2.9). */
const MAX_LENGTH = 128;
/** UTF-16 units of what is looked at at all, wherever a password is given. */
export const MAX_PASSWORD_INPUT = 1_024;
/** Shorter words of the context prove nothing: `com` or a first name's two letters begin too many good passwords. */
const MIN_WORD = 3;

export interface PasswordFault {
  code: 'password_too_short' | 'password_too_long' | 'password_common' | 'password_contextual';
  /** Follows the name of the field, such as "must have ...". */
  message: string;
}

/** What guessers know of a password's owner, and of us. */
export interface PasswordContext {
  email: string;
  name?: string | null | undefined;
  /** How mails call the product. */
  product: string;
  /** The host of APP_URL. */
  host: string;
}

/** One form for what keyboards and phones write differently (NIST SP 800-63B-4, 3.1.1.2). */
export function normalForm(password: string): string {
  return password.normalize('NFKC');
}

/**
 * Why a new password is not taken; undefined when it is. There are no rules of composition (ASVS 6.2.5): its length,
 * and that it is no word that is tried first, alone or with digits and punctuation after it.
 * @param common in lower case
 */
export function passwordFault(
  password: string,
  context: PasswordContext,
  common: ReadonlySet<string>,
): PasswordFault | undefined {
  const normal = normalForm(password);
  const length = [...normal].length;
  if (length < MIN_LENGTH)
    return {
      code: 'password_too_short',
      message: `must have at least ${MIN_LENGTH} characters; a few words make a good one`,
    };
  if (length > MAX_LENGTH) return { code: 'password_too_long', message: `must have at most ${MAX_LENGTH} characters` };
  const lower = inSmall(password);
  if (beginnings(lower).some((beginning) => common.has(beginning))) {
    return { code: 'password_common', message: 'is one of those that are tried first; a few words make a good one' };
  }
  const forms = [lower, joined(lower)];
  if (contextWords(context).some((word) => forms.some((form) => isWordAndTail(form, word)))) {
    return {
      code: 'password_contextual',
      message: 'is the name, the address or the service itself, which is tried first; a few words make a good one',
    };
  }
  return undefined;
}

/** The password, and what is left of it as digits and punctuation go from its end. */
function beginnings(lower: string): string[] {
  const characters = [...lower];
  const found = [lower];
  while (characters.length > 0 && isTail(characters.at(-1)!)) {
    characters.pop();
    found.push(characters.join(''));
  }
  return found;
}

function isWordAndTail(text: string, word: string): boolean {
  return text.startsWith(word) && isTail(text.slice(word.length));
}

function isTail(text: string): boolean {
  return /^[\p{N}\p{P}\p{S}\p{Z}]*$/u.test(text);
}

/**
 * In lower case: names and addresses as they are, written in one word, and the words that they are made of. Domains
 * count in both their forms: what is refused shows in which of them an account has its address, or whether there is
 * one.
 */
function contextWords({ email, name, product, host }: PasswordContext): string[] {
  const at = email.lastIndexOf('@');
  const local = email.slice(0, at);
  const own = formsOf(email.slice(at + 1));
  const domains = [...own, ...formsOf(host)];
  const whole = [email, ...own.map((domain) => `${local}@${domain}`), ...domains].map(inSmall);
  const phrases = [local, name ?? '', product, ...domains.map(withoutTopLevel)].map(inSmall);
  const words = [...whole, ...phrases, ...[...whole, ...phrases].map(joined), ...phrases.flatMap(parts)];
  return [...new Set(words)].filter((word) => [...word].length >= MIN_WORD);
}

function inSmall(phrase: string): string {
  return normalForm(phrase).toLowerCase();
}

/** `bücher.example` and `xn--bcher-kva.example`, whichever of them is given. */
function formsOf(domain: string): string[] {
  return [domain, domainToASCII(domain), domainToUnicode(domain)];
}

/** Of example.com, `com` alone is nobody's word. */
function withoutTopLevel(domain: string): string {
  const dot = domain.lastIndexOf('.');
  return dot < 0 ? domain : domain.slice(0, dot);
}

function joined(phrase: string): string {
  return parts(phrase).join('');
}

function parts(phrase: string): string[] {
  return phrase.split(/[^\p{L}\p{N}]+/u).filter((part) => part !== '');
}
