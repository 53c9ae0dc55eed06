import { MASK } from './mask.js';

/** Characters of somebody else's words that are shown. */
const LONGEST = 240;

/**
 * Somebody else's words on one line, without what must not be shown: the secrets given, in clear text and in base64, as
 * SMTP's AUTH writes them, and the local part of any address.
 */
export function quote(words: string, secrets: readonly string[] = []): string {
  const hidden = secrets.filter((secret) => secret !== '').flatMap((secret) => [secret, base64(secret)]);
  const open = hidden.reduce((text, secret) => text.replaceAll(secret, MASK), words);
  const line = open
    .replaceAll(/[^\s<>()"',;:@]+(@(?=[\w[]))?/g, (word, at: string | undefined) => (at === undefined ? word : `${MASK}@`))
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST)}…` : line;
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
