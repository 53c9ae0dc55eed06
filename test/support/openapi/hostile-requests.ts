import fc from 'fast-check';
import type { ApiDocument, Call, Schema } from './document.js';

/** A request as it goes out. */
export interface HostileRequest {
  call: string;
  method: string;
  /** With its query, encoded. */
  path: string;
  /** Index of who asks, of those that {@link hostileRequests} was given. */
  caller: number;
  /** Names may be there twice. */
  headers: [name: string, value: string][];
  body: string | undefined;
  /** The path is none that has an operation. */
  astray: boolean;
}

const DEEP = `${'['.repeat(3_000)}${']'.repeat(3_000)}`;
/** JSON that no field wants, as text: some of it JSON.stringify would not write. */
const NO_FIELD_WANTS = fc.constantFrom(
  ...['null', 'true', '-1', '0', '1.5', '1e308', '-1e999', '9007199254740993', '2147483648', '""', '" "', '[]', '{}'],
  ...['"\\u0000"', '"a\\u0000b@example.com"', '"\\ud800"', '"\\udc00\\ud800"', '"\\r\\nBcc: eve@example.com"'],
  ...['[null]', '[[]]', '{"length":3}', '{"toString":"x"}', '{"__proto__":{"a":1}}', '{"constructor":null}'],
  ...['"\\u202e\\u0007"', '"999999-99-99T99:99:99Z"', '"__proto__"', '"\' OR 1=1 --"', '"{{ constructor }}"'],
  ...['"9999-12-31T23:59:59.999999999-23:59"', '"0000-00-00T00:00:00Z"', '"ada@[127.0.0.1]"', '"=?utf-8?B?AA==?="'],
);
const TOO_MUCH = fc.constantFrom(
  DEEP,
  `[${'0,'.repeat(9_999)}0]`,
  `[${'"ada@example.com",'.repeat(2_000)}"ada@example.com"]`,
  JSON.stringify('x'.repeat(20_000)),
  JSON.stringify(Object.fromEntries(Array.from({ length: 2_000 }, (_, n) => [`f${n}`, n]))),
);
const ODD_MEMBERS = [
  '"unknown":1',
  '"__proto__":{"a":1}',
  '"constructor":{"prototype":{}}',
  '"toString":"x"',
  '"\\u0000":1',
];
/** Made once: fast-check looks through all of Unicode for each. */
const ANY_TEXT = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'binary', maxLength: 10 }));
/** In place of a body. */
const NO_BODIES = ['', '{', '\u0000', 'null', '[]', '"x"', '1', '{"a":1,}', '\ufeff{}', "{'a':1}", '{}{}', DEEP, 'NaN'];
const ODD_TYPES = [
  'text/plain',
  'application/xml',
  'application/json; charset=utf-16',
  'multipart/form-data; boundary=x',
];
const OTHER_TYPES = [
  'application/x-www-form-urlencoded',
  '*/*',
  'application/octet-stream',
  'application/JSON;x',
  'json',
];
/** Encoded already. */
const ODD_SEGMENTS = [
  '%00',
  '%0d%0a',
  '%25',
  '%2e%2e%2f',
  "'",
  '-1',
  '٣',
  '__proto__',
  'constructor',
  '[object%20Object]',
];
/** What no router takes for a segment. */
const ASTRAY = ['%', '%ff', '%ed%a0%80', '%c0%80', '', 'x'.repeat(2_000)];
const ODD_VALUES = ['', '%00', '%ed%a0%80', '%ff', '-1', '0', '101', '1e9', '%F0%9F%98%80', 'x'.repeat(300), '%5B%5D'];
const CURSORS = [
  'x',
  '%3D%3D',
  'AAAA',
  'MDAwMDAwMDA',
  '__proto__',
  Buffer.from("'; DROP TABLE x").toString('base64url'),
];
const ODD_KEYS = ['', ' ', 'x'.repeat(257), 'x'.repeat(256), 'k\u00e9y', '\u00ff', '"', 'a,b', '\t'];

/**
 * Requests of all operations, made of what the document says of them: most fields are as they should be, so that
 * handlers are reached, and some are not.
 * @param ids such as there are, and such as there are not
 * @param callers how many; the first three are let in
 */
