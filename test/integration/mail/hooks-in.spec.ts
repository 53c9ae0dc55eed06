import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Keyring } from '../../../src/core/keyring.js';
import {
  hookSecret,
  kratosBody,
  kratosContext,
  signedBySupabase,
  signedByZitadel,
  supabaseBody,
  zitadelBody,
} from '../../support/http/auth-systems.js';
import type { HookPost } from '../../support/http/provider-hooks.js';
import { StallingProxy } from '../../support/network/stalling-proxy.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { OtpostInProcess } from '../../support/service/otpost-in-process.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../../support/service/otpost.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const [former, present, foreign] = [hookSecret(), hookSecret(), hookSecret()];
const KRATOS_KEY = 'a-key-for-kratos-of-ours';
const LOGTO_TOKEN = 'a-token-for-logto-of-ours';
const ZITADEL_KEY = 'a-key-of-zitadel-that-signs';
const HOOK_IN_SECRETS = [
  `supabase:${former}|${present}`,
  `kratos:basic:kratos:${KRATOS_KEY}`,
  `kratos:header:X-API-Key:${KRATOS_KEY}`,
  `kratos:cookie:otpost:${KRATOS_KEY}`,
  `generic/logto:header:Authorization:${LOGTO_TOKEN}`,
  `generic/zitadel:signed:ZITADEL-Signature:${ZITADEL_KEY}`,
  `generic/acme:bearer:${LOGTO_TOKEN}`,
].join(',');
const LINKED = { token: '305805', token_hash: 'pkce_7d5b7b1964cf5d388340a7f04f1dbb5e' };
const KIB = 1024;

let otpost: Otpost;
let sink: SmtpSink;
let folder: string;
let number = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'otpost-mappings-'));
  const acme = { to: '{{ rcpt }}', subject: '{{ title }}', html: '<p>{{ words }}</p>', expiresAt: '{{ until }}' };
  writeFileSync(join(folder, 'acme.yaml'), JSON.stringify(acme));
  sink = await SmtpSink.start();
  otpost = await startOtpost({
    ...{ MAIL_TRANSPORTS: sink.url, MAIL_FROM: 'Acme <post@example.com>' },
    ...{ HOOK_IN_SECRETS, HOOK_IN_MAPPINGS: folder },
  });
});
afterAll(async () => {
  await otpost.stop();
  await sink.stop();
  rmSync(folder, { recursive: true });
});

/** Nobody else's in this file. */
const address = (name = 'ada'): string => `${name}-${++number}@example.com`;

function post<Body = object>(source: string, { headers, body }: HookPost): Promise<Answer<Body>> {
  return otpost.api.send<Body>('POST', `/v1/hooks/in/${source}`, headers, body);
}

const json = { 'content-type': 'application/json' };
const basic = { authorization: `Basic ${Buffer.from(`kratos:${KRATOS_KEY}`).toString('base64')}` };
const fromSupabase = (body: object, secrets = [present], more: object = {}): HookPost =>
  signedBySupabase(JSON.stringify(body), secrets, more);
const fromKratos = (body: object, proof: Record<string, string> = basic): HookPost => ({
  headers: { ...json, ...proof },
  body: JSON.stringify(body),
});
const fromLogto = (body: object): HookPost => fromKratos(body, { authorization: LOGTO_TOKEN });

async function kept(): Promise<number> {
  const [row] = await otpost.database.query<{ count: string }>('SELECT count(*) FROM outbound_emails');
  return Number(row!.count);
}

/** Accepts nothing, whatever is answered. */
async function refusal(source: string, sent: HookPost): Promise<Answer<ProblemBody>> {
  const before = await kept();
  const answer = await post<ProblemBody>(source, sent);
  expect(await kept()).toBe(before);
  return answer;
}

