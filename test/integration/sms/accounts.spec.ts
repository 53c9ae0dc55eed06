import { ProviderServer } from '../../support/http/provider-server.js';
import { codeInText, smsApi, SMS_ENTRIES, textsTo } from '../../support/http/sms-apis.js';
import { AccountHolders, type Holder } from '../../support/service/account-holders.js';
import type { Answer, IssuedBody, ProblemBody, SignedInBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { codeIn, type Received, SmtpSink } from '../../support/smtp/smtp-sink.js';

type Issued = IssuedBody & ProblemBody;
type SignedIn = SignedInBody & ProblemBody & { account: { phone: string | null } };

describe('the number of an account', () => {
  let sink: SmtpSink;
  let twilio: ProviderServer;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: AccountHolders;
  let count = 0;

  const start = (env: Record<string, string> = {}): Promise<Otpost> =>
    startOtpost(
      {
        MAIL_TRANSPORTS: sink.url,
        SMS_TRANSPORTS: `${SMS_ENTRIES.twilio}?endpoint=${twilio.url}`,
        SMS_COUNTRIES: 'PH',
        ...env,
      },
      clock,
    );

  beforeAll(async () => {
    sink = await SmtpSink.start();
    twilio = await ProviderServer.start(smsApi('twilio'));
    clock = new HeldClock();
    otpost = await start({ SMS_SIGN_IN: 'on' });
    people = new AccountHolders(otpost, sink, 'phone');
  });
  afterAll(async () => {
    await otpost.stop();
    await Promise.all([sink.stop(), twilio.stop()]);
  });

  const fresh = (): string => `+639${String(190_000_000 + ++count * 10_001)}`;
  const add = (holder: { accessToken: string }, phone: string): Promise<Answer<Issued>> =>
    people.ask<Issued>('POST', '/v1/me/phone', holder, { phone });
  const ask = (body: object): Promise<Answer<Issued>> => otpost.api.post<Issued>('/v1/otp', body);
  const verify = (issued: Issued, body: object, holder?: { accessToken: string }): Promise<Answer<SignedIn>> =>
    otpost.api.post<SignedIn>(
      `/v1/otp/${issued.challenge.id}/verify`,
      body,
      holder ? { authorization: `Bearer ${holder.accessToken}` } : {},
    );

  const textTo = async (phone: string, nth = 1): Promise<string> => (await textsTo(twilio, phone, nth))[nth - 1]!;
  const codeTo = async (phone: string, nth = 1): Promise<string> => codeInText(await textTo(phone, nth));

  async function withNumber(more: { password?: string } = {}): Promise<{ holder: Holder; phone: string }> {
    const holder = await people.signUp(more);
    const phone = fresh();
    const { status, body } = await add(holder, phone);
    expect([status, body.challenge.purpose]).toEqual([202, 'change_phone']);
    const added = await verify(body, { code: await codeTo(phone) }, holder);
    expect([added.status, added.body.account.phone]).toEqual([200, phone]);
    return { holder: { ...holder, ...added.body }, phone };
  }

  it('is there once the code that went to it comes back from the same session, and the mailbox is told', async () => {
    const holder = await people.signUp();
    const other = await people.signUp();
    const phone = fresh();
    const { body } = await add(holder, phone);
    const code = await codeTo(phone);
    expect((await verify(body, { code })).status).toBe(401);
    expect((await verify(body, { code }, other)).status).toBe(401);
    expect((await verify(body, { code }, holder)).body.account.phone).toBe(phone);
    const mails = await sink.waitForMailTo(holder.account.email, 2);
    expect(mails[1]!.mail.subject).toContain('phone number');
  });

  it('belongs to one account; whoever has it is told, and the answer is the same', async () => {
    const { phone } = await withNumber();
    const holder = await people.signUp();
    const { status, body } = await add(holder, phone);
    expect([status, body.challenge.purpose]).toEqual([202, 'change_phone']);
    expect(await textTo(phone, 2)).toContain('Another account has it already');
    const { body: me } = await people.ask<{ phone: string | null }>('GET', '/v1/me', holder);
    expect(me.phone).toBeNull();
  });

  it('signs in, sets a new password, and confirms that it is still they', async () => {
    const { holder, phone } = await withNumber();
    const login = await ask({ purpose: 'login', phone });
    const signedIn = await verify(login.body, { code: await codeTo(phone, 2) });
    expect([signedIn.status, signedIn.body.account.id]).toEqual([200, holder.account.id]);
    const reset = await ask({ purpose: 'reset_password', phone });
    const newPassword = 'seventeen green bottles';
    expect((await verify(reset.body, { code: await codeTo(phone, 3), newPassword })).status).toBe(200);
    const again = await people.signedIn(holder.account.email, newPassword);
    const asked = await people.ask<Issued>('POST', '/v1/otp', again, { purpose: 'reauthenticate', channel: 'sms' });
    expect((await verify(asked.body, { code: await codeTo(phone, 4) }, again)).status).toBe(200);
  });

  it('answers alike for a number that nobody has, whose holder is told', async () => {
    const { phone } = await withNumber();
    const [known, unknown] = [await ask({ purpose: 'login', phone }), await ask({ purpose: 'login', phone: fresh() })];
    const shape = ({ status, body, headers }: Answer<Issued>) => ({
      status,
      body: { ...body, challenge: { ...body.challenge, id: '', reference: '' } },
      headers: [...headers.keys()].filter((name) => name !== 'x-request-id').sort(),
    });
    expect(shape(unknown)).toEqual(shape(known));
    expect(await textTo(`+639${String(190_000_000 + count * 10_001)}`)).toContain('There is no account with it');
    const { body } = await verify(unknown.body, { code: '000000' });
    expect(body).toMatchObject({ code: 'otp_invalid', attemptsLeft: 4 });
  });

  it('sends the same code again, counted as a message', async () => {
    const { phone } = await withNumber();
    const { body } = await ask({ purpose: 'login', phone });
    const code = await codeTo(phone, 2);
    clock.advance(31);
    expect((await otpost.api.post(`/v1/otp/${body.challenge.id}/resend`, {})).status).toBe(202);
    expect(await codeTo(phone, 3)).toBe(code);
  });

  it('opens its account by the same code in the mailbox too, where a text is asked for by mail', async () => {
    const { holder, phone } = await withNumber();
    const { body } = await ask({ purpose: 'login', phone });
    const code = await codeTo(phone, 2);
    const byMail = (of: Issued) => otpost.api.post<Issued>(`/v1/otp/${of.challenge.id}/resend`, { channel: 'email' });
    expect((await byMail(body)).body.code).toBe('resend_too_soon');
    clock.advance(31);
    expect((await byMail(body)).status).toBe(202);
    const [, , { mail }] = (await sink.waitForMailTo(holder.account.email, 3)) as [unknown, unknown, Received];
    expect(codeIn(mail.text)).toBe(code);
    expect((await textsTo(twilio, phone, 2)).length).toBe(2);
    expect((await verify(body, { code })).body.account.id).toBe(holder.account.id);
  });

  it('gets its text again where nobody has it, and one that shows who has it goes there alone', async () => {
    const holder = await people.signUp();
    const [unknown, phone] = [fresh(), fresh()];
    const { body } = await ask({ purpose: 'login', phone: unknown });
    const { body: change } = await add(holder, phone);
    await textTo(unknown); // a copy takes the place of one that has not begun
    clock.advance(31);
    const byMail = (of: Issued) => otpost.api.post<Issued>(`/v1/otp/${of.challenge.id}/resend`, { channel: 'email' });
    expect((await byMail(body)).status).toBe(202);
    expect(await textTo(unknown, 2)).toContain('There is no account with it');
    expect((await byMail(change)).body).toMatchObject({
      code: 'validation_failed',
      errors: [{ field: 'channel', code: 'not_supported' }],
    });
    await verify(change, { code: await codeTo(phone) }, holder);
  });

  it('is told no fate of a copy by mail, whoever has the number, until it is sent by SMS again', async () => {
    const { holder, phone } = await withNumber();
    const unknown = fresh();
    const issued = [await ask({ purpose: 'login', phone }), await ask({ purpose: 'login', phone: unknown })];
    const ids = issued.map(({ body }) => body.challenge.id);
    await codeTo(phone, 2);
    await textTo(unknown);
    clock.advance(31);
    const again = (body: object) => Promise.all(ids.map((id) => otpost.api.post(`/v1/otp/${id}/resend`, body)));
    const told = () => Promise.all(ids.map(async (id) => (await otpost.api.get(`/v1/otp/${id}/delivery`)).body));
    const fates = (status: string) =>
      otpost.database.query('UPDATE outbound_emails SET status = $2::email_status WHERE supersede_key = ANY($1)', [
        ids.map((id) => `otp:${id}`),
        status,
      ]);
    await again({ channel: 'email' });
    const asked = { status: 'queued', updatedAt: clock.now().toISOString() };
    await sink.waitForMailTo(holder.account.email, 3);
    await textTo(unknown, 2);
    for (const status of ['sent', 'bounced', 'failed']) {
      await fates(status);
      expect(await told()).toEqual([asked, asked]);
    }
    clock.advance(31);
    await again({});
    await codeTo(phone, 3);
    await textTo(unknown, 3);
    await fates('delivered');
    expect(await told()).toMatchObject([{ status: 'delivered' }, { status: 'delivered' }]);
  });

  it('opens nothing by a copy in a mailbox that is the account’s no more', async () => {
    const { holder, phone } = await withNumber();
    const { body } = await ask({ purpose: 'login', phone });
    const code = await codeTo(phone, 2);
    clock.advance(31);
    await otpost.api.post(`/v1/otp/${body.challenge.id}/resend`, { channel: 'email' });
    await otpost.database.query('UPDATE accounts SET email = $1, email_canonical = $1 WHERE id = $2', [
      `moved-${holder.account.email}`,
      holder.account.id,
    ]);
    expect((await verify(body, { code })).body.code).toBe('otp_consumed');
  });

  it('is removed with a proof, and opens nothing from then on', async () => {
    const { holder, phone } = await withNumber();
    expect((await people.ask('DELETE', '/v1/me/phone', holder, {})).status).toBe(204);
    const { body: me } = await people.ask<{ phone: string | null }>('GET', '/v1/me', holder);
    expect(me.phone).toBeNull();
    await ask({ purpose: 'login', phone });
    expect(await textTo(phone, 2)).toContain('There is no account');
    await sink.waitForMailTo(holder.account.email, 3);
  });

  it('is changed by nobody who only has a session that is old', async () => {
    const holder = await people.signUp();
    clock.advance(11 * 60);
    const { body: tokens } = await otpost.api.post<Holder>('/v1/sessions/refresh', {
      refreshToken: holder.refreshToken,
    });
    expect((await add(tokens, fresh())).body).toMatchObject({ status: 403, code: 'reauthentication_required' });
  });

  it('opens no account unless the operator says so, and none by an address besides', async () => {
    const strict = await start();
    try {
      const post = (body: object) => strict.api.post<Issued>('/v1/otp', body);
      expect((await post({ purpose: 'login', phone: fresh() })).body).toMatchObject({
        status: 422,
        code: 'sms_sign_in_off',
      });
    } finally {
      await strict.stop();
    }
    const refusals = [
      [{ purpose: 'login' }, 'email'],
      [{ purpose: 'login', phone: '0917 123 4567' }, 'phone'],
      [{ purpose: 'login', phone: fresh(), email: 'ada@example.com' }, 'phone'],
      [{ purpose: 'verify_email', phone: fresh() }, 'phone'],
      [{ purpose: 'login', email: 'ada@example.com', channel: 'sms' }, 'channel'],
    ] as const;
    for (const [body, field] of refusals)
      expect([field, (await ask(body)).body]).toMatchObject([field, { status: 422, errors: [{ field }] }]);
    const holder = await people.signUp();
    expect(
      (await people.ask('POST', '/v1/otp', holder, { purpose: 'reauthenticate', channel: 'sms' })).body,
    ).toMatchObject({ status: 422, code: 'no_phone' });
  });
});
