import { EventReader, type ReaderOptions } from '../../support/http/event-reader.js';
import type { IssuedBody, ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { HeldMail } from '../../support/smtp/held-mail.js';

const SENT = { status: 'sent', transport: 'smtp.example.com', reply: '250 taken' } as const;

describe('the stream of what becomes of a code', () => {
  let otpost: Otpost;
  let clock: HeldClock;
  let mail: HeldMail;
  let number = 0;
  const readers: EventReader[] = [];

  beforeAll(async () => {
    clock = new HeldClock();
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' }, clock);
    mail = new HeldMail(otpost.database);
  });
  afterEach(async () => {
    await Promise.all(readers.splice(0).map((reader) => reader.close()));
  });
  afterAll(async () => {
    await mail.close();
    await otpost.stop();
  });

  async function registered(): Promise<string> {
    return (await otpost.api.register(`ada${++number}@example.com`)).challenge.id;
  }

  async function listen(id: string, options: ReaderOptions = {}): Promise<EventReader> {
    const reader = await EventReader.open(`${otpost.api.url}/v1/otp/${id}/delivery/events`, options);
    readers.push(reader);
    return reader;
  }

  it('begins at once with the present state, in a form that no proxy keeps or holds back', async () => {
    const id = await registered();
    const reader = await listen(id);
    expect([reader.status, reader.headers['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(reader.headers).toMatchObject({ 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' });
    const [event] = await reader.first(1);
    const { body } = await otpost.api.get(`/v1/otp/${id}/delivery`);
    expect(event).toEqual({ event: 'delivery', id: expect.stringMatching(/^[\w-]{16}$/) as string, data: body });
    expect([reader.retry, (body as { status: string }).status]).toEqual(['3000', 'queued']);
  });

  it('tells every change, and ends with the last one there can be', async () => {
    const id = await registered();
    const reader = await listen(id);
    expect(await reader.told(1)).toBe('queued');
    await mail.claim(id);
    expect(await reader.told(2)).toBe('sending');
    await mail.finish(id, { status: 'deferred', errorCode: 'greylisted', delayMs: 60_000 });
    expect(await reader.told(3)).toBe('deferred');
    await mail.claim(id);
    expect(await reader.told(4)).toBe('sending');
    await mail.finish(id, SENT);
    expect(await reader.told(5)).toBe('sent');
    await mail.note(id, 'delivered');
    expect(await reader.told(6)).toBe('delivered');
    expect((await reader.first(7))[6]).toEqual({ event: 'end', id: undefined, data: { reason: 'final' } });
    await reader.end();
    expect(new Set(reader.events.map((event) => event.id)).size).toBe(7);
  });

  it('ends when the mail is bounced, failed or expired', async () => {
    const ending = async (status: string) => {
      const id = await registered();
      const reader = await listen(id);
      await reader.first(1);
      await mail.note(id, status);
      await reader.end();
      expect(reader.events.map(({ data }) => data)).toMatchObject([
        { status: 'queued' },
        { status },
        { reason: 'final' },
      ]);
    };
    await Promise.all(['bounced', 'failed', 'expired'].map(ending));
  });

  it('says nothing of what is not told: a note without a change, a complaint after the delivery', async () => {
    const id = await registered();
    await mail.claim(id);
    await mail.finish(id, SENT);
    const before = await otpost.api.get<{ updatedAt: string }>(`/v1/otp/${id}/delivery`);
    const reader = await listen(id);
    await reader.first(1);
    await mail.note(id, 'sent');
    expect((await otpost.api.get(`/v1/otp/${id}/delivery`)).body).toEqual(before.body);
    await mail.note(id, 'delivered');
    const delivered = await otpost.api.get(`/v1/otp/${id}/delivery`);
    await reader.end();
    expect(reader.events.map(({ data }) => data)).toMatchObject([
      { status: 'sent' },
      { status: 'delivered' },
      { reason: 'final' },
    ]);
    await mail.note(id, 'complained');
    expect((await otpost.api.get(`/v1/otp/${id}/delivery`)).body).toEqual(delivered.body);
  });

  it('follows the newest copy when the code is sent again', async () => {
    const id = await registered();
    await mail.claim(id);
    await mail.finish(id, SENT);
    const reader = await listen(id);
    expect(await reader.told(1)).toBe('sent');
    clock.advance(30);
    await otpost.api.post(`/v1/otp/${id}/resend`, {});
    expect(await reader.told(2)).toBe('queued');
    await mail.claim(id);
    expect(await reader.told(3)).toBe('sending');
  });

  describe('to a client that comes again', () => {
    it('repeats nothing and loses nothing', async () => {
      const id = await registered();
      const first = await listen(id);
      const [queued] = await first.first(1);
      await first.close();
      const second = await listen(id, { lastEventId: queued!.id! });
      await mail.claim(id);
      expect(await second.told(1)).toBe('sending');
      await second.close();
      await mail.finish(id, SENT); // while nobody listens
      const third = await listen(id, { lastEventId: second.events[0]!.id! });
      expect(await third.told(1)).toBe('sent');
      const stranger = await listen(id, { lastEventId: 'never told' });
      expect(await stranger.told(1)).toBe('sent');
    });

    it('is 204 when it has heard the last word, which makes a browser stop', async () => {
      const id = await registered();
      await mail.note(id, 'bounced');
      const reader = await listen(id);
      await reader.end();
      expect((await listen(id, { lastEventId: reader.events[0]!.id! })).status).toBe(204);
    });
  });

  it('gives a sign of life after 15 seconds of silence', async () => {
    const reader = await listen(await registered());
    await reader.first(1);
    clock.advance(14);
    const other = await listen(await registered());
    await other.first(1);
    clock.advance(1);
    await eventually(() => reader.comments === 1, 'a sign of life');
    expect([other.comments, reader.events.length]).toEqual([0, 1]);
  });

  it('ends a minute after the code did', async () => {
    const id = await registered();
    const reader = await listen(id);
    await reader.first(1);
    await otpost.database.query("UPDATE otp_challenges SET purpose = 'reauthenticate' WHERE id = $1", [id]); // no link
    await otpost.api.post(`/v1/otp/${id}/disown`, {});
    const told = await reader.first(2); // its mail, not begun, is withdrawn
    expect(told[1]!.data).toMatchObject({ status: 'failed' });
    const [expiring, used] = [await registered(), await registered()];
    await otpost.database.query('UPDATE otp_challenges SET consumed_at = $2 WHERE id = $1', [used, clock.now()]);
    const [late, early] = [await listen(expiring), await listen(used)];
    clock.advance(60);
    expect((await early.first(2))[1]!.data).toEqual({ reason: 'over' });
    clock.advance(540 + 59);
    await late.first(1);
    expect(late.closed).toBe(false);
    clock.advance(1);
    expect((await late.first(2))[1]!.data).toEqual({ reason: 'over' });
    await late.end();
  });

  it('tells the same whether the address has an account', async () => {
    await otpost.database.query(
      `INSERT INTO accounts (id, email, email_canonical, email_verified_at) VALUES (gen_random_uuid(), $1, $1, now())`,
      ['known@example.com'],
    );
    const open = await Promise.all(
      ['known@example.com', 'unknown@example.com'].map(async (email) => {
        const { body } = await otpost.api.post<IssuedBody>('/v1/otp', { purpose: 'login', email });
        return { id: body.challenge.id, reader: await listen(body.challenge.id) };
      }),
    );
    const eachHas = (count: number) => Promise.all(open.map(({ reader }) => reader.first(count)));
    await eachHas(1);
    for (const { id } of open) await mail.claim(id);
    await eachHas(2);
    for (const { id } of open) await mail.finish(id, SENT);
    await eachHas(3);
    clock.advance(660);
    await Promise.all(open.map(({ reader }) => reader.end()));
    const heard = open.map(({ reader }) =>
      reader.events.map(({ event, data }) => ({ event, ...(data as object), updatedAt: undefined })),
    );
    expect(heard[0]).toHaveLength(4);
    expect(heard[0]).toEqual(heard[1]);
  });

  it.each(['A'.repeat(22), 'nonsense'])('is 404 for a challenge that is not there: %s', async (id) => {
    const { status, body } = await otpost.api.get<ProblemBody>(`/v1/otp/${id}/delivery/events`);
    expect([status, body.code]).toEqual([404, 'challenge_not_found']);
  });

  it('answers HEAD with its headers and no stream', async () => {
    const response = await fetch(`${otpost.api.url}/v1/otp/${await registered()}/delivery/events`, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
      '',
    ]);
  });
});