export function hostileRequests(
  document: ApiDocument,
  calls: readonly Call[],
  ids: readonly string[],
  callers: number,
): fc.Arbitrary<HostileRequest> {
  return fc.oneof(...calls.map((call) => requestOf(document, call, ids, callers)));
}

function requestOf(
  document: ApiDocument,
  { method, path, operation }: Call,
  ids: readonly string[],
  callers: number,
): fc.Arbitrary<HostileRequest> {
  const segment = mostly(fc.constantFrom(...ids), fc.constantFrom(...ODD_SEGMENTS), fc.constantFrom(...ASTRAY));
  const queries = (operation.parameters ?? []).filter((one) => one.in === 'query');
  const content = operation.requestBody?.content ?? {};
  const type = Object.keys(content)[0];
  const schema = content['application/json']?.schema;
  return fc
    .record({
      segment,
      query: fc.tuple(...queries.map(({ name, schema: described }) => queryOf(name, described ?? {}, ids))),
      oddQuery: mostly(
        fc.constant(''),
        fc.constantFrom('unknown=1', '__proto__[x]=1', 'limit=1&limit=2', 'limit[x]=1', '%00=1'),
      ),
      caller: fc.oneof(
        { weight: 5, arbitrary: fc.nat({ max: 2 }) },
        { weight: 1, arbitrary: fc.nat({ max: callers - 1 }) },
      ),
      body:
        type === undefined
          ? mostly(fc.constant(undefined), fc.constantFrom('{}', '{', '[]'))
          : bodyOf(document, schema),
      type: mostly(fc.constant(type ?? 'application/json'), fc.constantFrom(...ODD_TYPES, ...OTHER_TYPES)),
      headers: mostly<[string, string][]>(fc.constant([]), keyHeaders(), fc.constantFrom(...ODD_HEADERS)),
    })
    .map(({ segment: id, query, oddQuery, caller, body, type: sentAs, headers }) => {
      const asked = [...query, oddQuery].filter((part) => part !== '').join('&');
      const hasBody = body !== undefined && method !== 'GET';
      return {
        call: `${method} ${path}`,
        method,
        path: path.replace(/\{\w+\}/, () => id) + (asked === '' ? '' : `?${asked}`),
        caller,
        headers: [...headers, ...(hasBody ? [['content-type', sentAs] as [string, string]] : [])],
        body: hasBody ? body : undefined,
        astray: path.includes('{') && (ASTRAY.includes(id) || ODD_SEGMENTS.includes(id)),
      };
    });
}

const ODD_HEADERS: [string, string][][] = [
  [['x-long', 'x'.repeat(17_000)]],
  [['accept', 'text/html']],
  [['x-request-id', '../../x']],
  [['content-encoding', 'gzip']],
  [['expect', 'a-pony']],
  [['x-forwarded-for', '\u00ff, 1.1.1.1']],
  [['traceparent', '00-x-y-z']],
];

function keyHeaders(): fc.Arbitrary<[string, string][]> {
  const key = fc.oneof(fc.constantFrom(...ODD_KEYS), fc.constantFrom('order 1', 'order 2'), fc.uuid());
  return fc.array(
    key.map((value): [string, string] => ['idempotency-key', value]),
    { minLength: 1, maxLength: 2 },
  );
}

/** Nearly always the first. */
function mostly<T>(usual: fc.Arbitrary<T>, ...others: fc.Arbitrary<T>[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: 20 * others.length, arbitrary: usual },
    ...others.map((arbitrary) => ({ weight: 2, arbitrary })),
  );
}

function queryOf(name: string, schema: Schema, ids: readonly string[]): fc.Arbitrary<string> {
  const good = stringOf(schema, ids).map((value) => `${name}=${encodeURIComponent(value)}`);
  const odd = fc.constantFrom(...ODD_VALUES, ...(name === 'cursor' ? CURSORS : [])).map((value) => `${name}=${value}`);
  return fc.oneof(
    { weight: 6, arbitrary: fc.constant('') },
    { weight: 3, arbitrary: good },
    { weight: 1, arbitrary: odd },
  );
}

