/** Secrets in the logs of the tests, as they are and as they look encoded. test/support/text/test-logs.ts writes both. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments, refuse } from './read-arguments.mjs';

const USAGE = `Searches what processes of the tests logged, FOLDER/logs, for the secrets of the tests, FOLDER/secrets.
Ends with 1 where it finds one, and names its line with the secret hidden.

  node tools/secrets-in-logs.mjs FOLDER [OPTION …]

  --some           to have compared nothing is a failure too
  -h, --help       this text`;

/** Characters a form must have to be looked for: shorter ones come up by themselves. */
const MIN_FORM = 8;
/** Longer secrets are looked for by two pieces of this length, so that a log which cuts them off does not hide them. */
const PIECE = 32;
const MAX_TOLD = 20;

/** Numbers in logs that mean something else: a code that is logged as a number stands in another field. */
const NUMERIC_FIELDS = new Set(['pid', 'ms', 'port', 'rate', 'bytes', 'size', 'count', 'level', 'status']);
/** The same by how they end: of a thousand codes one is soon as long as some delay. */
const NUMERIC_ENDING = /(Ms|Bytes|Count|Seconds)$/;
/** Strings that hold times and ids, never text. */
const PLAIN_FIELDS = new Set(['time', 'requestId', 'id', 'emailId', 'worker', 'leasedBy', 'holder']);

/** @typedef {{ kind: string, value: string }} Secret */
/** @typedef {{ file: string, line: number, kind: string, text: string }} Finding */

/** @param {string} folder @returns {{ name: string, lines: string[] }[]} */
function filesIn(folder) {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
  return names.sort().map((name) => ({
    name,
    lines: readFileSync(join(folder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  }));
}

/** @param {string} value */
function pieces(value) {
  if (value.length <= 2 * PIECE) return [value];
  const middle = Math.floor((value.length - PIECE) / 2);
  return [value.slice(middle, middle + PIECE), value.slice(-PIECE)];
}

/**
 * Base64 of text that holds `value` anywhere: the three ways in which it may begin, without the characters that its
 * neighbours have a part in.
 * @param {string} value
 */
function base64Forms(value) {
  const bytes = Buffer.from(value, 'utf8');
  return [0, 1, 2].flatMap((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    const from = Math.ceil((offset * 8) / 6);
    const to = Math.floor((padded.length * 8) / 6);
    return [padded.toString('base64').slice(from, to), padded.toString('base64url').slice(from, to)];
  });
}

/** As inside a JSON string. @param {string} text */
function escaped(text) {
  return JSON.stringify(text).slice(1, -1);
}

/** How a secret may look in a log. @param {string} value */
function formsOf(value) {
  const forms = pieces(value).flatMap((piece) => [
    piece,
    escaped(piece),
    escaped(escaped(piece)),
    encodeURIComponent(piece),
    Buffer.from(piece, 'utf8').toString('hex'),
    ...base64Forms(piece),
  ]);
  return [...new Set(forms)].filter((form) => form.length >= MIN_FORM);
}

/** Finds any of many texts in a line, whatever their number: by the first characters. */
class Finder {
  /** @type {Map<string, { form: string, kind: string }[]>} */
  #byStart = new Map();
  /** Rules out most places before a piece of text is made of them. */
  #mayStart = new Uint8Array(1 << 20);

  /** @param {string} form @param {string} kind */
  add(form, kind) {
    const start = form.slice(0, MIN_FORM);
    this.#mayStart[this.#hash(form, 0)] = 1;
    const known = this.#byStart.get(start);
    if (known) known.push({ form, kind });
    else this.#byStart.set(start, [{ form, kind }]);
  }

  /** @param {string} line @returns {{ form: string, kind: string } | undefined} */
  find(line) {
    for (let at = 0; at + MIN_FORM <= line.length; at++) {
      if (this.#mayStart[this.#hash(line, at)] === 0) continue;
      const found = this.#byStart.get(line.slice(at, at + MIN_FORM))?.find(({ form }) => line.startsWith(form, at));
      if (found) return found;
    }
    return undefined;
  }

  /** @param {string} text @param {number} at */
  #hash(text, at) {
    const code = (/** @type {number} */ offset) => text.charCodeAt(at + offset);
    return ((code(0) << 15) ^ (code(1) << 10) ^ (code(2) << 5) ^ code(3)) & 0xfffff;
  }
}

const TIME = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?/g;
const DURATION = /\b\d+ ?(ms|s|bytes)\b/g;
const UUID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;
/** Random text: an id, a hash, a name of a temporary folder. The digits in it are no number. */
const WORD_AROUND = /[\w-]*[A-Za-z_][\w-]*/g;

/**
 * The whole numbers of six to ten digits that stand alone in what a line says: not in a time, an id, a fraction, a
 * duration, a port, or a field that is a number of something.
 * @param {string} line
 * @returns {string[]}
 */
export function numbersIn(line) {
  let parsed;
  try {
    parsed = JSON.parse(line);
  } catch {
    return inText(line); // not every process speaks JSON: Postgres, an uncaught error
  }
  return inValue(parsed, '');
}

/** @param {unknown} value @param {string} field @returns {string[]} */
function inValue(value, field) {
  if (typeof value === 'string') return PLAIN_FIELDS.has(field) ? [] : inText(value);
  if (typeof value === 'number')
    return NUMERIC_FIELDS.has(field) || NUMERIC_ENDING.test(field) || !/^\d{6,10}$/.test(String(value))
      ? []
      : [String(value)];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    ...inText(name),
    ...inValue(inner, Array.isArray(value) ? field : name),
  ]);
}

