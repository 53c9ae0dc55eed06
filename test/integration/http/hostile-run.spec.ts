import { connect } from 'node:net';
import { BODIES, COOKIES, FIELDS, HOSTILE, NAME, PAGES, RAW, SEGMENTS } from '../../support/text/hostile-input.js';
import { answersIn, RawClient } from '../../support/http/raw-client.js';
import { saidIn } from '../../support/http/said.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { signIn } from '../../support/service/staff.js';
import { eventually } from '../../support/signals/wait.js';
import { note } from '../../support/text/test-logs.js';

/** `npm run test:faults -- --long`: everything to everybody. */
const LONG = process.env['FAULTS'] === 'long';
/** They would take from the run what it stands on: it signs nobody out, and deletes nobody. */
const LEFT_OUT = ['DELETE /v1/me', 'DELETE /v1/sessions', 'DELETE /v1/sessions/current'];

/**
 * Every operation of the OpenAPI document and every page, with what no client sends: nothing answers as if it were
 * broken, and every refusal is a problem, or a page for people. Each kind of field, parameter and page gets a third of
 * it, in turn, from a caller who is let in; where the kind is known, or nothing is read, one or two stand for the
 * others. Every run sends the same, and the long one all of it everywhere.
 */
describe('a hostile client', () => {
  let otpost: Otpost;
  let document: OpenApi;
  let bearers: Bearer[];
  const broken: string[] = [];
  const tally = { sent: 0, refused: 0, taken: 0 };

  beforeAll(async () => {
    otpost = await startOtpost({
      APP_URL: 'http://localhost:3000',
      HOOK_SECRETS: 'postmark:otpost:a-password-of-postmark,brevo:a-bearer-token-of-brevo',
    });
    document = (await otpost.api.get<OpenApi>('/docs/json')).body;
    const { accessToken } = await signIn(otpost, 'admin@example.com', 'admin');
    await signIn(otpost, 'second@example.com', 'admin'); // so that the first one is not the last
    const key = await createApiKey(otpost.database.url, ['emails:send', 'emails:read', 'verifications', 'admin']);
    bearers = [accessToken, key, undefined];
  });
  afterEach(() => {
    expect(broken.splice(0, 20)).toEqual([]);
  });
  afterAll(async () => {
    console.log(`hostile run: ${tally.sent} requests, ${tally.refused} refused, ${tally.taken} taken, none broken`);
    await otpost.stop();
  });

  /** Notes what was sent where the answer is none that the API or a page may give. */
  async function send(
    method: string,
    path: string,
    {
      body,
      type = 'application/json',
      bearer,
      more = {},
    }: { body?: string; type?: string; bearer?: string | undefined; more?: Record<string, string> } = {},
  ): Promise<number> {
    const headers = new Headers(more);
    // What fetch itself refuses to send is sent by the raw connections below.
    if (body !== undefined && type !== '' && isHeader(type)) headers.set('content-type', type);
    if (bearer !== undefined) headers.set('authorization', `Bearer ${bearer}`);
    const response = await fetch(otpost.api.url + path, {
      method,
      headers,
      redirect: 'manual',
      ...(body === undefined ? {} : { body: new TextEncoder().encode(body) }),
    });
    const kind = response.headers.get('content-type') ?? '';
    const text = response.body === null ? '' : await saidIn(kind, response.body);
    tally.sent++;
    tally[response.status >= 400 ? 'refused' : 'taken']++;
    const fits =
      response.status < 400 ||
      /^application\/problem\+json/.test(kind) ||
      (!path.startsWith('/v1/') && /^text\/html/.test(kind));
    if (response.status >= 500 || !fits)
      broken.push(
        `${method} ${path.slice(0, 200)} with ${type} ${String(body).slice(0, 200)} was answered ${response.status} ${kind}: ${text.slice(0, 300)}`,
      );
    else if (/^application\/problem/.test(kind))
      expect(JSON.parse(text)).toMatchObject({
        status: response.status,
        code: expect.any(String) as string,
        remedy: expect.any(String) as string,
      });
    keep(text);
    return response.status;
  }

  const operations = (): [method: string, path: string, operation: Operation][] =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]): [string, string, Operation] => [
        method.toUpperCase(),
        path,
        operation,
      ]),
    );
  function fieldsOf({ requestBody }: Operation): [name: string, schema: Schema][] {
    const reference = requestBody?.content['application/json']?.schema.$ref?.split('/').at(-1);
    return Object.entries(document.components.schemas[reference ?? '']?.properties ?? {});
  }
  /** What the document gives as examples, or something of the kind; every field that is there. */
  function exampleOf(operation: Operation): Record<string, unknown> {
    const valueOf = ({ example, enum: allowed, type, format }: Schema): unknown => {
      if (example !== undefined || allowed) return example ?? allowed![0];
      if (format === 'date-time') return '2030-01-01T00:00:00Z';
      if (type === 'integer' || type === 'number') return 1;
      return type === 'array' ? [] : 'x';
    };
    return Object.fromEntries(fieldsOf(operation).map(([name, schema]) => [name, valueOf(schema)]));
  }
  let turn = 0;
  const inTurn = <T>(all: readonly T[], count = 1): readonly T[] =>
    LONG || all.length === 0 ? all : Array.from({ length: count }, () => all[turn++ % all.length]!);
  const known = new Set<string>();
  function share<T>(all: readonly T[], kind: unknown): readonly T[] {
    const name = JSON.stringify(kind);
    if (known.has(name)) return inTurn(all, 2);
    known.add(name);
    return inTurn(all, Math.ceil(all.length / 3));
  }

  const callers = new Map<Operation, { letIn: Bearer[]; refused: Bearer[] }>();

  /** Callers whose example is not refused for who they are, and the others. */
  async function callersOf(
    method: string,
    path: string,
    operation: Operation,
  ): Promise<{ letIn: Bearer[]; refused: Bearer[] }> {
    const found = callers.get(operation);
    if (found) return found;
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: JSON.stringify(exampleOf(operation)) };
    const [letIn, refused]: [Bearer[], Bearer[]] = [[], []];
    for (const bearer of bearers)
      ([401, 403].includes(await send(method, filled(path), { ...body, bearer })) ? refused : letIn).push(bearer);
    callers.set(operation, { letIn, refused });
    return { letIn, refused };
  }

  const filled = (path: string, segment = '00000000-0000-7000-8000-000000000000'): string =>
    path.replace(/\{\w+\}/g, segment);

  it('gets no broken answer for any field of any operation', async () => {
    for (const [method, path, operation] of operations().filter(
      ([method, path]) => !LEFT_OUT.includes(`${method} ${path}`),
    )) {
      const fields = fieldsOf(operation);
      if (fields.length === 0) continue;
      const example = exampleOf(operation);
      const { letIn, refused } = await callersOf(method, path, operation);
      const id = path.startsWith('/v1/otp') || path.startsWith('/v1/verifications') ? NAME : undefined;
      for (const [field, described] of fields) {
        const kind = { ...described, example: undefined, description: undefined };
        const sendAs = async (value: string, bearer: Bearer) =>
          send(method, filled(path, id), {
            body: JSON.stringify({ ...example, [field]: '@' }).replace('"@"', () => value),
            bearer,
          });
        for (const value of letIn.length > 0 ? share(HOSTILE, [field, kind]) : [])
          for (const bearer of inTurn(letIn)) await sendAs(value, bearer);
        for (const bearer of inTurn(refused)) for (const value of inTurn(HOSTILE)) await sendAs(value, bearer);
      }
    }
    expect(tally.refused).toBeGreaterThan(300);
  });

  it('gets none for any path, query, body or type', async () => {
    for (const [method, path, operation] of operations().filter(
      ([method, path]) => !LEFT_OUT.includes(`${method} ${path}`),
    )) {
      const { letIn, refused } = await callersOf(method, path, operation);
      const content = method === 'GET' || method === 'DELETE' ? {} : { body: '{}' };
      type Attempt = (bearer: Bearer) => Promise<unknown>;
      const attempts: { kind: unknown; all: Attempt[] }[] = (operation.parameters ?? []).map(
        ({ name, in: where, schema }) => ({
          kind: [name, where, schema, where === 'path' ? path.split('/').slice(0, 3) : []],
          all: SEGMENTS.map((segment) => {
            const query = `?${name}=${segment}&${name}=${segment}&${name}[x]=1`;
            return where === 'query'
              ? (bearer) => send(method, filled(path) + query, { bearer })
              : (bearer) => send(method, filled(path, segment), { bearer, ...content });
          }),
        }),
      );
      if (method !== 'GET')
        attempts.push({
          kind: [method, path.split('/').slice(0, 3)],
          all: BODIES.map(
            ([type, body]) =>
              (bearer) =>
                send(method, filled(path), { type, body, bearer }),
          ),
        });
      for (const { kind, all } of attempts) {
        for (const attempt of letIn.length > 0 ? share(all, kind) : [])
          for (const bearer of inTurn(letIn)) await attempt(bearer);
        for (const bearer of refused) for (const attempt of inTurn(all)) await attempt(bearer);
      }
    }
  });

  it('gets a page from every page', async () => {
    for (const page of PAGES) {
      const room = page.split('/')[1];
      for (const method of ['GET', 'POST', 'OPTIONS', ...inTurn(['PUT', 'PATCH', 'DELETE'])]) {
        const unnamed = ['GET', 'POST'].includes(method) && (page.includes(NAME) || page.endsWith('/x')); // there is such a page, and none of that name
        const exists = (await send(method, page)) !== 404 || unnamed;
        const some = <T>(all: readonly T[], kind: string): readonly T[] =>
          exists ? share(all, [method, room, kind]) : inTurn(all);
        if (method !== 'GET' && method !== 'OPTIONS')
          for (const [type, body] of some(BODIES, 'body')) await send(method, page, { type, body });
        for (const cookie of some(COOKIES, 'cookie')) await send(method, page, { more: { cookie } });
        if (method !== 'POST') continue;
        for (const field of exists ? FIELDS : inTurn(FIELDS))
          for (const segment of inTurn(SEGMENTS, 2))
            await send('POST', page, {
              type: 'application/x-www-form-urlencoded',
              body: `${field}=${segment}&${field}=x`,
            });
      }
      for (const segment of inTurn(SEGMENTS, 4)) {
        await send('GET', `${page}?token=${segment}&token[a]=${segment}&id=${segment}`);
        await send('GET', `${page}/${segment}`);
      }
    }
  });

  describe('on a raw connection', () => {
    it.each(RAW)('with %s is refused in words of ours, or left without any', async (_, bytes, status) => {
      const client = (await RawClient.open(otpost.api.url)).read();
      client.write(Buffer.from(bytes, 'latin1'));
      await eventually(
        () => !client.isOpen || (client.text.includes('\r\n\r\n') && !/^connection: close/im.test(client.text)),
        'an answer, or the end of the connection',
      );
      const answers = answersIn(client.text);
      expect(answers.map((answer) => answer.status)).toEqual(status === undefined ? [] : [status]);
      for (const { headers } of status! >= 400 ? answers : [])
        expect(headers).toMatch(/content-type: application\/problem\+json/);
      client.hangUp();
    });
  });

  it('who stalls in the middle of a request holds up nobody', async () => {
    const stalled = Array.from({ length: 50 }, (_, n) => {
      const socket = connect(Number(new URL(otpost.api.url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(
        n % 2 === 0
          ? 'POST /v1/accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"email":'
          : 'GET / HTTP/1.1\r\nHost: x\r\nX-',
      );
      return socket;
    });
    expect(await send('POST', '/v1/accounts', { body: '{"email":"ada@example.com"}' })).toBe(202);
    for (const socket of stalled) socket.destroy();
  });

  it('leaves a service that is well', async () => {
    expect(await send('GET', '/v1/me', { bearer: bearers[0] })).toBe(200);
    expect(await send('POST', '/v1/accounts', { body: '{"email":"after@example.com"}' })).toBe(202);
    expect((await otpost.api.get<{ status: string }>('/health')).body.status).toBe('ok');
  });
});

/** What answers gave away is looked for in the logs, like everywhere. */
function keep(text: string): void {
  for (const [, token] of text.matchAll(/"(?:accessToken|refreshToken|deviceToken|key|secret)":"([^"]{20,})"/g))
    note('token', token!);
}

function isHeader(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value);
}

/** Undefined: nobody. */
type Bearer = string | undefined;

interface Operation {
  parameters?: { name: string; in: string; schema?: unknown }[];
  requestBody?: { content: Record<string, { schema: { $ref?: string } }> };
}

interface Schema {
  example?: unknown;
  description?: string;
  enum?: unknown[];
  type?: string;
  format?: string;
}

interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { properties?: Record<string, Schema> }> };
}
