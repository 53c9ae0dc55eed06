/** One field of a header (RFC 5322 §2.2). */
export interface HeaderField {
  /** As it is written. */
  name: string;
  /** All of it, folds and line end included; a character for each byte. */
  raw: string;
  /** What stands after the colon in one line, read as UTF-8; encoded words as they are. */
  line(): string;
  /** The same with its encoded words decoded (RFC 2047). */
  text(): string;
}

/** RFC 5322 §3.6.8, and blanks before the colon, which its §4.5 still knows. */
const FIELD = /^([!-9;-~]{1,998})[ \t]*:/;

/**
 * The fields of a header, in their order.
 * @param block ends with a line end, or is empty; a character for each byte
 * @returns the number of the line that belongs to no field, counted from 1, where there is one: readers of mail
 *   disagree on where a header with such a line ends, so none of them is asked
 */
export function fieldsOf(block: string): HeaderField[] | number {
  const fields: HeaderField[] = [];
  const lines = block.split('\r\n').slice(0, -1);
  let name = '';
  let raw: string[] = [];
  const end = (): void => {
    if (raw.length > 0) fields.push(fieldOf(name, `${raw.join('\r\n')}\r\n`));
  };
  for (const [n, line] of lines.entries()) {
    if (/^[ \t]/.test(line)) {
      if (raw.length === 0) return n + 1;
      raw.push(line);
      continue;
    }
    const found = FIELD.exec(line)?.[1];
    if (found === undefined) return n + 1;
    end();
    [name, raw] = [found, [line]];
  }
  end();
  return fields;
}

function fieldOf(name: string, raw: string): HeaderField {
  const line = (): string => {
    const unfolded = raw
      .slice(raw.indexOf(':') + 1)
      .replaceAll(/\r\n(?=[ \t])/g, '')
      .trim();
    return Buffer.from(unfolded, 'latin1').toString('utf8');
  };
  return { name, raw, line, text: () => decodedWords(line()) };
}

const WORDS = /=\?[^?\s]{1,80}\?[bq]\?[^?\s]*\?=(?:\s*=\?[^?\s]{1,80}\?[bq]\?[^?\s]*\?=)*/gi;
const WORD = /=\?([^?\s]{1,80})\?([bq])\?([^?\s]*)\?=/gi;

/**
 * With its encoded words decoded; one of a charset that is not known stays as it is. Blanks between two of them are
 * none (RFC 2047 §6.2), and a character may begin in one and end in the next, against its §5: many programs cut so.
 */
export function decodedWords(text: string): string {
  return text.replaceAll(WORDS, (run) => {
    const parts: { charset: string; bytes: Buffer[]; as: string }[] = [];
    for (const [as, label = '', encoding = '', body = ''] of run.matchAll(WORD)) {
      const charset = label.split('*', 1)[0]!.toLowerCase(); // a language may follow (RFC 2231 §5)
      const bytes = encoding.toLowerCase() === 'b' ? Buffer.from(body, 'base64') : fromQuoted(body);
      const last = parts.at(-1);
      if (last?.charset === charset) {
        last.bytes.push(bytes);
        last.as += as;
      } else parts.push({ charset, bytes: [bytes], as });
    }
    return parts.map(({ charset, bytes, as }) => decoded(Buffer.concat(bytes), charset) ?? as).join('');
  });
}

function fromQuoted(body: string): Buffer {
  const text = body
    .replaceAll('_', ' ')
    .replaceAll(/=([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, 'latin1');
}

function decoded(bytes: Buffer, charset: string): string | undefined {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return undefined; // the RangeError is the answer: there is no such charset
  }
}
