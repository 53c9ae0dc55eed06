import pg from 'pg';
import { linkIn, type PageAnswer, PageClient } from '../../support/http/page-client.js';
import type { IssuedBody, SignedInBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, Visitors } from '../../support/service/visitors.js';
import { eventually } from '../../support/signals/wait.js';
import { codeIn, type Received, SmtpSink } from '../../support/smtp/smtp-sink.js';
import { wrongCode } from '../../support/text/wrong-code.js';

const PASSWORD = 'seventeen green bottles';
const OTHER = 'a wall of paper lanterns';

/**
 * keycloak#36012, logto PR#6995: whoever presses twice, or whose answer was lost, is told what the first press came to.
 */
describe('a second press', () => {
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

  const fresh = (): string => `mia${++number}@example.com`;
  const sessionsOf = async (email: string): Promise<number> =>
    (
      await otpost.database.query(
        'SELECT 1 FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.email_canonical = $1 AND s.revoked_at IS NULL',
        [email],
      )
    ).length;
  const works = async (tokens: SignedInBody): Promise<boolean[]> => [
    (await otpost.api.get('/v1/me', tokens.accessToken)).status === 200,
    (await otpost.api.post('/v1/sessions/refresh', { refreshToken: tokens.refreshToken })).status === 200,
  ];

  describe('on the API', () => {
    async function asked(
      email = fresh(),
      more: object = {},
    ): Promise<{ email: string; issued: IssuedBody; code: string }> {
      const issued = await otpost.api.register(email, more);
      return { email, issued, code: await people.codeOf(issued) };
    }

    it('gets tokens of the same session, which go on beside the first ones', async () => {
      const { email, issued, code } = await asked(fresh(), { password: PASSWORD, name: 'Mia' });
      const first = await people.verify(issued, code);
      const second = await people.verify(issued, code);
      expect([first.status, second.status, second.body.account]).toEqual([200, 200, first.body.account]);
      expect(second.body.refreshToken).not.toBe(first.body.refreshToken);
      expect([await works(first.body), await works(second.body)]).toEqual([
        [true, true],
        [true, true],
      ]);
      expect(await sessionsOf(email)).toBe(1);
      const actions = await otpost.database.query<{ action: string }>(
        "SELECT action FROM audit_events WHERE target_id = $1 AND action IN ('account.created', 'session.started') ORDER BY action",
        [first.body.account.id],
      );
      expect(actions.map(({ action }) => action)).toEqual(['account.created', 'session.started']);
    });

    it('is nobody else’s: without the code it opens nothing, however often it is tried', async () => {
      const { issued, code } = await asked();
      await people.verify(issued, code);
      for (let i = 0; i < 20; i++)
        expect((await people.verify(issued, wrongCode(code))).body.code).toBe('otp_consumed');
      expect((await people.verify(issued, code)).body.code).toBe('otp_consumed'); // guesses are counted here as well
    });

    it('comes too late after a minute', async () => {
      const { issued, code } = await asked();
      await people.verify(issued, code);
      clock.advance(60);
      expect((await people.verify(issued, code)).status).toBe(200);
      clock.advance(1);
      expect((await people.verify(issued, code)).body.code).toBe('otp_consumed');
    });

    it('brings no session back that was ended', async () => {
      const { issued, code } = await asked();
      const { body } = await people.verify(issued, code);
      await otpost.api.delete('/v1/sessions/current', body.accessToken);
      expect((await people.verify(issued, code)).body.code).toBe('otp_consumed');
    });

    it('is not the first press of whoever used the link', async () => {
      const { email, issued, code } = await asked();
      const page = new PageClient(otpost.api.url);
      await page.post(linkIn((await people.mailOf(issued)).mail.text));
      expect(await page.signedInAs()).toBe(email);
      expect((await people.verify(issued, code)).body.code).toBe('otp_consumed');
      expect(await sessionsOf(email)).toBe(1);
    });

    it('sets the new password once, and says so where another one comes', async () => {
      const email = fresh();
      await people.signUp(email);
      const { body } = await people.ask('reset_password', email);
      const code = await people.codeOf(body);
      const answers = [];
      for (const newPassword of [OTHER, OTHER, PASSWORD])
        answers.push((await people.verify(body, code, { newPassword })).status);
      expect(answers).toEqual([200, 200, 410]);
      expect((await people.signInByPassword(email, OTHER)).status).toBe(200);
      expect(
        people.mailsTo(email).filter(({ mail }) => /password was/i.test(mail.subject ?? '')).length,
      ).toBeLessThanOrEqual(1);
    });

    it('of a session that proves itself leaves both answers good', async () => {
      const { accessToken } = await people.signUp(fresh());
      const { body } = await people.ask('reauthenticate', undefined, bearer(accessToken));
      const code = await people.codeOf(body);
      const [first, second] = [
        await people.verify(body, code, {}, bearer(accessToken)),
        await people.verify(body, code, {}, bearer(accessToken)),
      ];
      expect([first.status, second.status]).toEqual([200, 200]);
      expect([await works(first.body), await works(second.body)]).toEqual([
        [true, true],
        [true, true],
      ]);
      expect((await people.verify(body, code)).status).toBe(401); // of that session only
    });

    it('of a new address changes it once', async () => {
      const { accessToken } = await people.signUp(fresh());
      const email = fresh();
      const { body } = await otpost.api.post<IssuedBody>('/v1/me/email', { email }, bearer(accessToken));
      const code = await people.codeOf(body);
      const answers = await Promise.all([1, 2].map(() => people.verify(body, code, {}, bearer(accessToken))));
      expect(answers.map(({ status, body: { account } }) => [status, account.email])).toEqual([
        [200, email],
        [200, email],
      ]);
      expect(await otpost.database.query('SELECT 1 FROM email_changes WHERE new_email = $1', [email])).toHaveLength(1);
    });
  });

  describe('on a page', () => {
    const browser = () => new PageClient(otpost.api.url);

    async function mailFor(page: PageClient, path: string): Promise<Received> {
      const reference = /reference <b>(\w{4})<\/b>/.exec((await page.get(path)).text)![1]!;
      return eventually(
        () => sink.received.find(({ mail }) => mail.subject?.includes(reference)),
        `the mail ${reference}`,
      );
    }

    /** Two presses in the same moment; whichever answer the browser hears, or both in any order, it is signed in. */
    async function pressTwice(
      page: PageClient,
      press: (one: PageClient) => Promise<PageAnswer>,
    ): Promise<PageClient[]> {
      const presses = [page.twin(), page.twin()];
      const answers = await Promise.all(presses.map(press));
      expect(answers.map(({ status, location }) => [status, location])).toEqual([
        [303, '/account'],
        [303, '/account'],
      ]);
      return presses;
    }

    it('on the code is signed in, in one session, whichever answer the browser hears', async () => {
      const email = fresh();
      const page = browser();
      const path = await page.askFor(email);
      const code = codeIn((await mailFor(page, path)).mail.text);
      const [one, two] = await pressTwice(page, (press) => press.post(path, { code }));
      expect([await one!.signedInAs(), await two!.signedInAs()]).toEqual([email, email]);
      expect(two!.cookies.get('otpost_session')).toBe(one!.cookies.get('otpost_session'));
      expect(await sessionsOf(email)).toBe(1);
    });

    it('on the code that comes once the browser is signed in leads to the account, and signs nobody out', async () => {
      const email = fresh();
      const page = browser();
      const path = await page.askFor(email);
      const code = codeIn((await mailFor(page, path)).mail.text);
      const before = page.twin();
      await page.post(path, { code });
      expect(await page.post(path, { code })).toMatchObject({ status: 303, location: '/account' });
      before.cookies.set('otpost_session', page.cookies.get('otpost_session')!);
      expect(await before.post(path, { code })).toMatchObject({ status: 303, location: '/account' });
      expect([await page.signedInAs(), await before.signedInAs(), await sessionsOf(email)]).toEqual([email, email, 1]);
    });

    it('on the link is signed in, in one session', async () => {
      const email = fresh();
      const path = linkIn((await people.mailOf(await otpost.api.register(email))).mail.text);
      const page = browser();
      await page.get(path);
      const presses = await pressTwice(page, (press) => press.post(path));
      for (const press of presses) expect(await press.signedInAs()).toBe(email);
      expect(await sessionsOf(email)).toBe(1);
    });

    it('on the link that sets a password sets it once, and tells the owner once', async () => {
      const email = fresh();
      await people.signUp(email);
      const path = linkIn((await people.mailOf((await people.ask('reset_password', email)).body)).mail.text);
      const page = browser();
      await page.get(path);
      for (const press of await pressTwice(page, (one) => one.post(path, { newPassword: OTHER })))
        expect(await press.signedInAs()).toBe(email);
      await people.signInByPassword(email, OTHER);
      const told = await otpost.database.query(
        "SELECT template FROM outbound_emails WHERE to_canonical = $1 AND template IN ('notice-password-set', 'notice-password-changed')",
        [email],
      );
      expect(told).toHaveLength(1);
    });

    it('of another browser is told that the link, or the code, was used', async () => {
      const path = linkIn((await people.mailOf(await otpost.api.register(fresh()))).mail.text);
      const [page, thief] = [browser(), browser()];
      for (const one of [page, thief]) await one.get(path);
      expect((await page.post(path)).status).toBe(303);
      const { status, text } = await thief.post(path);
      expect([status, text.includes('has already been used'), thief.cookies.has('otpost_session')]).toEqual([
        410,
        true,
        false,
      ]);
    });

    it('after a minute is told so, too, in the same browser once it signed out', async () => {
      const path = linkIn((await people.mailOf(await otpost.api.register(fresh()))).mail.text);
      const page = browser();
      await page.get(path);
      const late = page.twin();
      await page.post(path);
      clock.advance(61);
      expect((await late.post(path)).status).toBe(410);
    });

    it('on the password is signed in, in one session, and its owner is told of one new device', async () => {
      const email = fresh();
      await people.signUp(email, { password: PASSWORD });
      const before = await sessionsOf(email);
      const notices = () =>
        otpost.database.query(
          "SELECT 1 FROM outbound_emails WHERE to_canonical = $1 AND template = 'notice-new-device'",
          [email],
        );
      const page = browser();
      const form = /name="form" value="([\w-]{22})"/.exec((await page.get('/account/sign-in')).text)![1]!;
      const give = (one: PageClient) => one.post('/account/sign-in/password', { form, email, password: PASSWORD });
      const presses = await pressTwice(page, give);
      for (const press of presses) expect(await press.signedInAs()).toBe(email);
      expect([await sessionsOf(email), (await notices()).length]).toEqual([before + 1, 1]);
      expect((await give(presses[0]!)).status).toBe(303); // a third one, with what the first one set
      expect(await sessionsOf(email)).toBe(before + 1);
      clock.advance(61);
      const late = page.twin();
      expect([(await give(late)).status, await late.signedInAs()]).toEqual([303, email]);
      expect(await sessionsOf(email)).toBe(before + 2);
      // Of the same form with another password nothing is said.
      const stranger = page.twin();
      const wrong = await stranger.post('/account/sign-in/password', { form, email, password: OTHER });
      expect([wrong.status, await stranger.signedInAs()]).toEqual([401, undefined]);
    });

    it('on a new password, or on none, does it once, and leaves a copied cookie worth nothing', async () => {
      const email = fresh();
      const page = browser();
      const path = await page.askFor(email);
      await page.post(path, { code: codeIn((await mailFor(page, path)).mail.text) });
      const provenAt = async () => {
        const [row] = await otpost.database.query<{ proven: Date }>(
          'SELECT authenticated_at AS proven FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE a.email_canonical = $1 AND s.revoked_at IS NULL',
          [email],
        );
        return row!.proven;
      };
      const proven = await provenAt();
      const told = async () =>
        (
          await otpost.database.query<{ template: string }>(
            "SELECT template FROM outbound_emails WHERE to_canonical = $1 AND template LIKE 'notice-password%' ORDER BY id",
            [email],
          )
        ).map(({ template }) => template.replace('notice-password-', ''));
      const steps: { fields: Record<string, string>; at: string; word: string }[] = [
        { fields: { newPassword: PASSWORD }, at: '', word: 'set' },
        { fields: { newPassword: OTHER, currentPassword: PASSWORD }, at: '', word: 'changed' },
        { fields: { currentPassword: OTHER }, at: '/remove', word: 'removed' },
      ];
      for (const [nth, { fields, at, word }] of steps.entries()) {
        if (nth === 1) clock.advance(601); // the code of the sign-in proves nothing any more
        const form = /name="form" value="([\w-]{22})"/.exec((await page.get('/account/password')).text)![1]!;
        const press = (one: PageClient, more = {}) => one.post(`/account/password${at}`, { form, ...fields, ...more });
        const copied = page.twin();
        const presses = [page.twin(), page.twin(), page.twin()];
        const answers = await Promise.all(presses.slice(0, 2).map((one) => press(one)));
        answers.push(await press(presses[2]!), await press(presses[0]!)); // before and after it heard the answer
        const done = [303, `/account?done=password${at.replace('/remove', '_removed')}`];
        expect([word, ...answers.map(({ status, location }) => [status, location])]).toEqual([
          word,
          ...Array<unknown>(4).fill(done),
        ]);
        for (const one of presses) expect(await one.signedInAs()).toBe(email);
        expect(await copied.signedInAs()).toBeUndefined();
        expect([await told(), await provenAt()]).toEqual([steps.slice(0, nth + 1).map((one) => one.word), proven]);
        if (word === 'changed') {
          // With another password it is another form, of which nothing was done.
          const other = await press(presses[1]!.twin(), { newPassword: 'a third one', currentPassword: 'wrong' });
          expect([other.status, other.location]).toEqual([422, null]);
        }
        page.cookies.set('otpost_session', presses[0]!.cookies.get('otpost_session')!);
      }
    });

    it('on removing the number does it once, and leaves a copied cookie worth nothing', async () => {
      const email = fresh();
      const page = browser();
      const path = await page.askFor(email);
      await page.post(path, { code: codeIn((await mailFor(page, path)).mail.text) });
      await otpost.database.query(
        "UPDATE accounts SET phone = '+4915112345' || lpad($2, 3, '0'), phone_verified_at = now() WHERE email_canonical = $1",
        [email, String(number)],
      );
      const form = /name="form" value="([\w-]{22})"/.exec((await page.get('/account/phone')).text)![1]!;
      const press = (one: PageClient) => one.post('/account/phone/remove', { form });
      const copied = page.twin();
      const presses = [page.twin(), page.twin(), page.twin()];
      const answers = await Promise.all(presses.slice(0, 2).map(press));
      answers.push(await press(presses[2]!), await press(presses[0]!)); // before and after it heard the answer
      expect(answers.map(({ status, location }) => [status, location])).toEqual(
        Array(4).fill([303, '/account?done=phone_removed']),
      );
      for (const one of presses) expect(await one.signedInAs()).toBe(email);
      expect([await copied.signedInAs(), await sessionsOf(email)]).toEqual([undefined, 1]);
      const told = await otpost.database.query(
        "SELECT 1 FROM outbound_emails WHERE to_canonical = $1 AND template = 'notice-phone-changed'",
        [email],
      );
      expect(told).toHaveLength(1);
    });

    it('on deleting an account does not delete that of somebody who signed in meanwhile', async () => {
      const [former, email] = [fresh(), fresh()];
      const page = browser();
      const signIn = async (who: string) => {
        const path = await page.askFor(who);
        await page.post(path, { code: codeIn((await mailFor(page, path)).mail.text) });
      };
      await signIn(former);
      const account = /name="account" value="([^"]+)"/.exec((await page.get('/account/delete')).text)![1]!;
      await page.post('/account/sign-out');
      await signIn(email);
      const answers = [await page.post('/account/delete', { account }), await page.post('/account/delete')];
      for (const { status, text } of answers)
        expect([status, text.includes(email), text.includes(former)]).toEqual([200, true, false]);
      expect(await page.signedInAs()).toBe(email);
      const left = await otpost.database.query('SELECT 1 FROM accounts WHERE email_canonical IN ($1, $2)', [
        former,
        email,
      ]);
      expect(left).toHaveLength(2);
    });

    it('on deleting the account finds it deleted, and tells its owner once', async () => {
      const email = fresh();
      const page = browser();
      const path = await page.askFor(email);
      await page.post(path, { code: codeIn((await mailFor(page, path)).mail.text) });
      const account = /name="account" value="([^"]+)"/.exec((await page.get('/account/delete')).text)![1]!;
      const press = (one: PageClient, name = account) => one.post('/account/delete', { account: name });
      const late = page.twin();
      // Where it is not deleted, it is not said to be.
      expect(await press(browser())).toMatchObject({ status: 303, location: '/account' });
      const answers = await Promise.all([press(page.twin()), press(page.twin())]);
      answers.push(await press(late), await press(late));
      expect(answers.map(({ status, text }) => [status, text.includes('Your account was deleted')])).toEqual(
        Array(4).fill([200, true]),
      );
      const told = await otpost.database.query(
        "SELECT 1 FROM outbound_emails WHERE to_canonical = $1 AND template = 'notice-account-deleted'",
        [email],
      );
      expect(told).toHaveLength(1);
      const forged = account.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
      expect(await press(browser(), forged)).toMatchObject({ status: 303, location: '/account' });
    });

    it('on the address form asks for one code, and leads to one page', async () => {
      const email = fresh();
      const page = browser();
      const form = await page.addressForm(email);
      const presses = [page.twin(), page.twin(), page.twin()];
      const answers = await Promise.all(presses.map((press) => press.post('/account/sign-in', form)));
      expect(new Set(answers.map(({ status, location }) => `${status} ${location}`)).size).toBe(1);
      const later = await page.post('/account/sign-in', form);
      expect(later.location).toBe(answers[0]!.location);
      for (const press of presses) expect((await press.get(later.location!)).status).toBe(200);
      expect(
        await otpost.database.query('SELECT 1 FROM otp_challenges WHERE destination_canonical = $1', [email]),
      ).toHaveLength(1);
      expect(
        await otpost.database.query('SELECT 1 FROM outbound_emails WHERE to_canonical = $1', [email]),
      ).toHaveLength(1);
    });

    it('on the address form asks anew for another address, on another form, and once the code is over', async () => {
      const email = fresh();
      const page = browser();
      const form = await page.addressForm(email);
      const first = await page.post('/account/sign-in', form);
      const places = [
        first,
        await page.post('/account/sign-in', { ...form, email: fresh() }),
        await page.post('/account/sign-in', await page.addressForm(email)),
      ];
      clock.advance(601);
      places.push(
        await page.post('/account/sign-in', await page.addressForm(email)),
        await page.post('/account/sign-in', form),
      );
      expect(new Set(places.map(({ location }) => location)).size).toBe(places.length);
    });

    it('on sending again sends one more', async () => {
      const email = fresh();
      const page = browser();
      const path = await page.askFor(email);
      clock.advance(31);
      const answers = await Promise.all([1, 2].map(() => page.twin().post(`${path}/resend`)));
      expect(answers.map(({ status, location }) => [status, location])).toEqual([
        [303, path],
        [303, path],
      ]);
      expect(
        await otpost.database.query('SELECT 1 FROM outbound_emails WHERE to_canonical = $1', [email]),
      ).toHaveLength(2);
      expect(
        await otpost.database.query(
          "SELECT details FROM audit_events WHERE action = 'code.resent' AND target_id = $1",
          [path.split('/').at(-1)],
        ),
      ).toEqual([{ details: { purpose: 'register', channel: 'email' } }]);
    });

    it('on ending a session finds it ended', async () => {
      const email = fresh();
      const page = browser();
      const path = await page.askFor(email);
      await page.post(path, { code: codeIn((await mailFor(page, path)).mail.text) });
      const app = await people.signInByCode(email);
      const [session] = await otpost.database.query<{ id: string }>(
        'SELECT id FROM sessions WHERE cookie_hash IS NULL AND account_id = $1',
        [app.account.id],
      );
      for (let i = 0; i < 2; i++)
        expect(await page.post(`/account/sessions/${session!.id}/end`)).toMatchObject({
          status: 303,
          location: '/account',
        });
    });

    it('on stopping a mail, and on taking back a change of address, is told that it is done', async () => {
      const { accessToken, account } = await people.signUp(fresh());
      const email = fresh();
      const { body } = await otpost.api.post<IssuedBody>('/v1/me/email', { email }, bearer(accessToken));
      const stop = linkIn((await people.mailOf(await otpost.api.register(fresh()))).mail.text, '/not-me');
      await people.verify(body, await people.codeOf(body), {}, bearer(accessToken));
      const away = await eventually(
        () => people.mailsTo(account.email).find(({ mail }) => mail.text?.includes('/l/undo/')),
        'the notice to the former address',
      );
      for (const [path, words] of [
        [stop, 'It’s stopped'],
        [linkIn(away.mail.text), 'The change was undone'],
      ] as const) {
        const answers = await Promise.all([1, 2].map(() => browser().post(path)));
        expect(answers.map(({ status, text }) => [status, text.includes(words)])).toEqual([
          [200, true],
          [200, true],
        ]);
      }
    });
  });

  describe('with several codes under way in one browser', () => {
    async function pageFor(page: PageClient, email: string): Promise<{ id: string; path: string; code: string }> {
      const path = await page.askFor(email);
      const reference = /reference <b>(\w{4})<\/b>/.exec((await page.get(path)).text)![1]!;
      const mail = await eventually(
        () => sink.received.find((one) => one.mail.subject?.includes(reference)),
        `the mail ${reference}`,
      );
      return { id: path.split('/').at(-1)!, path, code: codeIn(mail.mail.text) };
    }
    /** Until so many wait for a lock in the database. */
    const whenWaiting = (most: number) =>
      eventually(async () => {
        const rows = await otpost.database.query(
          "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        return rows.length >= most || undefined;
      }, `${most} to wait for a lock`);
    const attempts = async (id: string) =>
      (await otpost.database.query<{ attempts: number }>('SELECT attempts FROM otp_challenges WHERE id = $1', [id]))[0]!
        .attempts;
    const failures = async (email: string) =>
      (
        await otpost.database.query<{ failures: number }>(
          'SELECT failures FROM failure_budgets WHERE destination = $1',
          [email],
        )
      )[0]?.failures ?? 0;

    it('takes the code of any of them on the page of any other, and spends no try on that one', async () => {
      const [email, another] = [fresh(), fresh()];
      const page = new PageClient(otpost.api.url);
      const [one, two, three] = [await pageFor(page, email), await pageFor(page, email), await pageFor(page, another)];
      expect((await page.twin().post(three.path, { code: two.code })).status).toBe(303);
      expect([await attempts(three.id), await failures(email)]).toEqual([0, 0]);
      expect(await failures(another)).toBe(1); // the code was a guess there
      expect(await page.post(three.path, { code: three.code })).toMatchObject({ status: 303, location: '/account' });
      expect([await page.signedInAs(), await failures(another)]).toEqual([another, 0]);
      expect((await people.verify({ challenge: { id: one.id } } as IssuedBody, one.code)).body.code).toBe(
        'otp_consumed',
      ); // a sibling of the one that was used
    });

    it('is signed in again by the code of another challenge, one after the other or in the same moment', async () => {
      for (const another of [false, true]) {
        for (const atOnce of [false, true]) {
          const email = fresh();
          const page = new PageClient(otpost.api.url);
          const used = await pageFor(page, email);
          const shown = await pageFor(page, another ? fresh() : email);
          const presses = [page.twin(), page.twin(), page.twin()];
          const press = (one: PageClient) => one.post(shown.path, { code: used.code });
          const answers = atOnce ? await Promise.all(presses.map(press)) : [];
          if (!atOnce) for (const one of presses) answers.push(await press(one));
          expect(answers.map(({ status, location }) => [status, location])).toEqual(Array(3).fill([303, '/account']));
          for (const one of presses) expect(await one.signedInAs()).toBe(email);
          expect([await sessionsOf(email), await failures(email)]).toEqual([1, 0]);
          if (another) expect(await attempts(shown.id)).toBe(0);
          clock.advance(61);
          expect((await page.twin().post(shown.path, { code: used.code })).status).toBe(another ? 400 : 410);
        }
      }
    });

    it('on the page of a used code spends no try of another one', async () => {
      const page = new PageClient(otpost.api.url);
      const [used, open] = [await pageFor(page, fresh()), await pageFor(page, fresh())];
      const late = page.twin();
      expect((await page.twin().post(used.path, { code: used.code })).status).toBe(303);
      expect((await late.post(used.path, { code: used.code })).status).toBe(303);
      expect(await attempts(open.id)).toBe(0);
    });

    it('waits for the first press, and never each for the other', async () => {
      const page = new PageClient(otpost.api.url);
      const asked = [await pageFor(page, fresh()), await pageFor(page, fresh())];
      const order = await otpost.database.query<{ id: string }>(
        'SELECT id FROM otp_challenges WHERE id = ANY($1) ORDER BY id',
        [asked.map(({ id }) => id)],
      );
      const [lower, higher] = order.map((row) => asked.find(({ id }) => id === row.id)!);
      // A sibling of the code: while another holds it, the first press has locked all that comes before it.
      await otpost.database.query(
        `INSERT INTO otp_challenges SELECT (jsonb_populate_record(c, '{"id": "zzzzzzzzzzzzzzzzzzzzzz", "link_hash": null}')).*
          FROM otp_challenges c WHERE id = $1`,
        [higher!.id],
      );
      const other = new pg.Client({ connectionString: otpost.database.url });
      await other.connect();
      try {
        await other.query('BEGIN');
        await other.query("SELECT 1 FROM otp_challenges WHERE id = 'zzzzzzzzzzzzzzzzzzzzzz' FOR UPDATE");
        const presses = [page.twin().post(lower!.path, { code: higher!.code })];
        await whenWaiting(1);
        presses.push(page.twin().post(lower!.path, { code: higher!.code }));
        await whenWaiting(2);
        await other.query('COMMIT');
        const statuses = (await Promise.all(presses)).map(({ status }) => status);
        expect(statuses[0]).toBe(303);
        expect(statuses[1]).toBeLessThan(500);
      } finally {
        await other.end();
      }
    });

    it('that was used is known on two other pages in the same moment, and neither press waits for the other', async () => {
      const page = new PageClient(otpost.api.url);
      const emails = [fresh(), fresh()] as const;
      const used = await pageFor(page, fresh());
      const [one, two] = [await pageFor(page, emails[0]), await pageFor(page, emails[1])];
      expect((await page.twin().post(used.path, { code: used.code })).status).toBe(303);
      const repeats = new pg.Client(otpost.database.url);
      await repeats.connect();
      try {
        await repeats.query('BEGIN');
        await repeats.query('SELECT 1 FROM otp_challenges WHERE id = $1 FOR UPDATE', [used.id]);
        const presses = [one, two].map(({ path }) => page.twin().post(path, { code: used.code }));
        await whenWaiting(2); // both have counted a failure for either of the others, as the first use did
        await repeats.query('COMMIT');
        expect((await Promise.all(presses)).map(({ status }) => status)).toEqual([303, 303]);
        expect([await attempts(one.id), await attempts(two.id)]).toEqual([0, 0]);
        expect([await failures(emails[0]), await failures(emails[1])]).toEqual([3, 3]);
      } finally {
        await repeats.end();
      }
    });

    it('is a guess at the addresses of the others, which nobody makes without end by codes of their own', async () => {
      const victim = fresh();
      const asked = new PageClient(otpost.api.url);
      const shown = await pageFor(asked, victim);
      for (let guess = 1; guess <= 20; guess++) {
        const page = new PageClient(otpost.api.url);
        const [there, own] = [await pageFor(page, victim), await pageFor(page, fresh())];
        expect((await page.twin().post(there.path, { code: own.code })).status).toBe(303);
        expect(await failures(victim)).toBe(guess);
      }
      expect((await asked.post(shown.path, { code: shown.code })).status).toBe(429);
    });

    it('counts a wrong code once for its page, and in the budgets as often as it was compared', async () => {
      const [email, another] = [fresh(), fresh()];
      const page = new PageClient(otpost.api.url);
      const [one, two, three] = [await pageFor(page, email), await pageFor(page, email), await pageFor(page, another)];
      const taken = new Set([one.code, two.code, three.code]);
      const wrong = Array.from({ length: 4 }, (_, n) => String(n).padStart(6, '0')).find((code) => !taken.has(code))!;
      expect((await page.post(two.path, { code: wrong })).text).toContain('You have 4 tries left');
      expect([await attempts(one.id), await attempts(two.id), await attempts(three.id)]).toEqual([0, 1, 0]);
      expect([await failures(email), await failures(another)]).toEqual([2, 1]);
    });

    it('takes the code of a newer one where that of the page is over', async () => {
      const [email, another] = [fresh(), fresh()];
      const page = new PageClient(otpost.api.url);
      const [old, young] = [await pageFor(page, email), await pageFor(page, another)];
      await otpost.database.query('UPDATE otp_challenges SET expires_at = created_at WHERE id = $1', [old.id]);
      expect((await page.post(old.path, { code: young.code })).status).toBe(303);
      expect(await page.signedInAs()).toBe(another);
    });

    it('knows only those that this browser asked for', async () => {
      const [page, other] = [new PageClient(otpost.api.url), new PageClient(otpost.api.url)];
      const [mine, theirs] = [await pageFor(page, fresh()), await pageFor(other, fresh())];
      expect((await page.post(mine.path, { code: theirs.code })).status).toBe(400);
    });
  });

  it('is no use to whoever writes another challenge into the cookie, or changes it', async () => {
    const victim = fresh();
    const issued = await otpost.api.register(victim, { password: 'the attacker knows this' });
    const page = new PageClient(otpost.api.url);
    await page.askFor(fresh());
    const [browser, asked, keyId, mac] = page.cookies.get('otpost_asked')!.split('.') as [
      string,
      string,
      string,
      string,
    ];
    const { id } = issued.challenge;
    const forged = [
      id,
      `${browser}.${id}`,
      `${browser}.${id}.${keyId}.${mac}`,
      `${browser}.${id}.${asked}.${keyId}.${mac}`,
      `${browser}.${asked}.${id}.${keyId}.${mac}`,
      `${id}.${asked}.${keyId}.${mac}`,
      `${browser}.${id}.00000000.${mac}`,
    ];
    for (const value of forged) {
      page.cookies.set('otpost_asked', value);
      const answers = [
        await page.get(`/account/code/${id}`),
        await page.post(`/account/code/${id}`, { code: await people.codeOf(issued) }),
        await page.post(`/account/code/${id}/resend`),
      ];
      expect(answers.map(({ status, text }) => [status, text.includes(victim)])).toEqual(Array(3).fill([404, false]));
    }
    expect((await people.verify(issued, wrongCode(await people.codeOf(issued)))).body.attemptsLeft).toBe(4);
  });
});
