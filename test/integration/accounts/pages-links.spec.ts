import { linkIn, PageClient } from '../../support/http/page-client.js';
import type { IssuedBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, Visitors } from '../../support/service/visitors.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const HIS = 'the attacker knows this';
const NEW = 'seventeen green bottles';

describe('the page behind the link in a mail', () => {
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

  const fresh = (): string => `joan${++number}@example.com`;
  const browser = () => new PageClient(otpost.api.url);
  const linkOf = async (issued: IssuedBody, end = ''): Promise<string> =>
    linkIn((await people.mailOf(issued)).mail.text, end);
  const accountsOf = (email: string) =>
    otpost.database.query<{ name: string | null; password_hash: string | null }>(
      'SELECT name, password_hash FROM accounts WHERE email = $1',
      [email],
    );

  it('uses nothing up when it is opened, however often, and signs in when its button is pressed, once', async () => {
    const email = fresh();
    const path = await linkOf(await otpost.api.register(email));
    const page = browser();
    for (let visit = 0; visit < 5; visit++) {
      expect((await page.head(path)).status).toBe(200);
      const { status, text } = await page.get(path);
      expect([status, text.includes('Confirm and sign in'), text.includes(email)]).toEqual([200, true, true]);
    }
    expect(page.cookies.has('otpost_session')).toBe(false);
    expect(await accountsOf(email)).toEqual([]);
    const pressed = await page.post(path);
    expect([pressed.status, pressed.location]).toEqual([303, '/account']);
    expect(await page.signedInAs()).toBe(email);
    const again = await browser().post(path);
    expect([again.status, again.text.includes('has already been used')]).toEqual([410, true]);
  });

  it.each(['login', 'verify_email'])('signs in for %s, in the browser where it is pressed', async (purpose) => {
    const email = fresh();
    await people.signUp(email);
    const page = browser();
    await page.post(await linkOf((await people.ask(purpose, email)).body));
    expect(await page.signedInAs()).toBe(email);
    const [session] = await otpost.database.query<{ method: string }>(
      'SELECT method FROM sessions WHERE cookie_hash = sha256($1::bytea)',
      [Buffer.from(page.cookies.get('otpost_session')!)],
    );
    expect(session!.method).toBe('link');
  });

  it('is told to nobody: no referrer, no cache, no index, no script', async () => {
    const path = await linkOf(await otpost.api.register(fresh()));
    for (const at of [path, `${path}/not-me`, '/l/undo/AAAAAAAAAAAAAAAAAAAAAA', '/l/cut-off']) {
      const { headers, text } = await browser().get(at);
      expect([headers.get('referrer-policy'), headers.get('cache-control'), headers.get('x-robots-tag')]).toEqual([
        'no-referrer',
        'no-store',
        'noindex',
      ]);
      expect(headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-[^;]+; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
      );
      expect(text).not.toMatch(/<script|\son\w+=|\?\w+=/i);
    }
  });

  it('says what to do once it is over, was stopped, or never was', async () => {
    const [expired, stopped] = [await otpost.api.register(fresh()), await otpost.api.register(fresh())];
    const paths = [await linkOf(expired), await linkOf(stopped)];
    const notMe = await linkOf(stopped, '/not-me');
    await browser().post(notMe);
    expect(await browser().get(paths[1]!)).toMatchObject({
      status: 410,
      text: expect.stringContaining('This wasn’t me') as string,
    });
    clock.advance(600);
    for (const method of ['get', 'post'] as const) {
      expect(await browser()[method](paths[0]!)).toMatchObject({
        status: 410,
        text: expect.stringContaining('has expired') as string,
      });
      expect(await browser()[method]('/l/AAAAAAAAAAAAAAAAAAAAAA')).toMatchObject({
        status: 404,
        text: expect.stringContaining('opening it from the email once more') as string,
      });
      expect((await browser()[method]('/l/x')).status).toBe(404);
    }
  });

  it('lets one of many who press at the same moment in', async () => {
    const path = await linkOf(await otpost.api.register(fresh()));
    const answers = await Promise.all(Array.from({ length: 6 }, () => browser().post(path)));
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 410, 410, 410, 410, 410]);
  });

  it('sets a new password, after saying what is wrong with one without being used up', async () => {
    const email = fresh();
    const before = await people.signUp(email, { password: HIS });
    const path = await linkOf((await people.ask('reset_password', email)).body);
    const page = browser();
    expect((await page.get(path)).text).toMatch(/autocomplete="new-password"/);
    for (const [newPassword, reason] of [
      ['', 'at least 8'],
      ['short', 'at least 8'],
      ['password1', 'attackers try'],
      ['x'.repeat(5_000), 'at most 128'],
    ] as const) {
      const { status, text } = await page.post(path, { newPassword });
      expect([status, text.includes(reason), text.includes('role="alert"')]).toEqual([422, true, true]);
      if (newPassword !== '') expect(text).not.toContain(newPassword);
    }
    expect((await page.post(path, { newPassword: NEW })).status).toBe(303);
    expect(await page.signedInAs()).toBe(email);
    expect((await otpost.api.get('/v1/me', before.accessToken)).status).toBe(401);
    expect((await people.signInByPassword(email, HIS)).status).toBe(401);
    expect((await people.signInByPassword(email, NEW)).status).toBe(200);
  });

  it('leaves out the password and name of a stranger who registered the address before its owner pressed', async () => {
    const victim = fresh();
    const attack = await otpost.api.register(victim, { password: HIS, name: 'Owned' });
    const page = browser();
    await page.post(await linkOf(attack));
    expect(await page.signedInAs()).toBe(victim);
    expect(await accountsOf(victim)).toEqual([{ name: null, password_hash: null }]);
    expect((await people.signInByPassword(victim, HIS)).status).toBe(401);
    expect((await people.verify(attack, await people.codeOf(attack))).body.code).toBe('otp_consumed');
  });

  it('opens nothing for codes that belong to a session, and for mails without one', async () => {
    const email = fresh();
    const session = await people.signUp(email);
    const reauthenticate = (await people.ask('reauthenticate', undefined, bearer(session.accessToken))).body;
    const changeEmail = (
      await otpost.api.post<IssuedBody>('/v1/me/email', { email: fresh() }, bearer(session.accessToken))
    ).body;
    const decoy = (await people.ask('login', fresh())).body;
    for (const issued of [reauthenticate, changeEmail, decoy]) {
      const path = (await linkOf(issued, '/not-me')).replace('/not-me', '');
      const page = browser();
      const { status, text } = await page.get(path);
      expect([
        status,
        text.includes('nothing to open'),
        text.includes(`${path}/not-me`),
        text.includes('<form'),
      ]).toEqual([200, true, true, false]);
      expect([(await page.post(path)).status, page.cookies.size]).toEqual([409, 0]);
    }
    const [row] = await otpost.database.query<{ open: string }>(
      'SELECT count(*) AS open FROM otp_challenges WHERE consumed_at IS NULL AND id = ANY($1)',
      [[reauthenticate, changeEmail, decoy].map(({ challenge }) => challenge.id)],
    );
    expect(Number(row!.open)).toBe(3);
  });

  it('is not pressed by a stranger’s page', async () => {
    const email = fresh();
    const path = await linkOf(await otpost.api.register(email));
    const page = browser();
    const foreign: Record<string, string>[] = [
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: 'null' },
      { origin: 'https://evil.example' },
      { origin: 'http://localhost:3001' },
    ];
    for (const headers of foreign) {
      const { status, text } = await page.post(path, {}, headers);
      expect([status, text.includes('from another site'), page.cookies.size]).toEqual([403, true, 0]);
    }
    expect(await accountsOf(email)).toEqual([]);
    // Our own page says no referrer, so its forms come from "null".
    expect((await page.post(path, {}, { 'sec-fetch-site': 'same-origin', origin: 'null' })).status).toBe(303);
  });

  it('keeps no cookie that was there before, and ends the session that it was for', async () => {
    const page = browser();
    await page.post(await linkOf(await otpost.api.register(fresh())));
    const former = page.cookies.get('otpost_session')!;
    const email = fresh();
    await page.post(await linkOf(await otpost.api.register(email)));
    expect(page.cookies.get('otpost_session')).not.toBe(former);
    expect(await page.signedInAs()).toBe(email);
    const thief = browser();
    thief.cookies.set('otpost_session', former);
    expect(await thief.signedInAs()).toBeUndefined();
    thief.cookies.set('otpost_session', `ots_${'A'.repeat(43)}`);
    await thief.post(await linkOf(await otpost.api.register(fresh())));
    expect(thief.cookies.get('otpost_session')).not.toBe(`ots_${'A'.repeat(43)}`);
  });
});

