/** Bytes of text in an encoded word: in base64, with `=?UTF-8?B?` and `?=` around them, at most 72 characters of 75 (RFC 2047 §2). */
const BYTES_OF_A_WORD = 45;
/** Characters of a word that a line of 78 can hold beside the name of the field and the bracket of an address. */
const LONGEST_PLAIN_WORD = 60;
/** What no field can hold, and what readers of lines disagree about. */
const NOT_IN_A_LINE = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/**
 * The value of an unstructured field, such as a subject, that every reader turns back into this very text. A blank stands
 * for each control character. Text that looks encoded (`=?utf-8?Q?x?=`) is encoded once more: nodemailer lets such text
 * pass, because callers of other libraries encode before they call, and mail programs then show another text.
 */
export function headerText(text: string): string {
  const line = text.replaceAll(NOT_IN_A_LINE, ' ');
  return isPlain(line) ? line : encodedWords(line);
}

/**
 * A display name before an address (RFC 5322 §3.2.5). A quoted string is no place for an encoded word (RFC 2047 §5), and
 * mail programs decode them there all the same: what looks encoded is encoded once more, never quoted.
 */
export function phrase(name: string): string {
  const line = name.replaceAll(NOT_IN_A_LINE, ' ');
  if (!isPlain(line)) return encodedWords(line);
  return /^[\w ]*$/.test(line) ? line : `"${line.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Printable ASCII in words with one blank between them: folding and unfolding change nothing, and nothing is decoded. */
function isPlain(line: string): boolean {
  return /^[!-~]+(?: [!-~]+)*$/.test(line) && !line.includes('=?') && line.split(' ').every(({ length }) => length <= LONGEST_PLAIN_WORD);
}

/** Whole characters in each: RFC 2047 §5 (3) allows no character in two words. */
function encodedWords(line: string): string {
  const words = [''];
  for (const character of line) {
    const grown = words.at(-1)! + character;
    if (Buffer.byteLength(grown) > BYTES_OF_A_WORD) words.push(character);
    else words[words.length - 1] = grown;
  }
  return words.map((word) => `=?UTF-8?B?${Buffer.from(word).toString('base64')}?=`).join(' ');
}
