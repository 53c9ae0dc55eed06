/**
 * Requests as Resend's SDKs form them, written by hand after their sources (August 2026): the order and the case of
 * their headers, how they escape JSON, what they send where there is nothing, and whether a body comes in one piece.
 */

/** What a request carries as another program would read it. */
interface Form {
  sdk: string;
  /** Escapes, blanks and line ends of its JSON. */
  write(body: unknown): string;
  /** Everything but Host and the length, in its order. */
  headers(key: string, idempotencyKey: string | undefined, validation: string | undefined): string[];
  /** Of a request with a body. */
  typed: string[];
  /** A body whose length it does not know beforehand goes in chunks. */
  chunked: boolean;
  /** What it sends to cancel, and with GET. */
  nothing: { post: string; get: string; typed: boolean };
  /** What it sends of a file. */
  file(bytes: Buffer, filename: string): object;
  /** What it puts beside `scheduled_at`. */
  beside(id: string): object;
}

export interface RecordedRequest {
  method: string;
  path: string;
  /** Undefined: none. */
  body?: unknown;
  idempotencyKey?: string;
  validation?: 'strict' | 'permissive';
}

const list = (bytes: Buffer): number[] => [...bytes];
const escaped = (json: string, characters: RegExp, upper = false): string =>
  json.replace(characters, (character) => {
    const code = character.charCodeAt(0).toString(16).padStart(4, '0');
    return `\\u${upper ? code.toUpperCase() : code}`;
  });
const given = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [`${name}: ${value}`]);

export const FORMS: readonly Form[] = [
  {
    sdk: 'resend-python 2.39.0',
    write: (body) => escaped(JSON.stringify(body, null, 1).replaceAll(/\n */g, ' '), /[^\0-\x7f]/g),
    headers: (key, idempotencyKey, validation) => [
      'User-Agent: resend-python:2.39.0',
      'Accept-Encoding: gzip, deflate',
      'Accept: application/json',
      'Connection: keep-alive',
      `Authorization: Bearer ${key}`,
      ...given('Idempotency-Key', idempotencyKey),
      ...given('x-batch-validation', validation),
    ],
    typed: ['Content-Type: application/json'],
    chunked: false,
    nothing: { post: '{}', get: '{}', typed: true },
    file: (bytes, filename) => ({ content: list(bytes), filename, content_type: null }),
    beside: (id) => ({ id }),
  },
  {
    sdk: 'resend-go 3.12.0',
    write: (body) => `${escaped(JSON.stringify(body), /[<>&\u2028\u2029]/g)}\n`,
    headers: (key, idempotencyKey, validation) => [
      'User-Agent: resend-go/3.12.0',
      'Accept: application/json',
      `Authorization: Bearer ${key}`,
      ...given('Idempotency-Key', idempotencyKey),
      ...given('X-Batch-Validation', validation),
      'Accept-Encoding: gzip',
    ],
    typed: ['Content-Type: application/json'],
    chunked: true,
    nothing: { post: '', get: '', typed: false },
    file: (bytes, filename) => ({ content: list(bytes), filename, inline_content_id: 'logo' }),
    beside: (id) => ({ id }),
  },
  {
    sdk: 'resend-ruby 1.10.0',
    write: (body) => JSON.stringify(body),
    headers: (key, idempotencyKey, validation) => [
      'Accept: application/json',
      'User-Agent: resend-ruby:1.10.0',
      `Authorization: Bearer ${key}`,
      ...given('Idempotency-Key', idempotencyKey),
      ...given('X-Batch-Validation', validation),
      'Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3',
      'Connection: close',
    ],
    typed: ['Content-Type: application/json'],
    chunked: false,
    nothing: { post: '', get: '', typed: true },
    file: (bytes, filename) => ({ filename, content: list(bytes), content_id: 'logo' }),
    beside: (email_id) => ({ email_id }),
  },
  {
    sdk: 'resend-php 1.10.0',
    write: (body) => escaped(JSON.stringify(body).replaceAll('/', '\\/'), /[^\0-\x7f]/g),
    headers: (key, idempotencyKey, validation) => [
      'User-Agent: resend-php/1.10.0',
      `Authorization: Bearer ${key}`,
      ...given('Idempotency-Key', idempotencyKey),
      ...given('x-batch-validation', validation),
    ],
    typed: ['Content-Type: application/json'],
    chunked: false,
    nothing: { post: '{}', get: '', typed: true },
    file: (bytes, filename) => ({ filename, content: bytes.toString('base64') }),
    beside: () => ({}),
  },
  {
    sdk: 'resend-rs 0.31.0',
    write: (body) => JSON.stringify(body),
    headers: (key, idempotencyKey, validation) => [
      `authorization: Bearer ${key}`,
      'user-agent: resend-rs/0.31.0',
      ...given('x-batch-validation', validation),
      ...given('idempotency-key', idempotencyKey),
      'accept: */*',
    ],
    typed: ['content-type: application/json'],
    chunked: false,
    nothing: { post: '', get: '', typed: false },
    file: (bytes, filename) => ({ content: list(bytes), filename, contentType: 'image/png' }),
    beside: () => ({}),
  },
  {
    sdk: 'resend-dotnet 0.11.0',
    write: (body) => escaped(JSON.stringify(body), /[<>&+'`]|[^\0-\x7f]/g, true),
    headers: (key, idempotencyKey, validation) => [
      `Authorization: Bearer ${key}`,
      'Accept: application/json',
      'User-Agent: resend-sdk/0.11.0 dotnet/8.0.11',
      ...given('Idempotency-Key', idempotencyKey),
      ...given('x-batch-validation', validation),
    ],
    typed: ['Content-Type: application/json; charset=utf-8'],
    chunked: true,
    nothing: { post: '', get: '', typed: false },
    file: (bytes, filename) => ({ filename, content: bytes.toString('base64'), content_type: 'image/png' }),
    beside: () => ({}),
  },
];

/** A request as it goes over the wire. The connection ends with it, so that its answer ends too. */
export function wireOf(
  form: Form,
  { method, path, body, ...more }: RecordedRequest,
  host: string,
  key: string,
): string {
  const empty = method === 'GET' ? form.nothing.get : form.nothing.post;
  const text = body === undefined ? empty : form.write(body);
  const isTyped = text !== '' || form.nothing.typed;
  const headers = [
    ...form.headers(key, more.idempotencyKey, more.validation).filter((line) => !/^connection:/i.test(line)),
    ...(isTyped ? form.typed : []),
    'Connection: close',
  ];
  const inChunks = form.chunked && body !== undefined;
  const length = inChunks ? ['Transfer-Encoding: chunked'] : method === 'GET' && text === '' ? [] : [lengthOf(text)];
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...headers, ...length];
  return `${lines.join('\r\n')}\r\n\r\n${inChunks ? chunksOf(text) : text}`;
}

function lengthOf(text: string): string {
  return `Content-Length: ${Buffer.byteLength(text)}`;
}

function chunksOf(text: string): string {
  const half = Math.ceil(text.length / 2);
  const chunk = (part: string): string => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`;
  return `${chunk(text.slice(0, half))}${chunk(text.slice(half))}0\r\n\r\n`;
}
