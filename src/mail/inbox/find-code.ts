const ON_ITS_OWN_LINE = /^[ \t]*(\d{3})[ \t\u00a0-]?(\d{3})[ \t]*\r?$/m;
/** Not part of a longer number, a word, a path, an address, a colour or a phone number. */
const IN_A_SENTENCE = /(?<![\w#./=@&?+-]|\d[ -])(\d{3})[ \u00a0-]?(\d{3})(?![\w/@-]|[.,:]\d|[ -]\d)/;

/** The six digits somebody waits for, without separators; undefined when the text holds none. */
export function findCode(text: string): string | undefined {
  const match = ON_ITS_OWN_LINE.exec(text) ?? IN_A_SENTENCE.exec(text);
  return match ? `${match[1]}${match[2]}` : undefined;
}