function bodyOf(document: ApiDocument, schema: Schema | undefined): fc.Arbitrary<string | undefined> {
  const odd = fc.constantFrom(...NO_BODIES);
  if (!schema) return mostly(fc.string({ maxLength: 200 }), odd, fc.constant(undefined));
  return fc.oneof(
    { weight: 20, arbitrary: jsonOf(document, schema) },
    { weight: 1, arbitrary: odd },
    { weight: 1, arbitrary: fc.json({ maxDepth: 4 }) },
    { weight: 1, arbitrary: TOO_MUCH },
  );
}

/** A value for a schema, nearly always of its kind, as text. */
function fieldOf(document: ApiDocument, schema: Schema): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 40, arbitrary: jsonOf(document, schema) },
    { weight: 3, arbitrary: NO_FIELD_WANTS },
    { weight: 1, arbitrary: fc.json({ maxDepth: 2 }) },
    { weight: 1, arbitrary: TOO_MUCH },
  );
}

function jsonOf(document: ApiDocument, given: Schema): fc.Arbitrary<string> {
  const schema = document.schema(given);
  if (schema.example !== undefined)
    return mostly(fc.constant(JSON.stringify(schema.example)), plainOf(document, schema));
  return plainOf(document, schema);
}

function plainOf(document: ApiDocument, schema: Schema): fc.Arbitrary<string> {
  const { oneOf, enum: allowed, items, properties, additionalProperties, minimum, maximum } = schema;
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (allowed) return fc.constantFrom(...allowed).map((value) => JSON.stringify(value));
  if (oneOf) return fc.oneof(...oneOf.map((one) => jsonOf(document, one)));
  if (type === 'array')
    return fc.array(fieldOf(document, items ?? {}), { maxLength: 3 }).map((all) => `[${all.join(',')}]`);
  if (properties) return objectOf(document, schema);
  if (additionalProperties) {
    const value = additionalProperties === true ? fc.json({ maxDepth: 2 }) : fieldOf(document, additionalProperties);
    return fc
      .dictionary(
        fc.oneof(fc.string({ maxLength: 12 }), fc.constantFrom('X-Order', 'List-Id', 'name', 'code')),
        value,
        { maxKeys: 3 },
      )
      .map(
        (members) =>
          `{${Object.entries(members)
            .map(([name, text]) => `${JSON.stringify(name)}:${text}`)
            .join(',')}}`,
      );
  }
  if (type === 'boolean') return fc.boolean().map(String);
  if (type === 'integer' || type === 'number')
    return fc.integer({ min: minimum ?? 0, max: Math.max(minimum ?? 0, maximum ?? 100) }).map(String);
  if (type === 'string') return stringOf(schema, []).map((value) => JSON.stringify(value));
  return fc.json({ maxDepth: 2 });
}

function objectOf(document: ApiDocument, { properties = {}, required = [] }: Schema): fc.Arbitrary<string> {
  const members = Object.entries(properties).map(([name, schema]) =>
    fc
      .tuple(fc.nat({ max: 19 }), fieldOf(document, schema))
      .map(([chance, text]) => (chance < (required.includes(name) ? 19 : 4) ? `${JSON.stringify(name)}:${text}` : '')),
  );
  return fc
    .tuple(
      fc.tuple(...members),
      fc.oneof({ weight: 15, arbitrary: fc.constant('') }, { weight: 1, arbitrary: fc.constantFrom(...ODD_MEMBERS) }),
      fc.nat({ max: 15 }),
    )
    .map(([all, odd, twice]) => {
      const written = [...all, odd].filter((member) => member !== '');
      if (twice === 0 && written.length > 0) written.push(written[0]!);
      return `{${written.join(',')}}`;
    });
}

function stringOf({ format, enum: allowed, example }: Schema, ids: readonly string[]): fc.Arbitrary<string> {
  if (allowed) return fc.constantFrom(...(allowed as string[]));
  const usual = example === undefined ? ANY_TEXT : fc.constant(String(example as string));
  switch (format) {
    case 'email':
      return fc.oneof(fc.emailAddress(), fc.constant('ada@example.com'));
    case 'uuid':
      return ids.length === 0 ? fc.uuid() : fc.oneof(fc.uuid(), fc.constantFrom(...ids));
    case 'date-time':
      return fc
        .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
        .map((date) => date.toISOString());
    case 'byte':
      return fc.base64String({ maxLength: 40 });
    case 'uri':
      return fc.webUrl();
    default:
      return fc.oneof(usual, ANY_TEXT);
  }
}
