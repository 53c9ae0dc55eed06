import { parse } from 'csv-parse/sync';
import { isStorable } from '../core/input.js';
import {
  LONGEST_NAME,
  MOST_ATTRIBUTES,
  nameFault,
  type NewSubscriber,
  type RowFault,
  subscriberIn,
} from './subscriber-policy.js';

export const IMPORT_FORMATS = { 'text/csv': 'csv', 'application/x-ndjson': 'ndjson' } as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[keyof typeof IMPORT_FORMATS];

/** Bytes of a line; a subscriber with all attributes has 11 KB. */
export const LONGEST_LINE = 64 * 1024;

/** What the header line of a CSV says. */
export interface CsvHeader {
  delimiter: string;
  /** `email`, `locale`, or the name of an attribute; null: a column without a name, which is passed over. */
  columns: (string | null)[];
}

/** A line of a file: its bytes without its end; null where there are more than {@link LONGEST_LINE}. */
export interface Line {
  /** From 1 on. */
  number: number;
  bytes: Buffer | null;
}

/** What a line came to. Blank lines come to nothing. */
export type ReadLine = { line: number } & ({ subscriber: NewSubscriber } | { fault: RowFault });

const ADDRESS_COLUMNS = new Set(['email', 'e_mail', 'mail', 'address', 'email_address', 'e_mail_address']);
const LOCALE_COLUMNS = new Set(['locale', 'language', 'lang']);
const DELIMITERS = [',', ';', '\t', '|'];
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const BOM = '\ufeff';

/** The first line of a CSV; or why the file cannot be read. */
export function headerOf(line: Line): CsvHeader | RowFault {
  const text = textOf(line);
  if (typeof text !== 'string') return { code: 'header_unreadable', message: `the header line ${text.message}` };
  const bare = text.startsWith(BOM) ? text.slice(1) : text;
  const candidates = DELIMITERS.map((delimiter) => ({ delimiter, names: cellsOf(bare, delimiter) }));
  const found = candidates.find(({ names }) => names?.some((name) => ADDRESS_COLUMNS.has(normal(name))));
  if (!found) return { code: 'address_column_missing', message: 'the header line names no column "email"' };
  return columnsOf(found.delimiter, found.names!);
}

function columnsOf(delimiter: string, names: readonly string[]): CsvHeader | RowFault {
  const columns: (string | null)[] = [];
  for (const name of names) {
    const plain = normal(name);
    const column = ADDRESS_COLUMNS.has(plain)
      ? 'email'
      : LOCALE_COLUMNS.has(plain)
        ? 'locale'
        : name
            .trim()
            .replaceAll(/\W+/g, '_')
            .replaceAll(/^_+|_+$/g, '');
    if (column === '') columns.push(null);
    else if (columns.includes(column)) {
      return { code: 'column_repeated', message: `the header line names ${column.slice(0, LONGEST_NAME)} twice` };
    } else if (column !== 'email' && column !== 'locale' && nameFault(column) !== undefined) {
      return { code: 'column_invalid', message: `the column ${column.slice(0, LONGEST_NAME)}: ${nameFault(column)}` };
    } else columns.push(column);
  }
  const attributes = columns.filter((column) => column !== null && column !== 'email' && column !== 'locale');
  if (attributes.length > MOST_ATTRIBUTES) {
    return { code: 'too_many_columns', message: `there are more than ${MOST_ATTRIBUTES} columns of attributes` };
  }
  return { delimiter, columns };
}

/** `E-Mail ` → `e_mail` */
function normal(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_');
}

/** Lines of a CSV behind its header. */
export function readCsv(lines: readonly Line[], header: CsvHeader): ReadLine[] {
  const texts = lines.map((line) => ({ line: line.number, text: textOf(line) }));
  const good = texts.filter((one): one is { line: number; text: string } => isRow(one.text));
  const cells = rowsOf(
    good.map(({ text }) => text),
    header.delimiter,
  );
  const byLine = new Map(good.map(({ line }, n) => [line, cells[n]]));
  return texts.flatMap(({ line, text }): ReadLine[] => {
    if (typeof text !== 'string') return [{ line, fault: text }];
    return byLine.has(line) ? [{ line, ...readCells(byLine.get(line), header) }] : [];
  });
}

