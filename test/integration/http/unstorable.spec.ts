import type { SignedInBody } from '../../support/service/api.js';
import { type Operation, operationsOf } from '../../support/service/operations.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask, signIn } from '../../support/service/staff.js';
import { codeFromInbox } from '../../support/service/story.js';

const NO_TEXT: [string, string][] = [
  ['a NUL', '"a\\u0000b"'],
  ['half of a surrogate pair', '"\\ud800"'],
  ['the other half', '"a\\udc00b"'],
];

/** Every field of every body that the API describes. */
describe('text that cannot be stored, and null', () => {
  let otpost: Otpost;
  let admin: SignedInBody;
  let operations: Operation[];

  beforeAll(async () => {
    otpost = await startOtpost({ HOOK_SECRETS: 'brevo:a-token-of-sixteen-characters' });
    admin = await signIn(otpost, 'ada@example.com', 'admin');
    operations = operationsOf((await otpost.api.get<object>('/docs/json')).body);
  });
  afterAll(() => otpost.stop());

  async function send({ method, path }: Pick<Operation, 'method' | 'path'>, body: string) {
    const answer = await otpost.api.send<{ status?: number; code?: string; errors?: { field: string }[] }>(
      method,
      path,
      { 'content-type': 'application/json', authorization: `Bearer ${admin.accessToken}` },
      body,
    );
    return { status: answer.status, type: answer.headers.get('content-type'), body: answer.body };
  }

  function withField(sample: object, field: string, json: string): string {
    return JSON.stringify({ ...sample, [field]: '%' }).replace('"%"', json);
  }

  it('are tried on the whole API', () => {
    expect(operations.length).toBeGreaterThan(15);
    expect(operations.flatMap(({ fields }) => fields).length).toBeGreaterThan(40);
  });

  it.each(NO_TEXT)('%s is a 422 that names the field, whatever the field', async (_, json) => {
    for (const operation of operations) {
      for (const { name } of operation.fields) {
        const { status, type, body } = await send(operation, withField(operation.sample, name, json));
        expect([operation.path, name, status, type?.split(';')[0], body.errors?.map(({ field }) => field)]).toEqual([
          operation.path,
          name,
          422,
          'application/problem+json',
          [name],
        ]);
      }
    }
  });

  it('null is a 422 that names the field, but where the description says that null means something', async () => {
    for (const operation of operations) {
      for (const { name, nullable } of operation.fields) {
        const { status, type, body } = await send(operation, withField(operation.sample, name, 'null'));
        const answer = [operation.method, operation.path, name, status];
        if (nullable) expect([answer, status < 500 && status !== 422]).toEqual([answer, true]);
        else
          expect([answer, status, type?.split(';')[0], body.errors?.map(({ field }) => field)]).toEqual([
            answer,
            422,
            'application/problem+json',
            expect.arrayContaining([name]),
          ]);
      }
    }
  });

  it('in a path or a query is a 422 too, and where there is nothing a 404', async () => {
    expect(await send({ method: 'GET', path: '/v1/emails/a%00b' }, undefined as never)).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'id' }] },
    });
    expect(await send({ method: 'GET', path: '/v1/audit?targetId=%00' }, undefined as never)).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'targetId' }] },
    });
    expect(await send({ method: 'GET', path: '/nothing/%00?a=%00' }, undefined as never)).toMatchObject({
      status: 404,
    });
  });

  it('in a form is a 422', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: otpost.api.url };
    for (const path of [
      '/account/sign-in',
      '/account/code/AAAAAAAAAAAAAAAAAAAAAA',
      '/inbox/enter',
      '/setup/x',
      '/l/x',
      '/unsubscribe?token=x',
    ]) {
      const { status } = await otpost.api.send(
        'POST',
        path,
        headers,
        'email=a%00da%40example.com&password=%00&token=%00&code=%00',
      );
      expect([path, status]).toEqual([path, 422]);
    }
  });

  it.each([
    ['newPassword', 'null'],
    ['newPassword', '"\\ud800"'],
    ['code', 'null'],
    ['code', '"12345\\u0000"'],
  ])('a %s of %s spends no try', async (field, json) => {
    const issued = await otpost.api.register(`try-${Math.random()}@example.com`);
    const path = `/v1/otp/${issued.challenge.id}/verify`;
    const { status } = await send({ method: 'POST', path }, withField({ code: '000000' }, field, json));
    const [row] = await otpost.database.query<{ attempts: number }>(
      'SELECT attempts FROM otp_challenges WHERE id = $1',
      [issued.challenge.id],
    );
    expect([status, row!.attempts]).toEqual([422, 0]);
  });

  it('a current password of null is a 422, and neither a proof nor a failure', async () => {
    for (const [method, path, body] of [
      ['POST', '/v1/me/password', { newPassword: 'correct horse battery staple', currentPassword: null }],
      ['POST', '/v1/me/email', { email: 'eve@example.com', currentPassword: null }],
      ['DELETE', '/v1/me', { currentPassword: null }],
    ] as const) {
      expect((await ask(otpost, admin.accessToken, method, path, body)).status).toBe(422);
    }
    const [kept] = await otpost.database.query<{ failures: string }>(
      'SELECT count(*) AS failures FROM failure_budgets',
    );
    expect(kept!.failures).toBe('0');
  });

  it('in the headers that are kept cannot be: a request with a NUL is none, and other bytes are one character each', async () => {
    const issued = await otpost.api.register('headers@example.com');
    const { code } = await codeFromInbox(otpost.api, 'headers@example.com', issued);
    const headers = {
      'content-type': 'application/json',
      'user-agent': '\xed\xa0\x80 \xff'.repeat(200),
      'x-request-id': '\xed\xa0\x80',
      'idempotency-key': '\xff',
    };
    const { status } = await otpost.api.send(
      'POST',
      `/v1/otp/${issued.challenge.id}/verify`,
      headers,
      JSON.stringify({ code }),
    );
    expect(status).toBe(200);
    const [session] = await otpost.database.query<{ agent: string }>(
      'SELECT user_agent AS agent FROM sessions ORDER BY created_at DESC LIMIT 1',
    );
    expect(session!.agent).toMatch(/^\xed\xa0\x80 \xff/);
  });
});