describe('pressing links', () => {
  it('is limited by network, and people are told so on a page', async () => {
    const otpost = await startOtpost({ LIMIT_IP: '3/10min' });
    const page = new PageClient(otpost.api.url);
    const press = async (path: string) => (await page.post(path)).status;
    expect([await press('/l/x'), await press('/l/x/not-me'), await press('/l/undo/x')]).toEqual([404, 404, 404]);
    for (const path of ['/l/x', '/l/x/not-me', '/l/undo/x']) {
      const { status, headers, text } = await page.post(path);
      expect([status, Number(headers.get('retry-after')) > 500, headers.get('content-type')]).toEqual([
        429,
        true,
        'text/html; charset=utf-8',
      ]);
      expect(text).toContain('Try again in 10 minutes.');
    }
    expect((await page.get('/l/x')).status).toBe(404);
    await otpost.stop();
  });

  it('tells people in their words, and nothing of its inside, when something is broken', async () => {
    const otpost = await startOtpost();
    await otpost.database.query('ALTER TABLE otp_challenges RENAME TO gone');
    const { status, headers, text } = await new PageClient(otpost.api.url).get('/l/AAAAAAAAAAAAAAAAAAAAAA');
    expect([status, headers.get('content-type'), headers.get('referrer-policy')]).toEqual([
      500,
      'text/html; charset=utf-8',
      'no-referrer',
    ]);
    expect(text).toContain(headers.get('x-request-id')!);
    expect(text).not.toMatch(/challenge|prisma|table/i);
    await otpost.stop();
  });
});
