import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import type { IssuedBody, ProblemBody, SignedInBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

describe('an account', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let number = 0;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url, APP_URL: 'http://localhost:3000' }, clock);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const fresh = (): string => `grace${++number}@example.com`;
  const mailsTo = (email: string) => sink.received.filter(({ to }) => to.includes(email)).length;

  async function verify(issued: IssuedBody, mailbox: string, copies: number): Promise<SignedInBody> {
    const mails = await sink.waitForMailTo(mailbox, copies);
    const code = codeIn(mails[copies - 1]!.mail.text);
    const { status, body } = await otpost.api.post<SignedInBody>(`/v1/otp/${issued.challenge.id}/verify`, { code });
    expect(status).toBe(200);
    return body;
  }

  async function signedUp(email = fresh(), more: object = {}): Promise<SignedInBody> {
    const copies = mailsTo(email) + 1;
    return verify(await otpost.api.register(email, more), email, copies);
  }

  it('does not exist until its address is verified', async () => {
    const email = fresh();
    await otpost.api.register(email, { name: 'Grace' });
    await sink.waitForMailTo(email);
    expect(await otpost.database.query('SELECT 1 FROM accounts WHERE email = $1', [email])).toEqual([]);
  });

  it('is made by the code, with the name and language that waited for it', async () => {
    const email = fresh();
    const { account } = await signedUp(email, { name: 'Grace', locale: 'de-AT' });
    expect(account).toMatchObject({ email, name: 'Grace', locale: 'de-AT' });
  });

  it('keeps its address as typed, and is the same one in other letters', async () => {
    const mailbox = `Grace.Hopper${++number}@example.com`; // SMTP gets the domain in lower case
    const typed = mailbox.replace('example', 'Example');
    const first = await verify(await otpost.api.register(typed), mailbox, 1);
    expect(first.account.email).toBe(typed);
    // Mail goes to the stored address, whatever a stranger typed.
    const again = await verify(await otpost.api.register(typed.toUpperCase()), mailbox, 2);
    expect(again.account.id).toBe(first.account.id);
  });

  it('answers a second registration just as a first one, and its owner gets a code that signs in', async () => {
    const known = fresh();
    const { account } = await signedUp(known, { name: 'Grace' });
    const first = await otpost.api.post<IssuedBody>('/v1/accounts', { email: fresh(), name: 'Eve' });
    const second = await otpost.api.post<IssuedBody>('/v1/accounts', { email: known, name: 'Eve' });
    expect(second.status).toBe(first.status);
    const shape = ({ challenge, delivery }: IssuedBody) => [Object.keys(challenge), challenge.purpose, delivery];
    expect(shape(second.body)).toEqual(shape(first.body));
    expect([...second.headers.keys()]).toEqual([...first.headers.keys()]);
    const mails = await sink.waitForMailTo(known, 2);
    expect(mails[1]!.mail.text).toContain('You already have an account');
    expect(mails[1]!.mail.text).not.toContain('Eve');
    const again = await verify(second.body, known, 2);
    expect(again.account).toEqual(account);
  });

  it('is one account, and one sign-in, when several challenges for it are verified at the same moment', async () => {
    for (let round = 0; round < 5; round++) {
      const email = fresh();
      const issued: IssuedBody[] = [];
      for (let copy = 1; copy <= 4; copy++) {
        issued.push(await otpost.api.register(email));
        await sink.waitForMailTo(email, copy);
      }
      const mails = await sink.waitForMailTo(email, 4);
      const answers = await Promise.all(
        issued.map(({ challenge }, index) =>
          otpost.api.post<SignedInBody>(`/v1/otp/${challenge.id}/verify`, { code: codeIn(mails[index]!.mail.text) }),
        ),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 410, 410, 410]);
      expect(await otpost.database.query('SELECT 1 FROM accounts WHERE email = $1', [email])).toHaveLength(1);
    }
  });

  it('is not reached by a stranger who registers its address first: name and challenge stay his', async () => {
    const victim = fresh();
    const attack = await otpost.api.register(victim, { name: 'Owned' });
    await sink.waitForMailTo(victim, 1);
    const own = await otpost.api.register(victim, { name: 'Grace' });
    const { account } = await verify(own, victim, 2);
    expect(account.name).toBe('Grace');
    const late = await otpost.api.post<ProblemBody>(`/v1/otp/${attack.challenge.id}/verify`, { code: '000000' });
    expect(late.body.code).toBe('otp_consumed');
  });

  describe('signed in', () => {
    it('has a token that any back end can verify with the published keys', async () => {
      const { accessToken, account, expiresIn } = await signedUp();
      expect(expiresIn).toBe(900);
      const keys = createRemoteJWKSet(new URL(`${otpost.api.url}/.well-known/jwks.json`));
      const { payload } = await jwtVerify(accessToken, keys, {
        issuer: 'http://localhost:3000',
        audience: 'http://localhost:3000',
        currentDate: clock.now(),
      });
      expect(payload).toMatchObject({ sub: account.id, sid: expect.any(String) as string });
      expect(payload.exp! - payload.iat!).toBe(900);
      expect(decodeProtectedHeader(accessToken)).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' });
    });

    it('publishes no private key', async () => {
      const { body } = await otpost.api.get<{ keys: Record<string, string>[] }>('/.well-known/jwks.json');
      expect(body.keys).toHaveLength(1);
      expect(Object.keys(body.keys[0]!).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    });

    it('is seen at /v1/me until it signs out', async () => {
      const { accessToken, account } = await signedUp();
      expect((await otpost.api.get('/v1/me', accessToken)).body).toEqual(account);
      expect((await otpost.api.delete('/v1/sessions/current', accessToken)).status).toBe(204);
      expect((await otpost.api.get('/v1/me', accessToken)).status).toBe(401);
    });

    it('has an access token for 15 minutes', async () => {
      const { accessToken } = await signedUp();
      clock.advance(899);
      expect((await otpost.api.get('/v1/me', accessToken)).status).toBe(200);
      clock.advance(1);
      expect((await otpost.api.get('/v1/me', accessToken)).status).toBe(401);
    });

    it('is not let in by a token whose signature was changed', async () => {
      const { accessToken } = await signedUp();
      const [header, payload, signature] = accessToken.split('.') as [string, string, string];
      const changed = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
      expect((await otpost.api.get('/v1/me', `${header}.${payload}.${changed}`)).status).toBe(401);
    });
  });

  describe('refreshed', () => {
    const refresh = (refreshToken: string) =>
      otpost.api.post<SignedInBody & ProblemBody>('/v1/sessions/refresh', { refreshToken });

    it('gets new tokens, and the old one ends the session when it comes back later', async () => {
      const { refreshToken } = await signedUp();
      const second = await refresh(refreshToken);
      expect(second.status).toBe(200);
      expect((await otpost.api.get('/v1/me', second.body.accessToken)).status).toBe(200);
      clock.advance(11);
      expect((await refresh(refreshToken)).body).toMatchObject({ status: 401, code: 'refresh_invalid' });
      expect((await refresh(second.body.refreshToken)).status).toBe(401);
      expect((await otpost.api.get('/v1/me', second.body.accessToken)).status).toBe(401);
    });

    it('is refused with a token that is none', async () => {
      expect((await refresh('otr_nothing')).body.code).toBe('refresh_invalid');
    });

    it('stores tokens as hashes only', async () => {
      const { refreshToken } = await signedUp();
      const rows = await otpost.database.query<{ row: string }>(
        'SELECT row_to_json(t)::text AS row FROM refresh_tokens t',
      );
      expect(rows.length).toBeGreaterThan(0);
      for (const { row } of rows) {
        expect(row).not.toContain(refreshToken);
        expect(row).not.toContain(Buffer.from(refreshToken).toString('hex'));
      }
    });

    it('ends after 30 days without use', async () => {
      const { refreshToken } = await signedUp();
      clock.advance(30 * 86_400);
      expect((await refresh(refreshToken)).status).toBe(401);
    });

    it('ends after 90 days however often it is used', async () => {
      let { refreshToken } = await signedUp();
      for (const days of [29, 29, 29]) {
        clock.advance(days * 86_400);
        const answer = await refresh(refreshToken);
        expect(answer.status).toBe(200);
        refreshToken = answer.body.refreshToken;
      }
      clock.advance(3 * 86_400);
      expect((await refresh(refreshToken)).status).toBe(401);
    });
  });
});