/** @param {string} text @returns {string[]} */
function inText(text) {
  const bare = text
    .replace(TIME, ' ')
    .replace(DURATION, ' ')
    .replace(UUID, ' ')
    .replace(WORD_AROUND, (word) => (/^[A-Za-z_]+-?\d+$/.test(word) ? word.replace(/[A-Za-z_-]/g, ' ') : ' x '));
  return [...bare.matchAll(/(?<!\d[.,:]?)(?<!\d)\d{6,10}(?!\d|[.,]\d)/g)].map(([digits]) => digits);
}

/** @param {string} folder */
export function search(folder) {
  const secrets = filesIn(join(folder, 'secrets')).flatMap(({ lines }) =>
    lines.map((line) => /** @type {Secret} */ (JSON.parse(line))),
  );
  const logs = filesIn(join(folder, 'logs'));
  const codes = new Set(secrets.filter(({ kind }) => kind === 'code').map(({ value }) => value));
  const finder = new Finder();
  const longs = new Map(secrets.filter(({ kind }) => kind !== 'code').map(({ kind, value }) => [value, kind]));
  for (const [value, kind] of longs) for (const form of formsOf(value)) finder.add(form, kind);
  // A process's number may have six digits too, and stands in sentences.
  const pids = new Set(
    logs.flatMap(({ lines }) =>
      lines.flatMap((line) =>
        [...line.matchAll(/"pid":(\d+)|\[(\d{2,7})\]|\bpid (\d+)/gi)].map(([, a, b, c]) => a ?? b ?? c),
      ),
    ),
  );

  /** @type {Finding[]} */
  const findings = [];
  for (const { name, lines } of logs) {
    lines.forEach((line, index) => {
      const long = finder.find(line);
      if (long)
        findings.push({ file: name, line: index + 1, kind: long.kind, text: line.replaceAll(long.form, '***') });
      const code = numbersIn(line).find((digits) => codes.has(digits) && !pids.has(digits));
      if (code) findings.push({ file: name, line: index + 1, kind: 'code', text: line.replaceAll(code, '***') });
    });
  }
  const lineCount = logs.reduce((sum, { lines }) => sum + lines.length, 0);
  return { findings, codes: codes.size, others: longs.size, lines: lineCount, processes: logs.length };
}

function main() {
  const { values, positionals } = readArguments(USAGE, { some: { type: 'boolean', default: false } }, { most: 1 });
  const [folder] = positionals;
  if (folder === undefined) return refuse('Name the folder.', USAGE);
  const { findings, codes, others, lines, processes } = search(folder);
  console.log(`${codes} codes and ${others} other secrets compared with ${lines} log lines of ${processes} processes`);
  for (const { file, line, kind, text } of findings.slice(0, MAX_TOLD))
    console.log(`${file}:${line} holds a secret (${kind}): ${text.slice(0, 1_000)}`);
  if (findings.length > MAX_TOLD) console.log(`and ${findings.length - MAX_TOLD} lines more`);
  const empty = values.some && (codes === 0 || others === 0 || lines === 0);
  if (empty) console.log('There was nothing to compare: the tests wrote down no secrets or no logs.');
  process.exitCode = findings.length > 0 || empty ? 1 : 0;
}

if (process.argv[1] === import.meta.filename) main();
