/**
 * What no field of a message can hold, and what readers of lines disagree about: U+2028 and U+2029 end a line for some.
 */
const NOT_IN_A_LINE = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/** Without control characters and line ends. */
export function isOneLine(text: string): boolean {
  return text.search(NOT_IN_A_LINE) < 0;
}

/** A blank stands for each character that is not in one line. */
export function inOneLine(text: string): string {
  return text.replaceAll(NOT_IN_A_LINE, ' ');
}
