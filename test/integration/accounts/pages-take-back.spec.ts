import { linkIn, PageClient } from '../../support/http/page-client.js';
import type { IssuedBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { bearer, type Session, Visitors } from '../../support/service/visitors.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

describe('taking back, on pages that need no sign-in', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: Visitors;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost(
      {
        MAIL_TRANSPORTS: sink.url,
        APP_URL: 'http://localhost:3000',
        LIMIT_IP: '1000/10min',
        LIMIT_DESTINATION: '5/15min',
      },
      clock,
    );
    people = new Visitors(otpost, sink);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const fresh = (): string => `mary${++number}@example.com`;
  const browser = () => new PageClient(otpost.api.url);

  describe('"This wasn’t me"', () => {
    const notMeOf = async (issued: IssuedBody): Promise<string> =>
      linkIn((await people.mailOf(issued)).mail.text, '/not-me');
    const charged = async (): Promise<number> => {
      const [row] = await otpost.database.query<{ count: number }>(
        "SELECT coalesce(max(count), 0) AS count FROM request_limits WHERE key LIKE 'ip:127.0.0.1:%'",
      );
      return Number(row!.count);
    };

    it('is pressed where a browser hides our own page behind "null", and tells no more', async () => {
      const path = await notMeOf(await otpost.api.register(fresh()));
      const page = browser();
      expect((await page.post(path, {}, { origin: 'null' })).status).toBe(403); // no page of ours was opened there
      await page.get(path);
      expect(await page.post(path, {}, { origin: 'null' })).toMatchObject({
        status: 200,
        text: expect.stringContaining('It’s stopped') as string,
      });
    });

    it('asks first, then ends the code and its link, and slows down whoever asked; a second press says the same', async () => {
      const email = fresh();
      const issued = await otpost.api.register(email);
      const path = await notMeOf(issued);
      const code = await people.codeOf(issued);
      for (let visit = 0; visit < 3; visit++)
        expect(await browser().get(path)).toMatchObject({
          status: 200,
          text: expect.stringContaining('Wasn’t this you?') as string,
        });
      const before = await charged();
      const first = await browser().post(path);
      expect([first.status, first.text.includes('It’s stopped')]).toEqual([200, true]);
      expect(await charged()).toBe(before + 1 + 5); // the press itself, and what it costs who asked
      const second = await browser().post(path);
      expect([second.status, second.text]).toEqual([200, first.text]);
      expect(await charged()).toBe(before + 1 + 5 + 1);
      expect((await browser().get(path)).text).toBe(first.text);
      expect((await people.verify(issued, code)).body.code).toBe('otp_disowned');
      expect((await browser().post(path.replace('/not-me', ''))).status).toBe(410);
      expect(await otpost.database.query('SELECT 1 FROM accounts WHERE email = $1', [email])).toEqual([]);
    });

    it('by a stranger who asks and takes back again and again leaves the owner each link, until the mail is disowned', async () => {
      const email = fresh();
      await people.signUp(email); // one of the five
      const asked: IssuedBody[] = [];
      for (const purpose of ['login', 'reset_password', 'login', 'login']) {
        const { body } = await people.ask(purpose, email);
        for (let press = 0; press < 2; press++)
          expect((await otpost.api.post(`/v1/otp/${body.challenge.id}/disown`, {})).status).toBe(204);
        asked.push(body);
      }
      expect((await people.ask('login', email)).status).toBe(429);
      const linkTo = async (issued: IssuedBody) => (await notMeOf(issued)).replace('/not-me', '');
      const [links, codes] = [await Promise.all(asked.map(linkTo)), await people.codeOf(asked[0]!)];
      expect((await people.verify(asked[0]!, codes)).body.code).toBe('otp_disowned');
      const before = await charged();
      expect((await browser().post(`${links[3]}/not-me`)).text).toContain('It’s stopped');
      expect(await charged()).toBe(before + 1 + 5);
      expect((await browser().post(links[3]!)).status).toBe(410);
      const page = browser();
      expect((await page.get(links[0]!)).status).toBe(200);
      expect((await page.post(links[0]!)).status).toBe(303);
      expect((await page.get('/account')).text).toContain(email);
      // The others are over as every sibling is.
      expect((await browser().post(links[2]!)).status).toBe(410);
    });

    it('works for mails that hold no code, and for codes of a session', async () => {
      const session = await people.signUp(fresh());
      const decoy = (await people.ask('login', fresh())).body;
      const changeEmail = (
        await otpost.api.post<IssuedBody>('/v1/me/email', { email: fresh() }, bearer(session.accessToken))
      ).body;
      for (const issued of [decoy, changeEmail]) {
        expect((await browser().post(await notMeOf(issued))).text).toContain('It’s stopped');
        const [row] = await otpost.database.query<{ disowned: boolean }>(
          'SELECT disowned_at IS NOT NULL AS disowned FROM otp_challenges WHERE id = $1',
          [issued.challenge.id],
        );
        expect(row!.disowned).toBe(true);
      }
    });

    it('says what is left to do when it comes too late', async () => {
      const email = fresh();
      const [older, newer] = [await otpost.api.register(email), await otpost.api.register(email)];
      const [oldPath, newPath] = [await notMeOf(older), await notMeOf(newer)];
      await people.verify(newer, await people.codeOf(newer));
      expect(await browser().post(newPath)).toMatchObject({
        status: 410,
        text: expect.stringMatching(/already used[^]*Sign out everywhere/) as string,
      });
      expect(await browser().post(oldPath)).toMatchObject({
        status: 410,
        text: expect.stringContaining('A newer email') as string,
      });
      const expired = await notMeOf(await otpost.api.register(fresh()));
      clock.advance(600);
      expect(await browser().post(expired)).toMatchObject({
        status: 410,
        text: expect.stringContaining('There’s nothing you need to do') as string,
      });
      expect((await browser().post('/l/AAAAAAAAAAAAAAAAAAAAAA/not-me')).status).toBe(404);
    });

    it('is not pressed by a stranger’s page', async () => {
      const issued = await otpost.api.register(fresh());
      const path = await notMeOf(issued);
      expect((await browser().post(path, {}, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
      expect((await people.verify(issued, await people.codeOf(issued))).status).toBe(200);
    });
  });

  describe('a change of address', () => {
    /** Somebody has a session of the account and makes its address his own. */
    async function taken(): Promise<{ before: string; after: string; session: Session; path: string }> {
      const [before, after] = [fresh(), fresh()];
      const session = await people.signUp(before);
      const path = await changed(session, before, after);
      return { before, after, session, path };
    }

    async function changed(session: Session, before: string, after: string): Promise<string> {
      const { body } = await otpost.api.post<IssuedBody>('/v1/me/email', { email: after }, bearer(session.accessToken));
      expect((await people.verify(body, await people.codeOf(body), {}, bearer(session.accessToken))).status).toBe(200);
      const notice = await sink.waitForMailTo(before, 2);
      return linkIn(notice.find(({ mail }) => mail.text?.includes('/l/undo/'))!.mail.text);
    }

    const addressOf = async ({ account }: Session): Promise<string> => {
      const [row] = await otpost.database.query<{ email: string }>('SELECT email FROM accounts WHERE id = $1', [
        account.id,
      ]);
      return row!.email;
    };

    it('is undone by the link to the former address, which asks first; a second press says the same', async () => {
      const { before, after, session, path } = await taken();
      const thief = await people.signInByCode(after);
      for (let visit = 0; visit < 3; visit++) {
        const { status, text } = await browser().get(path);
        expect([status, text.includes(before), text.includes(after), text.includes('m…@example.com')]).toEqual([
          200,
          true,
          false,
          true,
        ]);
      }
      expect(await addressOf(session)).toBe(after);
      const first = await browser().post(path);
      expect([
        first.status,
        first.text.includes('Every device was signed out'),
        first.text.includes('href="/account"'),
      ]).toEqual([200, true, true]);
      expect(await addressOf(session)).toBe(before);
      for (const { accessToken } of [session, thief])
        expect((await otpost.api.get('/v1/me', accessToken)).status).toBe(401);
      const second = await browser().post(path);
      expect([second.status, second.text]).toEqual([200, first.text]);
      expect((await people.signInByCode(before)).account.id).toBe(session.account.id);
    });

    it('stays when it is too late, or the former address is somebody else’s by now', async () => {
      const [late, inUse] = [await taken(), await taken()];
      const other = await people.signUp(inUse.before);
      expect(await browser().post(inUse.path)).toMatchObject({
        status: 409,
        text: expect.stringContaining('nothing was changed') as string,
      });
      expect([await addressOf(inUse.session), await addressOf(other)]).toEqual([inUse.after, inUse.before]);
      clock.advance(7 * 86_400);
      for (const method of ['get', 'post'] as const)
        expect(await browser()[method](late.path)).toMatchObject({
          status: 410,
          text: expect.stringContaining('too late') as string,
        });
      expect(await addressOf(late.session)).toBe(late.after);
      expect((await browser().post('/l/undo/AAAAAAAAAAAAAAAAAAAAAA')).status).toBe(404);
    });

    it('is undone where a browser hides our own page behind "null", and tells no more', async () => {
      const { before, session, path } = await taken();
      const page = browser();
      expect((await page.post(path, {}, { origin: 'null' })).status).toBe(403); // no page of ours was opened there
      await page.get(path);
      expect((await page.post(path, {}, { origin: 'null' })).status).toBe(200);
      expect(await addressOf(session)).toBe(before);
    });

    it('is not undone by a stranger’s page', async () => {
      const { after, session, path } = await taken();
      expect((await browser().post(path, {}, { origin: 'https://evil.example' })).status).toBe(403);
      expect(await addressOf(session)).toBe(after);
    });
  });
});
