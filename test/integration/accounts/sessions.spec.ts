import { decodeJwt } from 'jose';
import { AccountHolders, type Holder, PASSWORD } from '../../support/service/account-holders.js';
import type { IssuedBody, ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0';
const DAY = 86_400;

interface SessionBody {
  id: string;
  current: boolean;
  method: string;
  userAgent: string | null;
  device: string | null;
  ip: string | null;
  createdAt: string;
  lastUsedAt: string;
  expiresAt: string;
}

describe('sessions', () => {
  let sink: SmtpSink;
  let clock: HeldClock;
  let otpost: Otpost;
  let people: AccountHolders;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    clock = new HeldClock();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url }, clock);
    people = new AccountHolders(otpost, sink, 'hedy');
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const list = async (person: Holder) =>
    (await people.ask<{ items: SessionBody[]; nextCursor: null }>('GET', '/v1/sessions', person)).body;
  const alive = async (person: Holder) => {
    const { status } = await people.ask('GET', '/v1/me', person);
    expect([200, 401]).toContain(status);
    return status === 200;
  };
  const refresh = ({ refreshToken }: { refreshToken: string }) =>
    otpost.api.post<Holder & ProblemBody>('/v1/sessions/refresh', { refreshToken });
  const idOf = ({ accessToken }: { accessToken: string }) => String(decodeJwt(accessToken)['sid']);

  it('are listed with what is known of them, the last used first', async () => {
    const first = await people.signUp({ password: PASSWORD });
    clock.advance(60);
    const second = await people.signedIn(first.account.email, PASSWORD, { 'user-agent': FIREFOX });
    const { items, nextCursor } = await list(second);
    expect(nextCursor).toBeNull();
    const at = clock.now();
    expect(items).toEqual([
      {
        id: idOf(second),
        current: true,
        method: 'password',
        userAgent: FIREFOX,
        device: 'Firefox on Linux',
        ip: '127.0.0.1',
        createdAt: at.toISOString(),
        lastUsedAt: at.toISOString(),
        expiresAt: new Date(at.getTime() + 30 * DAY * 1_000).toISOString(),
      },
      expect.objectContaining({ id: idOf(first), current: false, method: 'code', device: null }),
    ]);
  });

  it('show no tokens and no hashes', async () => {
    const person = await people.signUp({ password: PASSWORD });
    const { items } = await list(person);
    expect(Object.keys(items[0]!).sort()).toEqual([
      'createdAt',
      'current',
      'device',
      'expiresAt',
      'id',
      'ip',
      'lastUsedAt',
      'method',
      'userAgent',
    ]);
  });

  it('are ended one by one, and their access tokens with them at once', async () => {
    const first = await people.signUp({ password: PASSWORD });
    const second = await people.signedIn(first.account.email);
    expect((await people.ask('DELETE', `/v1/sessions/${idOf(first)}`, second)).status).toBe(204);
    expect([await alive(first), await alive(second)]).toEqual([false, true]);
    expect((await refresh(first)).body.code).toBe('refresh_invalid');
    expect((await list(second)).items.map(({ id }) => id)).toEqual([idOf(second)]);
    expect((await people.ask('DELETE', `/v1/sessions/${idOf(first)}`, second)).status).toBe(404);
    expect(await people.auditOf(idOf(first))).toEqual(['session.ended done']);
  });

  it('are not found where they are somebody else’s, just as those that never were', async () => {
    const [mine, theirs] = [await people.signUp(), await people.signUp()];
    const answers = await Promise.all(
      [idOf(theirs), '018f0000-0000-7000-8000-000000000000', 'nonsense'].map((id) =>
        people.ask('DELETE', `/v1/sessions/${id}`, mine),
      ),
    );
    for (const { status, body } of answers)
      expect([status, body.code, body.detail]).toEqual([404, 'session_not_found', answers[0]!.body.detail]);
    expect(await alive(theirs)).toBe(true);
  });

  it('all end at once, this one too, and nobody else’s', async () => {
    const first = await people.signUp({ password: PASSWORD });
    const [second, stranger] = [await people.signedIn(first.account.email), await people.signUp()];
    expect((await people.ask('DELETE', '/v1/sessions', second)).status).toBe(204);
    expect([await alive(first), await alive(second), await alive(stranger)]).toEqual([false, false, true]);
    expect(await people.auditOf(first.account.id)).toContain('sessions.ended done');
  });

  it('end when their holder signs out', async () => {
    const person = await people.signUp();
    expect((await people.ask('DELETE', '/v1/sessions/current', person)).status).toBe(204);
    expect(await alive(person)).toBe(false);
    expect(await people.auditOf(idOf(person))).toEqual(['session.ended done']);
  });

  it('give no code of theirs back with a token from before the last proof', async () => {
    const person = await people.signUp();
    const email = `thief-${person.account.email}`;
    const { body: change } = await people.ask<IssuedBody>('POST', '/v1/me/email', person, { email });
    const stolen = codeIn((await sink.waitForMailTo(email))[0]!.mail.text);
    clock.advance(60);
    const { body } = await people.ask<IssuedBody>('POST', '/v1/otp', person, { purpose: 'reauthenticate' });
    const code = codeIn((await sink.waitForMailTo(person.account.email, 2))[1]!.mail.text);
    const proof = await people.ask<Holder>('POST', `/v1/otp/${body.challenge.id}/verify`, person, { code });
    const give = (holder: Holder) =>
      people.ask('POST', `/v1/otp/${change.challenge.id}/verify`, holder, { code: stolen });
    expect([(await give(person)).status, (await give(proof.body)).status]).toEqual([401, 200]);
  });

  it('tell back ends when their holder last proved who they are', async () => {
    const person = await people.signUp();
    const began = Math.floor(clock.now().getTime() / 1_000);
    clock.advance(600);
    const { body } = await refresh(person);
    expect(decodeJwt(body.accessToken)).toMatchObject({ auth_time: began, iat: began + 600 });
  });

  it('go on with new tokens after a new proof, and the former ones are good for nothing', async () => {
    const person = await people.signUp();
    clock.advance(3_600);
    const late = (await refresh(person)).body;
    const { body } = await people.ask<IssuedBody>('POST', '/v1/otp', late, { purpose: 'reauthenticate' });
    const code = codeIn((await sink.waitForMailTo(person.account.email, 2))[1]!.mail.text);
    const again = (await people.ask<Holder>('POST', `/v1/otp/${body.challenge.id}/verify`, late, { code })).body;
    expect(decodeJwt(again.accessToken)).toMatchObject({
      sid: idOf(person),
      auth_time: Math.floor(clock.now().getTime() / 1_000),
    });
    const openedBy = async (holder: Holder) => [
      (await people.ask('POST', '/v1/me/email', holder, { email: `new-${person.account.email}` })).status,
      (await people.ask('POST', '/v1/otp', holder, { purpose: 'reauthenticate' })).status,
      (await people.ask('GET', '/v1/me', holder)).status,
    ];
    // Whoever holds one of the former tokens gave no proof. The one that asked may hear the answer again.
    for (const former of [person, late]) expect(await openedBy(former)).toEqual([401, 401, 401]);
    expect(await openedBy(again)).toEqual([202, 202, 200]);
    expect((await people.ask('POST', `/v1/otp/${body.challenge.id}/verify`, late, { code })).status).toBe(200);
    expect((await refresh(late)).body.code).toBe('refresh_invalid');
    expect((await refresh(again)).status).toBe(200); // whoever came with the former one ended nothing
  });
});
