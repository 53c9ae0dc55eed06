/**
 * As much of MIME (RFC 2045, RFC 2046) as a bounce needs: header fields, and the parts of one level. Each line is looked at
 * once, so that a message costs as much as it is long, whatever stands in it. Text has one character a byte; fields are decoded.
 */
export interface Entity {
  /** The first of each name, in small letters; unfolded. */
  fields: ReadonlyMap<string, string>;
  body: string;
}

export interface ContentType {
  /** In small letters, such as multipart/report. */
  type: string;
  /** Names in small letters. */
  parameters: ReadonlyMap<string, string>;
}

/** Characters of a header; what is longer is none. */
const LONGEST_HEADER = 256 * 1024;
/** Characters of a field that are read where it has a form. */
const LONGEST_FIELD = 2_000;
const MOST_PARTS = 100;

/** Undefined when its header has no end. */
export function entityOf(text: string): Entity | undefined {
  const fields = new Map<string, string>();
  let name = '';
  for (let at = 0; at < text.length; ) {
    const { line, next } = lineAt(text, at);
    at = next;
    if (line === '') return { fields: decoded(fields), body: text.slice(next) };
    if (next > LONGEST_HEADER) return undefined;
    if (/^[ \t]/.test(line)) {
      if (name !== '') fields.set(name, `${fields.get(name)} ${line.trim()}`);
      continue;
    }
    const colon = line.indexOf(':');
    const named = line.slice(0, Math.max(0, colon)).trimEnd().toLowerCase();
    // What follows a field that stands there again belongs to it, and is not kept either.
    name = named === '' || fields.has(named) ? '' : named;
    if (name !== '') fields.set(name, line.slice(colon + 1).trim());
  }
  return { fields: decoded(fields), body: '' };
}

export function contentTypeOf({ fields }: Pick<Entity, 'fields'>): ContentType {
  const [type = '', rest = ''] = split((fields.get('content-type') ?? '').slice(0, LONGEST_FIELD), ';');
  const parameters = new Map<string, string>();
  for (const [, name, quoted, bare] of `;${rest}`.matchAll(/;\s*([\w!#$&^.+-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g)) {
    if (!parameters.has(name!.toLowerCase())) parameters.set(name!.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? bare!);
  }
  return { type: type.trim().toLowerCase(), parameters };
}

/** The parts of a multipart body, without what stands before the first and after the last. */
export function partsOf(body: string, boundary: string): string[] {
  const parts: string[] = [];
  let begun: number | undefined;
  for (let at = body.startsWith('--') ? 0 : lineOfDashes(body, 0); at >= 0; at = lineOfDashes(body, at)) {
    if (!body.startsWith(boundary, at + 2)) continue;
    const { line, next } = lineAt(body, at);
    const after = line.slice(2 + boundary.length).trimEnd();
    if (after !== '' && after !== '--') continue;
    if (begun !== undefined) parts.push(body.slice(begun, at));
    begun = next;
    if (after === '--' || parts.length === MOST_PARTS) return parts;
  }
  return begun === undefined ? parts : [...parts, body.slice(begun)];
}

/** The first so many characters of a body, without its transfer encoding. */
export function contentOf({ fields, body }: Entity, length: number): string {
  const text = body.slice(0, length);
  switch (fields.get('content-transfer-encoding')?.toLowerCase()) {
    case 'base64':
      return Buffer.from(text, 'base64').toString('latin1');
    case 'quoted-printable':
      return text.replaceAll(/=\r?\n/g, '').replaceAll(/=([\da-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    default:
      return text;
  }
}

/** Where the next line begins that begins with two dashes; -1: there is none. */
function lineOfDashes(text: string, after: number): number {
  const end = text.indexOf('\n--', after);
  return end < 0 ? -1 : end + 1;
}

/** The line without its end, and where the next one begins. */
function lineAt(text: string, at: number): { line: string; next: number } {
  const end = text.indexOf('\n', at);
  const last = end < 0 ? text.length : end;
  return { line: text.slice(at, last > at && text[last - 1] === '\r' ? last - 1 : last), next: end < 0 ? text.length : end + 1 };
}

/** Of what stands before the first separator and behind it. */
function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** RFC 6532: what is beyond ASCII in a field is UTF-8. */
function decoded(fields: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...fields].map(([name, value]) => [name, Buffer.from(value, 'latin1').toString('utf8')]));
}
