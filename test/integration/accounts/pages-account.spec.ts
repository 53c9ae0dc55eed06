import { linkIn, PageClient } from '../../support/http/page-client.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { Visitors } from '../../support/service/visitors.js';
import { eventually } from '../../support/signals/wait.js';
import { codeIn, type Received, SmtpSink } from '../../support/smtp/smtp-sink.js';
import { wrongCode } from '../../support/text/wrong-code.js';

describe('the account page', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: Visitors;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, APP_URL: 'http://localhost:3000' }, clock);
    people = new Visitors(otpost, sink);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const fresh = (): string => `anna${++number}@example.com`;
  const browser = () => new PageClient(otpost.api.url);

  /** The mail whose reference the page shows. */
  async function mailFor(page: PageClient, path: string): Promise<Received> {
    const { text } = await page.get(path);
    const reference = /reference <b>(\w{4})<\/b>/.exec(text)![1]!;
    return eventually(
      () => sink.received.find(({ mail }) => mail.subject?.includes(reference)),
      `the mail ${reference}`,
    );
  }

  async function signIn(email: string, page = browser()): Promise<PageClient> {
    const path = await page.askFor(email);
    const { status } = await page.post(path, { code: codeIn((await mailFor(page, path)).mail.text) });
    expect(status).toBe(303);
    return page;
  }

  it('shows the address in one form, lest the letters of the stored one tell that somebody has it', async () => {
    const [known, unknown] = [fresh(), fresh()];
    await people.signUp(known);
    for (const email of [known, unknown]) {
      const page = browser();
      const path = await page.askFor(email.replace('anna', 'aNNa'));
      expect((await page.get(path)).text).toContain(`<b>${email}</b>`);
    }
  });

  it('signs in and registers by code, in the same words, and shows no address in a URL', async () => {
    const [known, unknown] = [fresh(), fresh()];
    const { account } = await people.signUp(known, { name: 'Anna' });
    const answers = [];
    for (const email of [known, unknown]) {
      const page = browser();
      const asked = await page.post('/account/sign-in', { email });
      expect(asked.location).toMatch(/^\/account\/code\/[\w-]{22}$/);
      const mail = await mailFor(page, asked.location!);
      const shown = await eventually(async () => {
        const looked = await page.get(asked.location!);
        return looked.text.includes('data-state="sent"') && looked;
      }, 'the page to say that the mail was taken');
      answers.push([
        asked.status,
        [...asked.headers.keys()],
        shown.text.replaceAll(email, '').replaceAll(/[\w-]{22}|<b>\w{4}<\/b>/g, ''),
      ]);
      expect(await page.post(asked.location!, { code: codeIn(mail.mail.text) })).toMatchObject({
        status: 303,
        location: '/account',
      });
      expect(await page.signedInAs()).toBe(email);
    }
    expect(answers[1]).toEqual(answers[0]);
    const rows = await otpost.database.query<{ id: string }>('SELECT id FROM accounts WHERE email = ANY($1)', [
      [known, unknown],
    ]);
    expect(rows.map(({ id }) => id)).toContain(account.id);
    expect(rows).toHaveLength(2);
  });

  it('asks for the code as phones fill it in, and takes it with a blank in it', async () => {
    const page = browser();
    const path = await page.askFor(fresh());
    const code = codeIn((await mailFor(page, path)).mail.text);
    const { text } = await page.get(path);
    expect(text).toMatch(/<input [^>]*inputmode="numeric" autocomplete="one-time-code"/);
    expect((await page.post(path, { code: ` ${code.slice(0, 3)} ${code.slice(3)} ` })).status).toBe(303);
  });

  it('says what is wrong with an address or a code, and counts no try for what is no code', async () => {
    const page = browser();
    const refused = await page.post('/account/sign-in', { email: 'anna@"><b>' });
    expect([
      refused.status,
      refused.text.includes('role="alert"'),
      refused.text.includes('value="anna@&quot;&gt;&lt;b&gt;"'),
    ]).toEqual([422, true, true]);
    const path = await page.askFor(fresh());
    const code = codeIn((await mailFor(page, path)).mail.text);
    for (const noCode of ['', '12345', 'abcdef', '1234567'])
      expect((await page.post(path, { code: noCode })).status).toBe(422);
    const wrong = wrongCode(code);
    for (const left of ['4 tries', '3 tries', '2 tries', 'one try']) {
      const { status, text } = await page.post(path, { code: wrong });
      expect([
        status,
        text.includes(`That’s not the right code. You have ${left} left.`),
        text.includes('aria-invalid'),
      ]).toEqual([400, true, true]);
    }
    expect(await page.post(path, { code: wrong })).toMatchObject({
      status: 429,
      text: expect.stringContaining('The link in the email still works') as string,
    });
    expect((await page.post(path, { code })).status).toBe(429);
    expect(await page.signedInAs()).toBeUndefined();
  });

  it('tells what became of the mail, and sends it again after half a minute', async () => {
    const page = browser();
    const email = fresh();
    const path = await page.askFor(email);
    await eventually(
      async () => (await page.get(path)).text.includes('data-state="sent"'),
      'the page to say that the mail was taken',
    );
    expect((await page.get(path)).text).toContain(
      'You can send it again in <span data-left="30000" data-then=".again">30 seconds</span>',
    );
    expect(await page.post(`${path}/resend`)).toMatchObject({
      status: 429,
      text: expect.stringContaining('Try again in 30 seconds.') as string,
    });
    clock.advance(30);
    expect((await page.get(path)).text).toContain('Send it again');
    expect(await page.post(`${path}/resend`)).toMatchObject({ status: 303, location: path });
    const mails = await sink.waitForMailTo(email, 2);
    expect(codeIn(mails[1]!.mail.text)).toBe(codeIn(mails[0]!.mail.text));
    clock.advance(570);
    expect(await page.get(path)).toMatchObject({ status: 410, text: expect.stringContaining('has expired') as string });
  });

  it('takes codes only in the browser that asked, lest a stranger’s registration is finished there', async () => {
    const victim = fresh();
    const attack = await otpost.api.register(victim, { password: 'the attacker knows this', name: 'Owned' });
    const code = await people.codeOf(attack);
    const path = `/account/code/${attack.challenge.id}`;
    for (const answer of [
      await browser().get(path),
      await browser().post(path, { code }),
      await browser().post(`${path}/resend`),
    ]) {
      expect([answer.status, answer.text.includes(victim)]).toEqual([404, false]);
    }
    const page = await signIn(victim);
    expect(await page.signedInAs()).toBe(victim);
    expect((await people.signInByPassword(victim, 'the attacker knows this')).status).toBe(401);
  });

  it('goes on by itself where the link was pressed in the same browser', async () => {
    const page = browser();
    const path = await page.askFor(fresh());
    await page.post(linkIn((await mailFor(page, path)).mail.text));
    expect(await page.get(path)).toMatchObject({ status: 303, location: '/account' });
    expect((await browser().get(path)).status).toBe(404);
  });

  it('lists where the account is signed in, and ends one session, this one, or all', async () => {
    const email = fresh();
    const page = await signIn(email);
    const [phone, app, other] = [await signIn(email), await people.signInByCode(email), await signIn(fresh())];
    const ends = [...(await page.get('/account')).text.matchAll(/\/account\/sessions\/([\w-]{36})\/end/g)].map(
      ([path]) => path,
    );
    expect(ends).toHaveLength(2); // of the two others: this one has the button below them
    for (const end of ends) expect((await other.post(end)).status).toBe(404); // another account's
    const [session] = await otpost.database.query<{ id: string }>(
      'SELECT id FROM sessions WHERE cookie_hash IS NULL AND account_id = $1',
      [app.account.id],
    );
    expect(await page.post(`/account/sessions/${session!.id}/end`)).toMatchObject({
      status: 303,
      location: '/account',
    });
    expect((await otpost.api.get('/v1/me', app.accessToken)).status).toBe(401);
    const kept = page.cookies.get('otpost_session')!;
    expect((await page.post('/account/sign-out')).status).toBe(303);
    expect([page.cookies.has('otpost_session'), page.cookies.has('otpost_device')]).toEqual([false, true]);
    page.cookies.set('otpost_session', kept);
    expect(await page.signedInAs()).toBeUndefined();
    expect(await phone.signedInAs()).toBe(email);
    const again = await signIn(email, page);
    expect((await again.post('/account/sign-out-everywhere')).status).toBe(303);
    expect([await phone.signedInAs(), await again.signedInAs(), await other.signedInAs()]).toEqual([
      undefined,
      undefined,
      expect.any(String),
    ]);
    expect((await browser().post(ends[0]!)).location).toBe('/account');
  });

  it('confirms who is there for the pages that ask for it, and for nothing that every object has', async () => {
    const email = fresh();
    const page = await signIn(email);
    const codes = async () =>
      (await otpost.database.query('SELECT FROM otp_challenges WHERE destination_canonical = $1', [email])).length;
    const before = await codes();
    for (const next of ['constructor', 'toString', '__proto__', 'profile', ''])
      expect(await page.post('/account/confirm', { next })).toMatchObject({ status: 303, location: '/account' });
    expect(await codes()).toBe(before);
    expect((await page.post('/account/confirm', { next: 'email' })).location).toMatch(/^\/account\/code\//);
    expect(await codes()).toBe(before + 1);
  });

  it('is not signed out, nor signed in, by a stranger’s page', async () => {
    const page = await signIn(fresh());
    for (const path of ['/account/sign-in', '/account/sign-out', '/account/sign-out-everywhere']) {
      const foreign: Record<string, string>[] = [
        { 'sec-fetch-site': 'same-site' },
        { origin: 'https://evil.example' },
        { origin: 'null' },
      ];
      for (const headers of foreign) expect((await page.post(path, { email: fresh() }, headers)).status).toBe(403);
    }
    expect(await page.signedInAs()).toBeDefined();
    expect((await page.post('/account/sign-out', {}, { origin: 'http://localhost:3000' })).status).toBe(303);
  });

  it('knows no access tokens, and the API no cookies', async () => {
    const email = fresh();
    const { accessToken } = await people.signUp(email);
    expect((await browser().get('/account', { authorization: `Bearer ${accessToken}` })).text).toContain(
      'Continue with email',
    );
    const page = await signIn(email);
    for (const path of ['/v1/me', '/v1/sessions']) expect((await page.get(path)).status).toBe(401);
    const cookie = page.cookies.get('otpost_session')!;
    expect((await otpost.api.get('/v1/me', cookie)).status).toBe(401);
    page.cookies.set('otpost_session', accessToken);
    expect(await page.signedInAs()).toBeUndefined();
  });

  it('keeps its device known: whoever uses up the address’s limit does not lock it out', async () => {
    const strict = await startOtpost({ MAIL_TRANSPORTS: sink.url, LIMIT_DESTINATION: '2/15min,20/day' });
    const email = fresh();
    const page = new PageClient(strict.api.url);
    await page.post(await page.askFor(email), { code: codeIn((await sink.waitForMailTo(email))[0]!.mail.text) });
    await strict.api.register(email);
    const stranger = new PageClient(strict.api.url);
    expect((await stranger.post('/account/sign-in', { email })).status).toBe(429);
    expect((await page.post('/account/sign-in', { email })).status).toBe(303);
    await strict.stop();
  });

  it.each([
    ['http://localhost:3000', 'otpost_session', 'otpost_device', ''],
    ['https://accounts.example.com', '__Host-otpost', '__Host-otpost-device', '; Secure'],
  ])('at %s keeps cookies that only it can set and read', async (appUrl, session, device, secure) => {
    const here = await startOtpost({ MAIL_TRANSPORTS: sink.url, APP_URL: appUrl });
    const email = fresh();
    const page = new PageClient(here.api.url);
    const path = await page.askFor(email);
    const { headers } = await page.post(path, { code: codeIn((await sink.waitForMailTo(email))[0]!.mail.text) });
    expect(headers.getSetCookie()).toEqual([
      expect.stringMatching(
        new RegExp(`^${session}=ots_[\\w-]{43}; Max-Age=7776000; Path=/; HttpOnly${secure}; SameSite=Lax$`),
      ),
      expect.stringMatching(
        new RegExp(`^${device}=otd_[\\w-]+; Max-Age=31536000; Path=/; HttpOnly${secure}; SameSite=Lax$`),
      ),
      expect.stringMatching(
        new RegExp(
          `^${session.replace('_session', '')}[-_]asked=[\\w-]{22}\\.[\\da-f]{8}\\.[\\w-]{43}; Max-Age=604800; Path=/; HttpOnly${secure}; SameSite=Lax$`,
        ),
      ),
    ]);
    expect(await page.signedInAs()).toBe(email);
    await here.stop();
  });
});
