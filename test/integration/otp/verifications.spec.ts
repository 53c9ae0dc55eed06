import { createApiKey } from '../../support/service/api-key.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

interface Verification {
  id: string;
  purpose: string;
  status: string;
  expiresAt: string;
  resendAfter: string;
  reference: string;
  to?: string;
  delivery?: { status: string; updatedAt: string };
}
type Body = Verification & ProblemBody;

describe('a verification for a back end', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let key: string;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url }, clock);
    key = await createApiKey(otpost.database.url, ['verifications']);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const call = (path: string, body: object): Promise<Answer<Body>> =>
    otpost.api.post<Body>(`/v1/verifications${path}`, body, { authorization: `Bearer ${key}` });
  const check = (id: string, code: string): Promise<Answer<Body>> => call(`/${id}/check`, { code });
  const look = (id: string): Promise<Answer<Body>> => otpost.api.get<Body>(`/v1/verifications/${id}`, key);
  const someone = (): string => `ada${++number}@example.com`;
  const digitsIn = (text: string | undefined): string => /^(\d+)$/m.exec(text ?? '')![1]!;

  async function started(
    more: object = {},
  ): Promise<{ to: string; issued: Verification; code: string; wrong: string }> {
    const to = someone();
    const { status, body } = await call('', { to, purpose: 'checkout', ...more });
    expect(status).toBe(202);
    const [received] = await sink.waitForMailTo(to);
    const code = digitsIn(received!.mail.text);
    const wrong = String((Number(code) + 1) % 10 ** code.length).padStart(code.length, '0');
    return { to, issued: body, code, wrong };
  }

  it('mails a code, and approves whoever gives it back', async () => {
    const { to, issued, code } = await started();
    expect(issued).toEqual({
      id: expect.stringMatching(/^[\w-]{22}$/) as string,
      purpose: 'checkout',
      status: 'pending',
      expiresAt: new Date(clock.now().getTime() + 600_000).toISOString(),
      resendAfter: new Date(clock.now().getTime() + 30_000).toISOString(),
      reference: expect.stringMatching(/^\w{4}$/) as string,
    });
    expect((await check(issued.id, code)).body).toEqual({ status: 'approved', to, purpose: 'checkout' });
    expect((await look(issued.id)).body.status).toBe('approved');
  });

  it('carries its code and reference, no link to sign in, and a way to stop it', async () => {
    const { to, issued, code } = await started();
    const { mail } = (await sink.waitForMailTo(to))[0]!;
    expect(mail.subject).toContain(issued.reference);
    for (const form of [mail.text, mail.html]) {
      expect(form).toContain(code);
      expect(form).toContain(issued.reference);
      expect(
        [...String(form).matchAll(/https?:\/\/\S+?\/l\/[\w-]+(\S*?)(?=["\s\]])/g)].map(([, rest]) => rest),
      ).toEqual(['/not-me']);
    }
  });

  it('makes no account', async () => {
    const { issued, code } = await started();
    await check(issued.id, code);
    expect(await otpost.database.query('SELECT 1 FROM accounts')).toEqual([]);
  });

  it('is approved once, however many give the right code at once, and a minute later not at all', async () => {
    const { issued, code } = await started();
    const answers = await Promise.all(Array.from({ length: 30 }, () => check(issued.id, code)));
    const approved = answers.filter(({ status }) => status === 200);
    expect(approved.length).toBeLessThanOrEqual(8); // five tries, and three repeats
    expect(new Set(approved.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(
      await otpost.database.query("SELECT action FROM audit_events WHERE target_id = $1 AND action = 'code.approved'", [
        issued.id,
      ]),
    ).toHaveLength(1);
    clock.advance(61);
    expect((await check(issued.id, code)).body).toMatchObject({ status: 410, code: 'otp_consumed' });
  });

  it('is approved again for whoever did not hear the answer, and for no other code', async () => {
    const { issued, code, wrong } = await started();
    const first = await check(issued.id, code);
    expect((await check(issued.id, wrong)).body).toMatchObject({ status: 410, code: 'otp_consumed' });
    expect((await check(issued.id, code)).body).toEqual(first.body);
    for (let i = 0; i < 20; i++) await check(issued.id, wrong);
    expect((await check(issued.id, code)).body).toMatchObject({ status: 410, code: 'otp_consumed' }); // guessing is not free
  });

  it('counts five wrong codes, and is locked for the right one then', async () => {
    const { issued, code, wrong } = await started();
    for (const left of [4, 3, 2, 1, 0]) {
      expect((await check(issued.id, wrong)).body).toMatchObject({
        status: 400,
        code: 'otp_invalid',
        attemptsLeft: left,
      });
    }
    expect((await check(issued.id, code)).body).toMatchObject({ status: 429, code: 'otp_locked' });
    expect((await look(issued.id)).body.status).toBe('locked');
  });

  it('counts failures by address and purpose, so that new codes are no new guesses', async () => {
    const to = someone();
    for (let round = 0; round < 4; round++) {
      const { body } = await call('', { to, purpose: 'guess' });
      const [latest] = (await sink.waitForMailTo(to, round + 1)).slice(-1);
      const wrong = String((Number(codeIn(latest!.mail.text)) + 1) % 1_000_000).padStart(6, '0');
      for (let attempt = 0; attempt < 5; attempt++) await check(body.id, wrong);
    }
    const { body } = await call('', { to, purpose: 'guess' });
    const [latest] = (await sink.waitForMailTo(to, 5)).slice(-1);
    const refused = await check(body.id, codeIn(latest!.mail.text));
    expect(refused.body).toMatchObject({ status: 429, code: 'too_many_failures' });
    expect(refused.headers.get('retry-after')).toBe('60');
    clock.advance(60);
    expect((await check(body.id, codeIn(latest!.mail.text))).status).toBe(200);
  });

  it('has as many digits, and as much time, as was asked for', async () => {
    const { issued, code } = await started({ length: 10, ttlSeconds: 60 });
    expect(code).toHaveLength(10);
    clock.advance(60);
    expect((await check(issued.id, code)).body).toMatchObject({ status: 410, code: 'otp_expired' });
    expect((await look(issued.id)).body.status).toBe('expired');
  });

  it('is sent again as the same code, after the cooldown', async () => {
    const { to, issued, code } = await started();
    const early = await call(`/${issued.id}/resend`, {});
    expect([early.body.code, early.headers.get('retry-after')]).toEqual(['resend_too_soon', '30']);
    clock.advance(30);
    const again = await call(`/${issued.id}/resend`, {});
    expect([again.status, again.body]).toEqual([
      202,
      { ...issued, resendAfter: new Date(clock.now().getTime() + 30_000).toISOString() },
    ]);
    const copies = await sink.waitForMailTo(to, 2);
    expect(copies.map(({ mail }) => digitsIn(mail.text))).toEqual([code, code]);
  });

  it('says what became of its mail, by key and to whoever has the id', async () => {
    const { to, issued } = await started();
    const { body } = await eventually(async () => {
      const looked = await look(issued.id);
      return looked.body.delivery?.status === 'sent' && looked;
    }, 'the mail to be sent');
    expect(body).toEqual({ ...issued, to, delivery: { status: 'sent', updatedAt: expect.any(String) as string } });
    expect((await otpost.api.get(`/v1/otp/${issued.id}/delivery`)).body).toEqual(body.delivery);
  });

  it('ends for its siblings of the same purpose when one was approved, and not for those of another', async () => {
    const { to, issued, code } = await started();
    const [sibling, other] = [
      (await call('', { to, purpose: 'checkout' })).body,
      (await call('', { to, purpose: 'payout' })).body,
    ];
    await check(issued.id, code);
    expect([(await look(sibling.id)).body.status, (await look(other.id)).body.status]).toEqual(['void', 'pending']);
  });

  it('does not exist for the calls of our own codes, nor they for it, even under the same name', async () => {
    const { to, issued, code, wrong } = await started({ purpose: 'register' });
    for (const call of ['verify', 'resend', 'disown']) {
      const { body } = await otpost.api.post<ProblemBody>(
        `/v1/otp/${issued.id}/${call}`,
        call === 'verify' ? { code } : {},
      );
      expect([call, body.status, body.code]).toEqual([call, 404, 'challenge_not_found']);
    }
    const { challenge } = await otpost.api.register(to);
    const [, second] = await sink.waitForMailTo(to, 2);
    const theirs = codeIn(second!.mail.text);
    for (const answer of [
      await check(challenge.id, theirs),
      await look(challenge.id),
      await call(`/${challenge.id}/resend`, {}),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([404, 'challenge_not_found']);
    }
    expect((await check(issued.id, wrong)).body.attemptsLeft).toBe(4); // nothing of this cost a try
    expect((await check(issued.id, code)).status).toBe(200);
    expect((await otpost.api.post(`/v1/otp/${challenge.id}/verify`, { code: theirs })).status).toBe(200);
  });

  it.each([
    ['to', { to: 'nobody' }],
    ['purpose', { purpose: 'Not This' }],
    ['purpose', { purpose: 'custom:checkout' }],
    ['ttlSeconds', { ttlSeconds: 59 }],
    ['ttlSeconds', { ttlSeconds: 601 }],
    ['length', { length: 5 }],
    ['length', { length: 11 }],
    ['template', { template: 'register-code' }],
    ['template', { template: '../layout' }],
    ['locale', { locale: 'no such' }],
    ['subject', { subject: 'Hello' }],
  ])('is refused for its %s: %j', async (field, more) => {
    const { status, body } = await call('', { to: 'ada@example.com', purpose: 'checkout', ...more });
    expect([status, body.code, body.errors?.map((error) => error.field)]).toEqual([422, 'validation_failed', [field]]);
  });

  it.each(['12345', '12345678901', '12345x', '', 123456, '1'.repeat(65)])(
    'spends no try on %j, which is no code',
    async (code) => {
      const { issued, wrong } = await started();
      expect((await call(`/${issued.id}/check`, { code })).status).toBe(422);
      expect((await check(issued.id, wrong)).body.attemptsLeft).toBe(4);
    },
  );

  it('is for keys of its scope', async () => {
    const other = await createApiKey(otpost.database.url, ['emails:send', 'emails:read']);
    const { issued, code } = await started();
    for (const path of ['', `/${issued.id}/check`, `/${issued.id}/resend`]) {
      const refused = await otpost.api.post<ProblemBody>(
        `/v1/verifications${path}`,
        { code },
        { authorization: `Bearer ${other}` },
      );
      expect([refused.status, refused.body.code]).toEqual([403, 'scope_missing']);
      expect((await otpost.api.post(`/v1/verifications${path}`, { code })).status).toBe(401);
    }
    expect((await otpost.api.get(`/v1/verifications/${issued.id}`, other)).status).toBe(403);
  });

  it('is recorded: who asked, who failed, who was approved, and no code', async () => {
    const { to, issued, code, wrong } = await started();
    await check(issued.id, wrong);
    await check(issued.id, code);
    const rows = await otpost.database.query<{ action: string; result: string; actor_kind: string; row: string }>(
      'SELECT action, result, actor_kind, row_to_json(a)::text AS row FROM audit_events a WHERE target_id = $1 ORDER BY id',
      [issued.id],
    );
    expect(rows.map(({ action, result, actor_kind: kind }) => [action, result, kind])).toEqual([
      ['code.requested', 'done', 'api_key'],
      ['code.refused', 'refused', 'api_key'],
      ['code.approved', 'done', 'api_key'],
    ]);
    for (const { row } of rows)
      for (const secret of [`"${code}"`, `"${wrong}"`, to.split('@')[0]!]) expect(row).not.toContain(secret);
  });
});

describe('the limits of verifications', () => {
  let otpost: Otpost;

  beforeAll(async () => {
    otpost = await startOtpost({
      ROLE: 'web',
      OUTBOX_RESCUE: 'off',
      LIMIT_DESTINATION: '2/15min',
      LIMIT_KEY: '6/min',
      LIMIT_IP: '1/10min',
    });
  });
  afterAll(() => otpost.stop());

  it('are those of the address and of the key, not of where the back end runs', async () => {
    const [key, other] = [
      await createApiKey(otpost.database.url, ['verifications']),
      await createApiKey(otpost.database.url, ['verifications']),
    ];
    const start = (to: string, by: string) =>
      otpost.api.post<Body>('/v1/verifications', { to, purpose: 'checkout' }, { authorization: `Bearer ${by}` });
    expect((await start('ada@example.com', key)).status).toBe(202);
    expect((await start('Ada@Example.com', key)).status).toBe(202);
    const flooded = await start('ada@example.com', key);
    expect([flooded.status, flooded.body.code, flooded.body.detail]).toEqual([
      429,
      'rate_limited',
      'Too much was asked for this address.',
    ]);
    expect(Number(flooded.headers.get('retry-after'))).toBeGreaterThan(0);
    for (const name of ['b', 'c', 'd']) expect((await start(`${name}@example.com`, key)).status).toBe(202);
    const many = await start('e@example.com', key);
    expect([many.status, many.body.detail]).toEqual([429, 'This API key made too many requests.']);
    expect((await start('e@example.com', other)).status).toBe(202);
  });
});