describe('Supabase’s Send Email Hook', () => {
  it('hands a mail in: the far server gets the code and the link, and the auth server the answer it wants', async () => {
    const to = address();
    const { status, body, headers } = await post(
      'supabase',
      fromSupabase(supabaseBody('signup', { email: to }, LINKED)),
    );
    expect([status, body]).toEqual([200, {}]);
    expect(headers.get('content-type')).toMatch(/^application\/json(;|$)/);
    const [{ from, mail }] = (await sink.waitForMailTo(to)) as [(typeof sink.received)[number]];
    expect([from, mail.from?.text, mail.subject]).toEqual([
      'post@example.com',
      '"Acme" <post@example.com>',
      'Confirm your address for Acme',
    ]);
    const link = `https://ref.supabase.example/auth/v1/verify?token=${LINKED.token_hash}&type=signup&redirect_to=http://localhost:3000/`;
    expect(mail.text).toContain('305805');
    expect(mail.text).toContain(link);
    expect(mail.html).toContain(`href="${link.replaceAll('&', '&amp;')}"`);
  });

  it('keeps neither code nor link after the hand-over, and takes the fast lane', async () => {
    const to = address();
    await post('supabase', fromSupabase(supabaseBody('recovery', { email: to }, LINKED)));
    await sink.waitForMailTo(to);
    const key = await createApiKey(otpost.database.url, ['admin']);
    const { body } = await otpost.api.get<{ items: object[] }>(`/v1/emails?to=${to}&tag=hook:supabase`, key);
    expect(body.items).toMatchObject([{ lane: 'critical', template: 'auth-recovery' }]);
    const rows = await otpost.database.query('SELECT secret FROM outbound_emails WHERE to_address = $1', [to]);
    expect(rows).toEqual([{ secret: true }]);
  });

  it('sends a secure change of address to both, each with its own code and hash', async () => {
    const [old, renewed] = [address('old'), address('new')];
    const data = { token: '111222', token_hash_new: 'hash-of-old', token_new: '333444', token_hash: 'hash-of-new' };
    const body = supabaseBody('email_change', { email: old, new_email: renewed }, data);
    expect((await post('supabase', fromSupabase(body))).status).toBe(200);
    const [toOld] = await sink.waitForMailTo(old);
    const [toNew] = await sink.waitForMailTo(renewed);
    for (const [received, has, hasNot] of [
      [toOld!, ['111222', 'token=hash-of-old&'], ['333444', 'hash-of-new']],
      [toNew!, ['333444', 'token=hash-of-new&'], ['111222', 'hash-of-old']],
    ] as const) {
      for (const text of [...has, renewed]) expect(received.mail.text).toContain(text);
      for (const text of hasNot) expect(received.mail.text).not.toContain(text);
    }
    expect((await post('supabase', fromSupabase(body))).status).toBe(200);
    expect(sink.received.filter(({ to }) => to.includes(old) || to.includes(renewed))).toHaveLength(2);
  });

  it('sends neither of two mails where one of them cannot be', async () => {
    const data = { token: '111222', token_hash_new: 'hash-of-old', token_new: '333444', token_hash: 'hash-of-new' };
    const body = supabaseBody('email_change', { email: address(), new_email: 'new@' }, data);
    const { status, body: problem } = await refusal('supabase', fromSupabase(body));
    expect([status, problem.code, problem.errors?.map(({ field }) => field)]).toEqual([
      422,
      'validation_failed',
      ['user.new_email'],
    ]);
  });

  it('is sent once, however often it is tried: each try has an id of its own, and the uuid is one', async () => {
    const to = address();
    const body = supabaseBody('magiclink', { email: to }, LINKED);
    const answers = await Promise.all([1, 2, 3].map(() => post<ProblemBody>('supabase', fromSupabase(body))));
    for (const { status, body: answer, headers } of answers)
      if (status !== 200) expect([status, answer.code, headers.get('retry-after')]).toEqual([503, 'busy', '1']);
    expect((await post('supabase', fromSupabase(body))).status).toBe(200);
    const last = address();
    await post('supabase', fromSupabase(supabaseBody('magiclink', { email: last }, LINKED)));
    await sink.waitForMailTo(last);
    await sink.waitForMailTo(to);
    const rows = await otpost.database.query('SELECT FROM outbound_emails WHERE to_address = $1', [to]);
    expect(rows).toHaveLength(1);
  });

  it('asked for anew is sent anew', async () => {
    const to = address();
    for (const token of ['111222', '333444'])
      await post('supabase', fromSupabase(supabaseBody('email', { email: to }, { token })));
    const received = await sink.waitForMailTo(to, 2);
    expect(received.map(({ mail }) => /\d{6}/.exec(mail.text!)![0]).sort()).toEqual(['111222', '333444']);
  });

  it.each([
    ['the former secret', [former], {}],
    ['the present secret', [present], {}],
    ['both, joined by a comma', [former, present], {}],
    ['both, joined by a blank', [former, present], { between: ' ' }],
    ['one that is not ours, and ours', [foreign, present], {}],
  ])('is taken with a signature by %s', async (_, secrets, more) => {
    const to = address();
    const { status } = await post(
      'supabase',
      fromSupabase(supabaseBody('invite', { email: to }, LINKED), secrets, more),
    );
    expect(status).toBe(200);
    await sink.waitForMailTo(to);
  });

  const BODY = supabaseBody('signup', { email: 'nobody@example.com' }, LINKED);
  const GOOD = fromSupabase(BODY);
  const MINUTES_6 = 360_000;
  it.each([
    ['forged', fromSupabase(BODY, [foreign]), 403, 'mail_hook_refused'],
    ['changed on its way', { ...GOOD, body: GOOD.body.replace('nobody@', 'eve@') }, 403, 'mail_hook_refused'],
    ['stale', fromSupabase(BODY, [present], { at: new Date(Date.now() - MINUTES_6) }), 403, 'mail_hook_refused'],
    [
      'of the future',
      fromSupabase(BODY, [present], { at: new Date(Date.now() + MINUTES_6) }),
      403,
      'mail_hook_refused',
    ],
    ['unsigned', { ...GOOD, headers: json }, 403, 'mail_hook_refused'],
    ['too large', fromSupabase({ ...BODY, more: 'x'.repeat(256 * KIB) }), 413, 'body_too_large'],
    ['empty', signedBySupabase('', [present]), 400, 'malformed_json'],
    ['no JSON', signedBySupabase('{"user":', [present]), 400, 'malformed_json'],
    ['a list', signedBySupabase('[]', [present]), 422, 'validation_failed'],
    [
      'of a kind that is unknown',
      fromSupabase(supabaseBody('teleport', { email: 'a@example.com' })),
      422,
      'validation_failed',
    ],
    ['for a broken address', fromSupabase(supabaseBody('signup', { email: 'ada@' }, LINKED)), 422, 'validation_failed'],
    [
      'with a code that no line holds',
      fromSupabase(supabaseBody('signup', { email: 'a@example.com' }, { token: '1\n2' })),
      422,
      'validation_failed',
    ],
    [
      'with a code that cannot be stored',
      fromSupabase(supabaseBody('signup', { email: 'a@example.com' }, { token: '1\u00002' })),
      422,
      'validation_failed',
    ],
  ])('that is %s is refused, and nothing is sent', async (_, sent, status, code) => {
    const answer = await refusal('supabase', sent);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('whose first try is still under way is told to come again', async () => {
    const body = supabaseBody('signup', { email: address() }, LINKED);
    const holder = new pg.Client({ connectionString: otpost.database.url });
    await holder.connect();
    const lock = `idempotency:hook:supabase:${body.metadata.uuid}`;
    await holder.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [lock]);
    const { status, body: problem, headers } = await refusal('supabase', fromSupabase(body));
    expect([status, problem.code, headers.get('retry-after')]).toEqual([503, 'busy', '1']);
    await holder.end();
    expect((await post('supabase', fromSupabase(body))).status).toBe(200);
  });

  it('takes all that Supabase sends of a user, and a body of 200 KiB', async () => {
    const to = address();
    const bio = '\u00fc\u{1f980}'.repeat(30 * KIB);
    const user = { email: to, user_metadata: { bio, language: 'xx' } };
    expect((await post('supabase', fromSupabase(supabaseBody('signup', user, LINKED)))).status).toBe(200);
    await sink.waitForMailTo(to);
  });

  it('with another mail under a uuid that was used is told apart', async () => {
    const body = supabaseBody('signup', { email: address() }, LINKED);
    await post('supabase', fromSupabase(body));
    const other = supabaseBody('signup', { email: address() }, LINKED, body.metadata.uuid);
    expect(await refusal('supabase', fromSupabase(other))).toMatchObject({
      status: 422,
      body: { code: 'idempotency_mismatch' },
    });
  });
});

describe('Kratos’ courier', () => {
  const code = (login_code: string) => ({ login_code, expires_in_minutes: 15 });

  it.each([
    ['basic', basic],
    ['a header', { 'x-api-key': KRATOS_KEY }],
    ['a cookie', { cookie: `otpost=${KRATOS_KEY}` }],
  ])('proves itself by %s, and a wrong one sends nothing', async (_, proof) => {
    const to = address();
    expect((await post('kratos', fromKratos(kratosBody('login_code_valid', to, code('123456')), proof))).status).toBe(
      200,
    );
    const [received] = await sink.waitForMailTo(to);
    expect(received!.mail.text).toMatch(/^123456$/m);
    expect(received!.mail.text).toContain('for 15 minutes');
    const wrong = Object.fromEntries(Object.entries(proof).map(([name, text]) => [name, `${text}x`]));
    const { status } = await refusal('kratos', fromKratos(kratosBody('login_code_valid', to, code('654321')), wrong));
    expect(status).toBe(403);
  });

  it('is sent once when it comes again, and a new code is a new mail', async () => {
    const to = address();
    for (const login_code of ['123456', '123456', '654321'])
      expect((await post('kratos', fromKratos(kratosBody('login_code_valid', to, code(login_code))))).status).toBe(200);
    const received = await sink.waitForMailTo(to, 2);
    expect(received.map(({ mail }) => /\d{6}/.exec(mail.text!)![0]).sort()).toEqual(['123456', '654321']);
  });

  it('is known again by a hash that nobody can make without the secret: no code is found out of it', async () => {
    const to = address();
    await post('kratos', fromKratos(kratosBody('login_code_valid', to, code('482913'))));
    const rows = await otpost.database.query<{ key: string; fingerprint: Buffer }>(
      `SELECT key, fingerprint FROM idempotency_keys WHERE caller = 'hook:kratos' ORDER BY expires_at DESC LIMIT 1`,
    );
    const keyring = new Keyring(TEST_SECRET);
    const about = JSON.stringify([to, 'login_code_valid', code('482913'), 0]);
    const hash = keyring.hash(keyring.currentId, ['hook in', 'kratos', about]);
    expect(rows[0]!.key).toBe(Buffer.from(hash).toString('base64url'));
  });

  it('is refused by name where its type is unknown', async () => {
    const { status, body } = await refusal('kratos', fromKratos(kratosBody('teleport_valid', address())));
    expect([status, body.errors![0]]).toEqual([
      422,
      { field: 'template_type', code: 'unknown_type', message: expect.stringContaining('login_code_valid') as string },
    ]);
  });

  const jsonnet = interpreter();
  (jsonnet ? it : it.skip)(
    `hands in each of its types through deploy/kratos/otpost.jsonnet${jsonnet ? '' : ' (SKIPPED: no jsonnet on PATH)'}`,
    async () => {
      const data = {
        ...{ recovery_code: '111111', recovery_url: 'https://id.example.com/r?token=x', expires_in_minutes: 15 },
        ...{ verification_code: '222222', verification_url: 'https://id.example.com/v?code=222222' },
        ...{ login_code: '333333', registration_code: '444444', changed_at: '2026-11-29', added_at: '2026-11-29' },
      };
      const words = {
        ...{
          recovery_valid: data.recovery_url,
          recovery_code_valid: '111111',
          verification_valid: data.verification_url,
        },
        ...{ verification_code_valid: '222222', login_code_valid: '333333', registration_code_valid: '444444' },
        ...{ verifiable_address_changed: 'andere E-Mail-Adresse', authenticator_key_added: 'weitere Art' },
        ...{ recovery_invalid: 'Es gibt keines', recovery_code_invalid: 'Es gibt keines' },
        ...{ verification_invalid: 'Es gibt keines', verification_code_invalid: 'Es gibt keines' },
      };
      for (const [type, word] of Object.entries(words)) {
        const to = address('kratos');
        const context = join(folder, 'context.json');
        writeFileSync(context, JSON.stringify(kratosContext(type, to, data)));
        const body = execFileSync(jsonnet!, [
          '--tla-code-file',
          `ctx=${context}`,
          'deploy/kratos/otpost.jsonnet',
        ]).toString();
        expect(JSON.parse(body)).toMatchObject({ recipient: to, template_type: type, locale: 'de_AT' });
        expect(body).not.toContain('traits');
        expect((await post('kratos', { headers: { ...json, ...basic }, body })).status).toBe(200);
        const [received] = await sink.waitForMailTo(to);
        expect([type, received!.mail.text]).toEqual([type, expect.stringContaining(word) as string]);
      }
    },
  );
});

describe('a generic source', () => {
  it('of Logto hands a code in, once for each', async () => {
    const to = address();
    const body = (sent: string) => ({
      to,
      type: 'ForgotPassword',
      payload: { code: sent, locale: 'de' },
      ip: '192.0.2.1',
    });
    for (const sent of ['123456', '123456', '654321'])
      expect(await post('generic/logto', fromLogto(body(sent)))).toMatchObject({ status: 200, body: {} });
    const received = await sink.waitForMailTo(to, 2);
    expect(received.map(({ mail }) => mail.subject)).toEqual(Array(2).fill('Zurück in Ihr Konto bei Acme'));
    expect(received.map(({ mail }) => /\d{6}/.exec(mail.text!)![0]).sort()).toEqual(['123456', '654321']);
  });

  it('of Logto with a type that has no template is refused by name', async () => {
    const body = { to: address(), type: 'Teleport', payload: { code: '123456' } };
    const { status, body: problem } = await refusal('generic/logto', fromLogto(body));
    expect([status, problem.errors!.map(({ field, code }) => [field, code])]).toEqual([
      422,
      [['template', 'unknown_template']],
    ]);
  });

  it('of Zitadel hands a code with its link in, and its own words where there is no secret', async () => {
    const [coded, claimed] = [address(), address()];
    const url = 'https://id.example.com/ui/v2/login/otp?code=A1B2C3&user=1';
    for (const body of [
      zitadelBody('session.otp.email.challenged', coded, url, { code: 'A1B2C3', oTP: 'A1B2C3' }),
      zitadelBody('user.domain.claimed', claimed, ''),
    ])
      expect((await post('generic/zitadel', signedByZitadel(JSON.stringify(body), [ZITADEL_KEY]))).status).toBe(200);
    const [withCode] = await sink.waitForMailTo(coded);
    expect(withCode!.mail.text).toMatch(/^A1B2C3$/m);
    expect(withCode!.mail.text).toContain(url);
    const [inWords] = await sink.waitForMailTo(claimed);
    expect([inWords!.mail.subject, inWords!.mail.text]).toEqual([
      'A mail of Acme',
      expect.stringContaining('Something happened & it matters.') as string,
    ]);
    const forged = signedByZitadel(JSON.stringify(zitadelBody('user.domain.claimed', claimed, '')), [
      'another-key-of-zitadel',
    ]);
    expect((await refusal('generic/zitadel', forged)).status).toBe(403);
  });

  it('of one’s own makes a mail of any body, and no header and no markup out of it', async () => {
    const to = address();
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const proof = { authorization: `Bearer ${LOGTO_TOKEN}` };
    const body = { rcpt: to, title: 'Hello', words: '<script>1</script>', until };
    expect((await post('generic/acme', fromKratos(body, proof))).status).toBe(200);
    const [received] = await sink.waitForMailTo(to);
    expect(received!.mail.html).toContain('<p>&lt;script&gt;1&lt;/script&gt;</p>');
    for (const [bad, field] of [
      [{ ...body, title: 'Hello\r\nBcc: eve@example.com' }, 'subject'],
      [{ ...body, until: 'tomorrow' }, 'expiresAt'],
      [{ ...body, rcpt: `${to}, eve@example.com` }, 'to'],
      [{ rcpt: to }, 'subject'],
    ] as const) {
      const { status, body: problem } = await refusal('generic/acme', fromKratos(bad, proof));
      expect([status, problem.errors![0]!.field]).toEqual([422, field]);
    }
  });

  it('proves itself by its own secret alone', async () => {
    const body = { to: address(), type: 'SignIn', payload: { code: '123456' } };
    const sent = fromKratos(body, { authorization: `Bearer ${LOGTO_TOKEN}` });
    expect((await refusal('generic/logto', sent)).status).toBe(403);
  });
});

describe('mail that auth systems hand in', () => {
  it.each(['auth0', 'generic', 'generic/nobody', 'toString', 'generic/toString'])(
    'is not taken from %s, which is not configured',
    async (source) => {
      const { status, body } = await refusal(source, fromKratos({}));
      expect([status, body.code, body.remedy]).toEqual([
        404,
        'mail_hook_not_configured',
        expect.stringContaining('HOOK_IN_SECRETS') as string,
      ]);
    },
  );

  it('is refused where it is nested deeper than anything is', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const kratos = `{"recipient":"ada@example.com","template_type":"login_code_valid","template_data":{"login_code":"123456","x":${deep}}}`;
    const before = await kept();
    for (const [source, { headers, body }] of [
      ['supabase', signedBySupabase(`{"user":${deep}}`, [present])],
      ['kratos', { headers: { ...json, ...basic }, body: kratos }],
    ] as const) {
      const { status } = await fetch(`${otpost.api.url}/v1/hooks/in/${source}`, { method: 'POST', headers, body });
      expect([400, 422]).toContain(status);
    }
    expect(await kept()).toBe(before);
  });

  it('counts in the limit of keys, and whoever is over it is told when to come again', async () => {
    const limited = await startOtpost({ HOOK_IN_SECRETS, HOOK_IN_MAPPINGS: folder, LIMIT_KEY: '2/h', ROLE: 'web' });
    const send = (login_code: string): Promise<Answer<ProblemBody>> => {
      const { headers, body } = fromKratos(kratosBody('login_code_valid', 'ada@example.com', { login_code }));
      return limited.api.send<ProblemBody>('POST', '/v1/hooks/in/kratos', headers, body);
    };
    expect([(await send('111111')).status, (await send('222222')).status]).toEqual([200, 200]);
    const { status, body, headers } = await send('333333');
    expect([status, body.code, Number(headers.get('retry-after')) > 0]).toEqual([429, 'rate_limited', true]);
    await limited.stop();
  });

  it('is answered with 503 and when to come again while Postgres is away', async () => {
    const proxy = await StallingProxy.to(otpost.database.url);
    const away = await OtpostInProcess.start({
      ...{ DATABASE_URL: proxy.through(otpost.database.url), ROLE: 'web', OUTBOX_RESCUE: 'off', LOG_LEVEL: 'silent' },
      ...{ HOOK_IN_SECRETS, HOOK_IN_MAPPINGS: folder },
    });
    await proxy.refuse();
    const { headers, body } = fromSupabase(supabaseBody('signup', { email: address() }, LINKED));
    const answer = await fetch(`${away.url}/v1/hooks/in/supabase`, { method: 'POST', headers, body });
    expect([answer.status, Number(answer.headers.get('retry-after')) > 0]).toEqual([503, true]);
    expect(await answer.json()).toMatchObject({ code: 'unavailable' });
    await away.stop();
    await proxy.stop().catch(() => undefined); // nothing listens any more
  });
});

/** A real one, where the machine has it. */
function interpreter(): string | undefined {
  const command = process.env['JSONNET'] ?? 'jsonnet';
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return command;
  } catch {
    console.warn(
      'hooks-in.spec: deploy/kratos/otpost.jsonnet is not run, there is no jsonnet (apt-get install jsonnet)',
    );
    return undefined;
  }
}
