/**
 * What a terminal obeys instead of showing (control characters, C1 among them), what breaks a line, and what reorders or
 * hides the characters around it. Tags and joiners of emoji and scripts stay: they change nothing but their neighbours.
 */
const OBEYED = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;
const NAMES: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** One line of text, safe to print wherever its words came from; in JSON it stays the same string. */
export function visible(text: string): string {
  return text.replaceAll(OBEYED, (character) => NAMES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The same, of a text that has lines of its own. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}
