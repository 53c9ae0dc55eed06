import { decodeJwt } from 'jose';
import { MAX_UNUSED } from '../../../src/accounts/tokens/session-policy.js';
import { AccountHolders, type Holder } from '../../support/service/account-holders.js';
import type { Answer, IssuedBody, ProblemBody, SignedInBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

/** A little more than the grace. */
const LATER = 11;
/** About as long as an access token is good. */
const QUARTER_HOUR = 15 * 60;

type Refreshed = Answer<SignedInBody & ProblemBody>;

/**
 * As auth-js#213 and convex-auth#76 tell: tabs of one browser refresh in the same second, and one or all are signed
 * out.
 */
describe('a refresh token in several tabs', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: AccountHolders;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url }, clock);
    people = new AccountHolders(otpost, sink, 'radia');
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const refresh = (refreshToken: string): Promise<Refreshed> =>
    otpost.api.post('/v1/sessions/refresh', { refreshToken });
  const atOnce = (tokens: string[]): Promise<Refreshed[]> => Promise.all(tokens.map(refresh));
  const tokenOf = ({ status, body }: Refreshed): string => {
    expect([status, body.code]).toEqual([200, undefined]);
    return body.refreshToken;
  };
  const signedIn = async (person: { accessToken: string }): Promise<boolean> =>
    (await people.ask('GET', '/v1/me', person)).status === 200;
  const unused = async (): Promise<number> => {
    const [row] = await otpost.database.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
       WHERE t.used_at IS NULL AND t.expires_at > $1 AND s.id = (SELECT id FROM sessions ORDER BY id DESC LIMIT 1)`,
      [clock.now()],
    );
    return row!.n;
  };
  const reason = async (): Promise<string | null> =>
    (
      await otpost.database.query<{ reason: string | null }>(
        'SELECT revoked_reason AS reason FROM sessions ORDER BY id DESC LIMIT 1',
      )
    )[0]!.reason;

  it('lets both go on, each by itself, and neither is signed out later', async () => {
    let tabs = Array<string>(2).fill((await people.signUp()).refreshToken);
    for (let round = 0; round < 8; round++) {
      tabs = (await atOnce(tabs)).map(tokenOf);
      expect(new Set(tabs).size).toBe(2);
      clock.advance(QUARTER_HOUR);
      // One of them sleeps meanwhile.
      tabs[0] = tokenOf(await refresh(tabs[0]!));
      clock.advance(QUARTER_HOUR);
    }
    expect(await reason()).toBeNull();
  });

  it('lets a pair go on that keep one token between them, however often they race and whichever they keep', async () => {
    let kept = (await people.signUp()).refreshToken;
    for (let race = 0; race < 20; race++) {
      const answers = await atOnce([kept, kept]);
      kept = answers.map(tokenOf)[race % 2]!; // the other one is never used
      clock.advance(race % 3 === 0 ? LATER : QUARTER_HOUR);
    }
    expect(await reason()).toBeNull();
    expect(await unused()).toBeLessThanOrEqual(MAX_UNUSED);
    await refresh(kept);
    expect((await refresh(kept)).status).toBe(200);
  });

  it('ends the oldest of too many that nobody used, and whoever comes with it is refused and ends nothing', async () => {
    const first = (await people.signUp()).refreshToken;
    const siblings: string[] = [];
    for (let press = 0; press < 6; press++) {
      siblings.push(tokenOf(await refresh(first)));
      clock.advance(1);
    }
    expect(await unused()).toBe(MAX_UNUSED);
    for (const ended of siblings.slice(0, 2)) {
      for (let times = 0; times < 2; times++) expect((await refresh(ended)).body.code).toBe('refresh_invalid');
    }
    for (const live of siblings.slice(2)) expect((await refresh(live)).status).toBe(200);
    expect(await reason()).toBeNull();
  });

  it('answers twenty at once, and leaves four of their tokens', async () => {
    const person = await people.signUp();
    const answers = await atOnce(Array<string>(20).fill(person.refreshToken));
    expect(new Set(answers.map(tokenOf)).size).toBe(20);
    expect(await unused()).toBe(MAX_UNUSED);
    const outcomes = [];
    for (const { body } of answers) outcomes.push((await refresh(body.refreshToken)).status);
    expect(outcomes.sort()).toEqual([
      ...Array<number>(MAX_UNUSED).fill(200),
      ...Array<number>(20 - MAX_UNUSED).fill(401),
    ]);
    expect([await signedIn(person), await reason()]).toEqual([true, null]);
  });

  it('forgives a client that lost the answer, also where it lost several', async () => {
    const { refreshToken } = await people.signUp();
    await refresh(refreshToken); // lost
    clock.advance(5);
    await refresh(refreshToken); // lost
    clock.advance(5);
    const arrived = tokenOf(await refresh(refreshToken));
    clock.advance(QUARTER_HOUR);
    expect((await refresh(arrived)).status).toBe(200);
  });

  it('does not begin the grace anew with each use', async () => {
    const { refreshToken } = await people.signUp();
    for (let second = 0; second <= 10; second += 5) {
      expect((await refresh(refreshToken)).status).toBe(200);
      clock.advance(5);
    }
    expect((await refresh(refreshToken)).status).toBe(401);
    expect(await reason()).toBe('refresh_reuse');
  });

  it('ends the session, and with it what either party has, where a used one comes later', async () => {
    const person = await people.signUp();
    const owner = (await refresh(person.refreshToken)).body;
    const tab = (await refresh(person.refreshToken)).body;
    clock.advance(LATER);
    expect((await refresh(person.refreshToken)).body.code).toBe('refresh_invalid');
    expect(await reason()).toBe('refresh_reuse');
    await refresh(person.refreshToken);
    expect(
      await otpost.database.query(
        "SELECT actor_kind, details FROM audit_events WHERE action = 'session.ended' AND target_id = $1",
        [String(decodeJwt(person.accessToken)['sid'])],
      ),
    ).toEqual([{ actor_kind: 'anonymous', details: { reason: 'refresh_reuse' } }]);
    for (const { refreshToken } of [owner, tab])
      expect((await refresh(refreshToken)).body.code).toBe('refresh_invalid');
    expect([await signedIn(owner), await signedIn(tab)]).toEqual([false, false]);
  });

  it('ends the session where its owner comes later than the thief', async () => {
    const person = await people.signUp();
    const thief = (await refresh(person.refreshToken)).body;
    clock.advance(LATER);
    expect((await refresh(person.refreshToken)).status).toBe(401);
    expect([await signedIn(thief), (await refresh(thief.refreshToken)).status]).toEqual([false, 401]);
  });

  it('gives a thief who comes within the grace no more than a tab, and his own used token betrays him as any other', async () => {
    const person = await people.signUp();
    const owner = (await refresh(person.refreshToken)).body;
    const thief = (await refresh(person.refreshToken)).body;
    clock.advance(LATER);
    expect((await refresh(owner.refreshToken)).status).toBe(200);
    expect((await refresh(thief.refreshToken)).status).toBe(200);
    clock.advance(LATER);
    expect((await refresh(thief.refreshToken)).status).toBe(401);
    expect(await signedIn(owner)).toBe(false);
  });

  it('is decided once, however many come with a used one at once', async () => {
    const { refreshToken } = await people.signUp();
    await refresh(refreshToken);
    clock.advance(LATER);
    const answers = await atOnce(Array<string>(10).fill(refreshToken));
    expect(answers.map(({ body }) => body.code)).toEqual(Array(10).fill('refresh_invalid'));
    expect(await reason()).toBe('refresh_reuse');
  });

  it('is good for nothing after a new proof, in whichever tab, and ends nothing', async () => {
    const person = await people.signUp();
    const [one, two] = (await atOnce([person.refreshToken, person.refreshToken])).map(tokenOf) as [string, string];
    const { body } = await people.ask<IssuedBody>('POST', '/v1/otp', person, { purpose: 'reauthenticate' });
    const code = codeIn((await sink.waitForMailTo(person.account.email, 2))[1]!.mail.text);
    const proven = (await people.ask<Holder>('POST', `/v1/otp/${body.challenge.id}/verify`, person, { code })).body;
    for (const former of [person.refreshToken, one, two])
      expect((await refresh(former)).body.code).toBe('refresh_invalid');
    clock.advance(LATER);
    expect((await refresh(person.refreshToken)).body.code).toBe('refresh_invalid');
    expect((await refresh(proven.refreshToken)).status).toBe(200);
  });

  it('is good although the version before, which may run beside this one, voided it; and names what that version asks for', async () => {
    const { refreshToken } = await people.signUp();
    const first = tokenOf(await refresh(refreshToken));
    await otpost.database.query('UPDATE refresh_tokens SET voided_at = $1 WHERE used_at IS NULL', [clock.now()]);
    clock.advance(LATER);
    expect((await refresh(first)).status).toBe(200);
    const [used] = await otpost.database.query(
      'SELECT successor = sha256($2::bytea) AS named FROM refresh_tokens WHERE token_hash = sha256($1::bytea)',
      [Buffer.from(refreshToken), Buffer.from(first)],
    );
    expect(used).toEqual({ named: true });
  });
});
