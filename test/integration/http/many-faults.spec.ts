import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

type Refusal = ProblemBody & { moreErrors?: number };

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
/** 63 KiB. */
const FIELDS = 6_500;

describe('a request with thousands of faults', () => {
  let otpost: Otpost;
  let key: string;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web' });
    key = await createApiKey(otpost.database.url, ['admin']);
  });
  afterAll(() => otpost.stop());

  const unknown = (count: number): string =>
    `{${Array.from({ length: count }, (_, n) => `"_${n.toString(36)}":1`).join(',')}}`;
  const send = async (path: string, body: string, headers: Record<string, string> = JSON_TYPE) => {
    const {
      status,
      body: answer,
      headers: told,
    } = await otpost.api.send<Refusal>(
      'POST',
      path,
      { ...headers, ...(/emails|verifications|keys/.test(path) ? { authorization: `Bearer ${key}` } : {}) },
      body,
    );
    return { ...answer, status, type: told.get('content-type') };
  };

  it.each([
    '/v1/accounts',
    '/v1/otp',
    '/v1/sessions',
    '/v1/sessions/refresh',
    '/v1/otp/AAAAAAAAAAAAAAAAAAAAAA/verify',
    '/v1/setup',
    '/v1/verifications',
    '/v1/emails',
    '/v1/api-keys',
  ])('%s names twenty of its unknown fields, and says how many more there are', async (path) => {
    const startedAt = performance.now();
    const { status, code, errors, moreErrors } = await send(path, unknown(FIELDS));
    console.log(`${path}: ${FIELDS} unknown fields refused after ${(performance.now() - startedAt).toFixed(1)} ms`);
    expect([status, code, errors!.length, moreErrors]).toEqual([422, 'validation_failed', 20, FIELDS - 20]);
    expect(errors![0]).toEqual({ field: '_0', code: 'unknown_field', message: 'is not a field of this request' });
  });

  it('names twenty of what is wrong with a message, or with a batch, and says how many more there are', async () => {
    const message = (faults: number) => ({
      ...{ subject: 'Hi', text: 'Hello' },
      to: Array.from({ length: faults }, (_, n) => `nobody${n}`),
    });
    const one = await send('/v1/emails', JSON.stringify(message(21)));
    expect([one.status, one.errors!.length, one.moreErrors]).toEqual([422, 20, 1]);
    const batch = JSON.stringify([message(3), { ...message(1), to: 'ada@example.com' }, message(25)]);
    const together = await send('/v1/emails/batch?atomic=true', batch);
    expect([together.status, together.errors!.length, together.moreErrors]).toEqual([422, 20, 8]);
    expect(together.errors!.slice(2, 4).map(({ field }) => field)).toEqual(['0.to.2', '2.to.0']);
    const { items } = (await send('/v1/emails/batch', batch)) as unknown as { items: Refusal[] };
    expect(items.map(({ errors, moreErrors }) => [errors?.length, moreErrors])).toEqual([
      [3, undefined],
      [undefined, undefined],
      [20, 5],
    ]);
  });

  it.each([
    ['a list where an object belongs', '/v1/accounts', `[${'1,'.repeat(20_000)}1]`],
    ['a list of objects where an object belongs', '/v1/accounts', `[${'{},'.repeat(15_000)}{}]`],
    ['thousands of items in a field', '/v1/accounts', `{"email":[${'"a",'.repeat(15_000)}"a"]}`],
    ['thousands of members in a field', '/v1/accounts', `{"email":${unknown(FIELDS - 10)}}`],
    ['thousands of lists in lists', '/v1/emails', `{"to":[${'[[]],'.repeat(10_000)}[]]}`],
  ])('with %s is refused at a glance', async (_, path, body) => {
    const { status, code, errors } = await send(path, body);
    expect([status, code, errors]).toEqual([
      422,
      'validation_failed',
      [{ field: 'body', code: 'too_many_members', message: expect.any(String) as string }],
    ]);
  });

  it.each([
    ['of thousands of fields', Array.from({ length: 9_000 }, (_, n) => `${n.toString(36)}=`).join('&')],
    ['of one field thousands of times', 'email=&'.repeat(9_000)],
    ['of nothing but separators', '&'.repeat(60_000)],
    ['of half an encoding', '%'.repeat(60_000)],
  ])('as a form %s is answered with a problem or a page', async (_, body) => {
    for (const path of ['/account/sign-in', '/inbox/session', '/unsubscribe?t=x', '/setup/AAAA']) {
      const { status, type } = await send(path, body, FORM);
      expect([
        path,
        status < 500,
        /^(application\/problem\+json|text\/html)/.test(type ?? '') || status === 303,
      ]).toEqual([path, true, true]);
    }
  });

  it.each(['__proto__', 'constructor', 'constructor[prototype]', 'toString', 'hasOwnProperty'])(
    'as a form with the field %s changes nothing of ours',
    async (name) => {
      const { status, type } = await send(
        '/account/sign-in',
        `${encodeURIComponent(name)}=x&email=ada%40example.com`,
        FORM,
      );
      expect([status < 500, type === null || /^(application\/problem\+json|text\/html)/.test(type)]).toEqual([
        true,
        true,
      ]);
      expect(({} as { x?: string }).x).toBeUndefined();
    },
  );

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'of one field called %s is refused, and changes nothing of ours',
    async (name) => {
      for (const value of ['{"admin":true}', '"x"', 'null']) {
        const { status, code } = await send('/v1/accounts', `{"email":"ada@example.com","${name}":${value}}`);
        expect([value, status, code]).toEqual([
          value,
          ...(name === '__proto__' ? [400, 'malformed_json'] : [422, 'validation_failed']),
        ]);
      }
    },
  );

  it('in its address is refused in the same way', async () => {
    const query = Array.from({ length: 2_000 }, (_, n) => `_${n.toString(36)}=`).join('&');
    for (const path of ['/v1/api-keys', '/v1/accounts', '/v1/audit', '/v1/webhook-endpoints']) {
      const { status, body } = await otpost.api.get<Refusal>(`${path}?${query}`, key);
      expect([path, status, body.code, body.errors?.length, body.moreErrors]).toEqual([
        path,
        422,
        'validation_failed',
        20,
        1_980,
      ]);
    }
    const twice = await otpost.api.get<Refusal>('/v1/api-keys?limit=1&limit=2', key);
    expect([twice.status, twice.body.code]).toEqual([422, 'validation_failed']);
  });

  it('counts as a call of its sender, and one with a few faults does not', async () => {
    const limited = await startOtpost({ ROLE: 'web', LIMIT_IP: '2/1h' });
    try {
      const post = async (body: string) =>
        (await limited.api.send<Refusal>('POST', '/v1/accounts', JSON_TYPE, body)).status;
      for (let times = 0; times < 3; times++) expect(await post(unknown(10))).toBe(422);
      expect([
        await post(unknown(FIELDS)),
        await post(`{"email":[${'1,'.repeat(9_000)}1]}`),
        await post(unknown(FIELDS)),
      ]).toEqual([422, 422, 429]);
      expect(await post('{"email":"ada@example.com"}')).toBe(429);
    } finally {
      await limited.stop();
    }
  });
});