function isRow(text: string | RowFault): text is string {
  return typeof text === 'string' && text.trim() !== '';
}

/**
 * All at once, which is ten times as fast. Where one of them has a stray quote, each by itself: then it spoils no
 * other.
 */
function rowsOf(lines: readonly string[], delimiter: string): (string[] | undefined)[] {
  const all = cellsOfAll(lines.join('\n'), delimiter);
  return all?.length === lines.length ? all : lines.map((line) => cellsOf(line, delimiter));
}

function cellsOfAll(text: string, delimiter: string): string[][] | undefined {
  try {
    return parse(text, { delimiter, relax_column_count: true, record_delimiter: '\n' });
  } catch {
    return undefined; // what it is of one line, its row says
  }
}

function cellsOf(line: string, delimiter: string): string[] | undefined {
  const rows = cellsOfAll(line, delimiter);
  return rows?.length === 1 ? rows[0] : undefined;
}

function readCells(
  cells: readonly string[] | undefined,
  { columns, delimiter }: CsvHeader,
): { subscriber: NewSubscriber } | { fault: RowFault } {
  if (!cells)
    return {
      fault: { code: 'invalid_quotes', message: 'a quote is not closed in its line, or stands inside a value' },
    };
  if (cells.length < columns.length) {
    const other = DELIMITERS.find((one) => one !== delimiter && cells.some((cell) => cell.includes(one)));
    const hint =
      other === undefined ? '' : `; it is divided by ${shown(other)}, and the header line by ${shown(delimiter)}`;
    return { fault: { code: 'column_missing', message: `has ${cells.length} of ${columns.length} columns${hint}` } };
  }
  if (cells.length > columns.length) {
    return {
      fault: { code: 'column_too_many', message: `has ${cells.length} columns, and the header line ${columns.length}` },
    };
  }
  const named = Object.fromEntries(
    columns.flatMap((column, n) => (column === null ? [] : [[column, cells[n]!.trim()]])),
  );
  const { email, locale, ...attributes } = named;
  return outcomeOf(subscriberIn({ email, locale, attributes }));
}

/** Lines of NDJSON: `{"email", "locale"?, "attributes"?}`. */
export function readNdjson(lines: readonly Line[]): ReadLine[] {
  return lines.flatMap((one): ReadLine[] => {
    const text = textOf(one);
    if (typeof text !== 'string') return [{ line: one.number, fault: text }];
    if (text.trim() === '') return [];
    return [{ line: one.number, ...readJson(text.startsWith(BOM) && one.number === 1 ? text.slice(1) : text) }];
  });
}

function readJson(text: string): { subscriber: NewSubscriber } | { fault: RowFault } {
  let row: unknown;
  try {
    row = JSON.parse(text);
  } catch {
    return { fault: { code: 'invalid_json', message: 'is not JSON' } };
  }
  if (!isObject(row)) return { fault: { code: 'invalid_json', message: 'is not an object' } };
  const { email, locale, attributes = {}, ...others } = row;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    return { fault: { code: 'unknown_field', message: 'has members besides email, locale and attributes' } };
  }
  if (!isObject(attributes)) return { fault: { code: 'invalid_attribute', message: 'attributes is not an object' } };
  return outcomeOf(subscriberIn({ email, locale, attributes }));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function outcomeOf(found: NewSubscriber | RowFault): { subscriber: NewSubscriber } | { fault: RowFault } {
  return 'code' in found ? { fault: found } : { subscriber: found };
}

/** Each line for itself, so that bytes that are no UTF-8 spoil no other. */
function textOf({ bytes }: Line): string | RowFault {
  if (bytes === null) return { code: 'too_long', message: `has more than ${LONGEST_LINE} bytes` };
  let text: string;
  try {
    text = DECODER.decode(bytes);
  } catch {
    return { code: 'invalid_utf8', message: 'is not UTF-8' };
  }
  return isStorable(text) ? text : { code: 'nul', message: 'contains NUL' };
}

function shown(delimiter: string): string {
  return delimiter === '\t' ? 'tabs' : `"${delimiter}"`;
}
