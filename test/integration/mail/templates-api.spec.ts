import { BUILT_IN_LOCALES } from '../../../src/core/locales.js';
import { Templates } from '../../../src/mail/content/templates.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

interface Preview {
  subject: string;
  text: string;
  html: string;
  locale: string;
}

interface Accepted {
  id: string;
  status: string;
}

const TEMPLATES = Object.fromEntries(new Templates().known);
const LOCALES = [...BUILT_IN_LOCALES].sort();
const IN_ALL_LOCALES = Object.keys(TEMPLATES).flatMap((name) => LOCALES.map((locale) => ({ name, locale })));
const NOWHERE = ['nowhere', 'layout.html.liquid', '..%2Fen', '%2e%2e', 'toString', '__proto__', 'Login-Code'];

describe('/v1/templates', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let key: string;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, MAIL_FROM: 'Acme <post@example.com>' });
    key = await createApiKey(otpost.database.url, ['emails:send', 'emails:read']);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const get = <Body>(path: string) => otpost.api.get<Body>(path, key);
  const post = <Body>(path: string, body: unknown, more: Record<string, string> = {}) =>
    otpost.api.post<Body>(path, body, { authorization: `Bearer ${key}`, ...more });
  const preview = <Body = Preview>(name: string, body: object = {}) =>
    post<Body>(`/v1/templates/${name}/preview`, body);
  const sendTest = <Body = Accepted>(name: string, body: object, more: Record<string, string> = {}) =>
    post<Body>(`/v1/templates/${name}/test`, body, more);
  const count = async (): Promise<string> =>
    (await otpost.database.query<{ count: string }>('SELECT count(*) FROM outbound_emails'))[0]!.count;

  it('lists them by name, with all that a back end must know to send one', async () => {
    const { status, body } = await get<{ items: { name: string }[] }>('/v1/templates');
    expect([status, body.items.map(({ name }) => name)]).toEqual([200, Object.keys(TEMPLATES).sort()]);
    expect(body.items.find(({ name }) => name === 'verification-code')).toEqual({
      ...{ name: 'verification-code', lane: 'critical', secret: true, sendable: true, tellsExpiry: true },
      locales: LOCALES,
      variables: ['code', 'reference', 'notMe'].map((name) => ({
        name,
        ...TEMPLATES['verification-code']!.variables[name],
      })),
    });
    expect(body.items.find(({ name }) => name === 'notice-new-device')).toMatchObject({
      ...{ secret: false, tellsExpiry: false },
      variables: [{ name: 'when' }, { name: 'device', required: false }, { name: 'ip' }],
    });
  });

  it('shows one, with its words as they stand', async () => {
    const { status, body } = await get<{ name: string; sources: object[] }>('/v1/templates/login-code');
    expect([status, body.name]).toEqual([200, 'login-code']);
    expect(body.sources).toHaveLength(LOCALES.length);
    expect(body.sources).toContainEqual({
      locale: 'en',
      subject: 'Your {{ product }} code, reference {{ reference }}',
      text: expect.stringContaining('wants to sign in to {{ product }} with this address.') as string,
      html: expect.stringContaining('href="{{ link }}"') as string,
    });
  });

  it.each(NOWHERE)('knows no template %s', async (name) => {
    for (const { status, body } of [
      await get<ProblemBody>(`/v1/templates/${name}`),
      await preview<ProblemBody>(name),
      await sendTest<ProblemBody>(name, { to: 'ada@example.com' }),
    ])
      expect([status, body.code]).toEqual([404, /^%2e/.test(name) ? 'not_found' : 'template_not_found']);
  });

  it.each(IN_ALL_LOCALES)('previews $name in $locale with its samples', async ({ name, locale }) => {
    const { status, headers, body } = await preview(name, { locale });
    expect([status, body.locale, headers.get('cache-control')]).toEqual([200, locale, 'no-store']);
    expect(body.text).toContain('Acme');
    if (TEMPLATES[name]!.tellsExpiry) expect(body.text).toMatch(/\b10 minut/i);
  });

  it('previews with what it is given in the place of samples, in the nearest language', async () => {
    const variables = { reference: 'A & <b>', link: '', notMe: 'https://example.org/me' };
    const { body } = await preview('login-code', { variables, locale: 'nl-BE' });
    expect(body).toEqual({
      subject: 'Your Acme code, reference A & <b>',
      text: expect.stringMatching(/^Acme\n[^]+\n123456\n[^]+reference A & <b>[^]+https:\/\/example\.org\/me/) as string,
      html: expect.stringContaining('<strong>A &amp; &lt;b&gt;</strong>') as string,
      locale: 'en',
    });
    expect(body.text + body.html).not.toContain('https://example.com/sample');
  });

  it.each<[object, string, string]>([
    [{ variables: { cod: '1' } }, 'variables.cod', 'unknown_variable'],
    [{ variables: { product: 'Acme' } }, 'variables.product', 'unknown_variable'],
    [{ variables: { reference: '' } }, 'variables.reference', 'required'],
    [{ variables: { reference: null } }, 'variables.reference', 'invalid_line'],
    [{ variables: { reference: 7 } }, 'variables.reference', 'invalid_line'],
    [{ variables: { reference: 'a\r\nb' } }, 'variables.reference', 'invalid_line'],
    [{ variables: [] }, 'variables', 'is_object'],
    [{ variables: null }, 'variables', 'is_object'],
    [{ locale: 'German!' }, 'locale', 'matches'],
    [{ locale: 7 }, 'locale', 'is_string'],
    [{ expiresAt: '2030-01-01T00:00:00Z' }, 'expiresAt', 'unknown_field'],
  ])('refuses %j to a preview and a test, and names the field', async (body, field, code) => {
    for (const answer of [
      await preview<ProblemBody>('login-code', body),
      await sendTest<ProblemBody>('login-code', { to: 'ada@example.com', ...body }),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed']);
      expect(answer.body.errors!.map((error) => [error.field, error.code])).toContainEqual([field, code]);
    }
  });

  it.each<[object, string, string]>([
    [{}, 'to', 'is_string'],
    [{ to: 'nobody' }, 'to', 'invalid_address'],
    [{ to: ['ada@example.com'] }, 'to', 'is_string'],
    [{ to: 'ada@example.com, eve@example.com' }, 'to', 'invalid_address'],
    [{ to: `${'a'.repeat(600)}@example.com` }, 'to', 'max_length'],
    [{ to: 'ada@example.com', from: 'Ada' }, 'from', 'invalid_address'],
    [{ to: 'ada@example.com', from: 7 }, 'from', 'is_string'],
    [{ to: 'ada@example.com', from: 'eve@elsewhere.example' }, 'from', 'sender_not_allowed'],
    [{ to: 'ada@example.com', subject: 'Hello' }, 'subject', 'unknown_field'],
    [{ to: 'ada@example.com', variables: { code: '482913' } }, 'variables.code', 'sample_only'],
    [{ to: 'ada@example.com', variables: { link: 'https://a.example/l' } }, 'variables.link', 'sample_only'],
    [{ to: 'ada@example.com', variables: { notMe: 'https://a.example/l' } }, 'variables.notMe', 'sample_only'],
  ])('sends no test for %j, and names the field', async (body, field, code) => {
    const before = await count();
    const answer = await sendTest<ProblemBody>('login-code', body);
    expect(answer.status).toBe(422);
    expect(answer.body.errors!.map((error) => [error.field, error.code])).toContainEqual([field, code]);
    expect(await count()).toBe(before);
  });

  it('sends a test that says it is one, with a code that is nobody’s', async () => {
    const asked = { to: 'Ada <tester@example.com>', variables: { reference: 'AB12' }, locale: 'de-AT' };
    const { status, body } = await sendTest('login-code', asked);
    expect([status, body]).toEqual([202, { id: expect.any(String) as string, status: 'queued' }]);
    const [received] = await sink.waitForMailTo('tester@example.com');
    expect(received!.mail.subject).toBe('[Test] Ihr Code für Acme, Referenz AB12');
    expect(received!.mail.from!.text).toBe('"Acme" <post@example.com>');
    for (const form of [received!.mail.text, received!.mail.html])
      expect(form).toMatch(/123456[^]+AB12[^]+https:\/\/example\.com\/sample/);
    const kept = await get<object>(`/v1/emails/${body.id}`);
    expect(kept.body).toMatchObject({
      ...{ lane: 'critical', template: null, subject: received!.mail.subject, tags: ['template-test'] },
      metadata: { template: 'login-code', locale: 'de' },
    });
    expect((await get(`/v1/emails/${body.id}/content`)).status).toBe(200);
  });

  it('writes down who sent a test', async () => {
    const { status, body } = await sendTest('notice-new-device', { to: 'watcher@example.com' });
    expect(status).toBe(202);
    const [received] = await sink.waitForMailTo('watcher@example.com');
    expect(received!.mail.subject).toBe('[Test] New sign-in to your Acme account');
    const audited = await otpost.database.query(
      `SELECT action, result, actor_kind, target_kind, target_id FROM audit_events WHERE details->>'as' = $1`,
      [body.id],
    );
    const target = { target_kind: 'template', target_id: 'notice-new-device' };
    expect(audited).toEqual([{ action: 'template.tested', result: 'done', actor_kind: 'api_key', ...target }]);
  });

  it('sends a test once for each key', async () => {
    const once = { 'idempotency-key': 'test once' };
    const first = await sendTest('login-code', { to: 'once@example.com' }, once);
    const again = await sendTest('login-code', { to: 'once@example.com' }, once);
    expect([again.status, again.body, again.headers.get('idempotency-replayed')]).toEqual([202, first.body, 'true']);
    for (const [name, to] of [
      ['login-code', 'other@example.com'],
      ['reset-code', 'once@example.com'],
    ]) {
      const other = await sendTest<ProblemBody>(name!, { to }, once);
      expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch']);
    }
    await sink.waitForMailTo('once@example.com');
    const rows = await otpost.database.query(`SELECT id FROM outbound_emails WHERE to_address = 'once@example.com'`);
    expect(rows).toEqual([{ id: first.body.id }]);
  });

  it('sends the mail of a template in its lane, without what it does not need', async () => {
    const expiresAt = new Date(Date.now() + 600_000).toISOString();
    const mail = { to: 'grace@example.com', template: 'login-code', expiresAt };
    const { status, body } = await post<Accepted>('/v1/emails', {
      ...mail,
      variables: { code: '482913', reference: 'AB12' },
    });
    expect(status).toBe(202);
    const [received] = await sink.waitForMailTo('grace@example.com');
    expect(received!.mail.text).toContain('482913');
    expect(received!.mail.text).not.toContain('Sign in:');
    expect((await get<object>(`/v1/emails/${body.id}`)).body).toMatchObject({
      lane: 'critical',
      template: 'login-code',
    });
    const content = await get<ProblemBody>(`/v1/emails/${body.id}/content`);
    expect([content.status, content.body.code]).toEqual([403, 'content_secret']);
  });

  it('leaves a message with an unknown variable out of a batch, and takes the others', async () => {
    const notice = { to: 'ada@example.com', template: 'notice-password-set', variables: { when: 'now', ip: '::1' } };
    const batch = [notice, { ...notice, variables: { ...notice.variables, name: 'Ada' } }];
    const { status, body } = await post<{ items: (Accepted & ProblemBody)[] }>('/v1/emails/batch', batch);
    expect([status, body.items.map((item) => item.errors?.map(({ field, code }) => [field, code]))]).toEqual([
      202,
      [undefined, [['variables.name', 'unknown_variable']]],
    ]);
  });
});
