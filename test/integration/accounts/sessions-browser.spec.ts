import type { Sessions } from '../../../src/accounts/sessions/sessions.js';
import { SessionRoom } from '../../support/service/session-room.js';

const DAY = 86_400;

describe('a session of our own pages', () => {
  let room: SessionRoom;
  let sessions: Sessions;

  beforeAll(async () => {
    room = await SessionRoom.open();
    ({ sessions } = room);
  });
  afterAll(() => room.close());

  async function begin(begun: { challengeId?: string } = {}, cookie?: string) {
    const accountId = await room.account();
    return {
      accountId,
      ...(await room.run((unit) =>
        sessions.startBrowser(accountId, { method: 'link', ip: '192.0.2.7', ...begun }, unit, cookie),
      )),
    };
  }

  const lastUsed = async (id: string) => (await room.prisma.session.findUniqueOrThrow({ where: { id } })).lastUsedAt;

  it('is known by a cookie that is stored as a hash only', async () => {
    const { cookie, sessionId, accountId } = await begin();
    expect(cookie).toMatch(/^ots_[\w-]{43}$/);
    expect(await sessions.byCookie(cookie)).toMatchObject({
      account: { id: accountId },
      session: { id: sessionId, method: 'link', ip: '192.0.2.7' },
    });
    expect(await sessions.byCookie(`${cookie}x`)).toBeUndefined();
    const [row] = await room.database.query<{ row: string }>(
      'SELECT row_to_json(s)::text AS row FROM sessions s WHERE id = $1',
      [sessionId],
    );
    expect(row!.row).not.toContain(cookie);
    expect(await room.database.query('SELECT 1 FROM refresh_tokens WHERE session_id = $1', [sessionId])).toEqual([]);
  });

  it('ends when it is ended, and when all but another one are', async () => {
    const [one, two] = [await begin(), await begin()];
    expect(await room.run((unit) => sessions.end(one.sessionId, two.accountId, 'ended', unit))).toBe(false);
    expect(await room.run((unit) => sessions.end(one.sessionId, one.accountId, 'ended', unit))).toBe(true);
    expect(await sessions.byCookie(one.cookie)).toBeUndefined();
    const kept = await room.run((unit) => sessions.startBrowser(two.accountId, { method: 'code' }, unit));
    expect(await room.run((unit) => sessions.endOthers(two.accountId, kept.sessionId, 'password_changed', unit))).toBe(
      1,
    );
    expect(await sessions.byCookie(two.cookie)).toBeUndefined();
    expect(await sessions.byCookie(kept.cookie)).toBeDefined();
  });

  it('ends after 30 days without use, which is noted at most once a minute', async () => {
    const { cookie, sessionId } = await begin();
    const began = await lastUsed(sessionId);
    room.clock.advance(59);
    await sessions.byCookie(cookie);
    expect(await lastUsed(sessionId)).toEqual(began);
    room.clock.advance(1);
    await sessions.byCookie(cookie);
    expect(await lastUsed(sessionId)).toEqual(room.clock.now());
    room.clock.advance(30 * DAY - 1);
    expect(await sessions.byCookie(cookie)).toBeDefined();
    room.clock.advance(30 * DAY);
    expect(await sessions.byCookie(cookie)).toBeUndefined();
  });

  it('ends after 90 days however often it is used', async () => {
    const { cookie } = await begin();
    for (let week = 0; week < 12; week++) {
      room.clock.advance(7 * DAY);
      expect(await sessions.byCookie(cookie)).toBeDefined();
    }
    room.clock.advance(6 * DAY);
    expect(await sessions.byCookie(cookie)).toBeUndefined();
  });

  it('has the cookie that its beginner gave, so that a second press gets the same one', async () => {
    const given = `ots_${'A'.repeat(43)}`;
    const { cookie, sessionId } = await begin({}, given);
    expect(cookie).toBe(given);
    expect((await sessions.byCookie(given))?.session.id).toBe(sessionId);
  });

  it('is looked at without being used', async () => {
    const { cookie, sessionId } = await begin();
    const began = await lastUsed(sessionId);
    room.clock.advance(61);
    expect((await sessions.lookByCookie(cookie))?.session.id).toBe(sessionId);
    expect(await lastUsed(sessionId)).toEqual(began);
    expect(await sessions.lookByCookie(`${cookie}x`)).toBeUndefined();
  });

  it('is no session of an app, and gets no tokens', async () => {
    const { sessionId } = await begin();
    expect(await room.run((unit) => sessions.again(sessionId, unit))).toBeUndefined();
    expect(await room.database.query('SELECT 1 FROM refresh_tokens WHERE session_id = $1', [sessionId])).toEqual([]);
  });
});

describe('a session that a challenge began', () => {
  let room: SessionRoom;
  let sessions: Sessions;

  beforeAll(async () => {
    room = await SessionRoom.open();
    ({ sessions } = room);
  });
  afterAll(() => room.close());

  async function begin(challengeId: string) {
    const accountId = await room.account();
    const tokens = await room.run((unit) => sessions.start(accountId, { method: 'code', challengeId }, unit));
    return { accountId, tokens, session: (await sessions.begunBy(challengeId))!.session };
  }

  it('is found by it while it lives, the newest of several', async () => {
    const { accountId, session } = await begin('one');
    expect(await sessions.begunBy('another')).toBeUndefined();
    room.clock.advance(1);
    const { sessionId } = await room.run((unit) =>
      sessions.startBrowser(accountId, { method: 'code', challengeId: 'one' }, unit),
    );
    expect(await sessions.begunBy('one')).toMatchObject({
      account: { id: accountId },
      session: { id: sessionId },
    });
    await room.run((unit) => sessions.end(sessionId, accountId, 'ended', unit));
    expect((await sessions.begunBy('one'))?.session.id).toBe(session.id);
    await room.run((unit) => sessions.endOthers(accountId, null, 'ended', unit));
    expect(await sessions.begunBy('one')).toBeUndefined();
  });

  it('gets tokens again, beside those that it has', async () => {
    const { tokens, session } = await begin('two');
    const again = (await room.run((unit) => sessions.again(session.id, unit)))!;
    expect(again.refreshToken).not.toBe(tokens.refreshToken);
    for (const { refreshToken } of [tokens, again]) expect(await room.refresh(refreshToken)).toBeDefined();
    expect((await room.accessTokens.read(again.accessToken))?.sessionId).toBe(session.id);
  });

  it('has four unused tokens at most, the newest ones', async () => {
    const { tokens, session } = await begin('three');
    const all = [tokens];
    for (let press = 1; press <= 6; press++) {
      room.clock.advance(1);
      all.push((await room.run((unit) => sessions.again(session.id, unit)))!);
    }
    const outcomes = [];
    for (const { refreshToken } of all) outcomes.push((await room.refresh(refreshToken)) !== undefined);
    expect(outcomes).toEqual([false, false, false, true, true, true, true]);
  });

  it('gets no more once it has ended, and once it ends at the same moment', async () => {
    const { accountId, session } = await begin('four');
    const [ended] = await Promise.all([
      room.run((unit) => sessions.end(session.id, accountId, 'signed_out', unit)),
      ...Array.from({ length: 5 }, () => room.run((unit) => sessions.again(session.id, unit))),
    ]);
    expect(ended).toBe(true);
    expect(await room.run((unit) => sessions.again(session.id, unit))).toBeUndefined();
  });
});
