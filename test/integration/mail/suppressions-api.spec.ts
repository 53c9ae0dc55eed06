import { createDatabase } from '../../support/database/postgres.js';
import { runScheduled } from '../../support/database/scheduled-run.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody } from '../../support/service/api.js';
import { OtpostProcess } from '../../support/service/otpost-process.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask } from '../../support/service/staff.js';
import { CarriedMail } from '../../support/smtp/carried-mail.js';

interface View {
  id: string;
  address: string;
  scope: string;
  reason: string;
  source: string;
  emailId: string | null;
  note: string | null;
  createdAt: string;
  lastSeenAt: string;
  expiresAt: string | null;
}

interface Page {
  items: View[];
  nextCursor: string | null;
}

describe('/v1/suppressions', () => {
  let otpost: Otpost;
  let mail: CarriedMail;
  let key: string;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    mail = new CarriedMail(otpost.database);
    key = await createApiKey(otpost.database.url, ['suppressions:read', 'suppressions:write']);
  });
  beforeEach(async () => {
    await mail.clear();
    await otpost.database.query('TRUNCATE audit_events');
  });
  afterAll(async () => {
    await mail.close();
    await otpost.stop();
  });

  const list = async (query = ''): Promise<Page> =>
    (await ask<Page>(otpost, key, 'GET', `/v1/suppressions${query}`)).body;
  const add = (body: object) => ask<View & ProblemBody>(otpost, key, 'POST', '/v1/suppressions', body);
  const lift = (body: object, bearer = key) => ask<ProblemBody>(otpost, bearer, 'DELETE', '/v1/suppressions', body);
  const bounced = (address: string) =>
    mail.ended(
      {
        status: 'failed',
        transport: 'smtp',
        errorCode: 'smtp_550',
        suppress: { reason: 'hard_bounce', source: 'smtp' },
      },
      { to: address, toCanonical: address },
    );
  const audited = () =>
    otpost.database.query(
      'SELECT action, actor_kind AS by, target_kind AS kind, target_id AS id, details FROM audit_events ORDER BY id',
    );

  it('shows each address with why, since when, until when and by which message', async () => {
    const id = await bounced('ada@example.com');
    const { items } = await list();
    expect(items).toEqual([
      {
        id: expect.stringMatching(/^\d+$/) as string,
        address: 'ada@example.com',
        scope: 'all',
        reason: 'hard_bounce',
        source: 'smtp',
        emailId: id,
        note: null,
        createdAt: expect.any(String) as string,
        lastSeenAt: expect.any(String) as string,
        expiresAt: expect.any(String) as string,
      },
    ]);
    expect(Date.parse(items[0]!.expiresAt!) - Date.parse(items[0]!.lastSeenAt)).toBe(90 * 86_400_000);
  });

  it('is read page by page, the newest first, and filtered', async () => {
    for (let n = 0; n < 5; n++) await add({ address: `n${n}@example.com` });
    await bounced('ada@example.com');
    const pages: string[][] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: Page = await list(`?limit=4${cursor ? `&cursor=${cursor}` : ''}`);
      pages.push(page.items.map(({ address }) => address));
      cursor = page.nextCursor;
    }
    expect(pages).toEqual([
      ['ada@example.com', 'n4@example.com', 'n3@example.com', 'n2@example.com'],
      ['n1@example.com', 'n0@example.com'],
    ]);
    expect((await list('?reason=hard_bounce')).items.map(({ address }) => address)).toEqual(['ada@example.com']);
    expect((await list('?address=N3%40Example.com')).items.map(({ address }) => address)).toEqual(['n3@example.com']);
    const refused = await Promise.all(
      ['?limit=101', '?reason=whim', '?address=ada', '?cursor=eA'].map((query) =>
        ask(otpost, key, 'GET', `/v1/suppressions${query}`),
      ),
    );
    expect(refused.map(({ status, body }) => [status, body.code])).toEqual(Array(4).fill([422, 'validation_failed']));
  });

  it('takes an address by hand, once, with an end and a note if wanted', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    const order = { address: 'Ada@Example.com', scope: 'bulk', expiresAt, note: 'asked by phone' };
    const first = await add(order);
    expect([first.status, first.body]).toMatchObject([
      201,
      {
        address: 'ada@example.com',
        scope: 'bulk',
        reason: 'manual',
        source: 'api_key',
        expiresAt,
        note: 'asked by phone',
      },
    ]);
    const again = await add(order);
    expect([again.status, again.body]).toEqual([200, first.body]);
    const forEver = await add({ address: 'ada@example.com', scope: 'bulk', reason: 'manual' });
    expect([forEver.status, forEver.body]).toMatchObject([201, { id: first.body.id, expiresAt: null, note: null }]);
    const details = { scope: 'bulk', domain: 'example.com' };
    expect(await audited()).toEqual([
      {
        action: 'suppression.added',
        by: 'api_key',
        kind: 'suppression',
        id: first.body.id,
        details: { ...details, expiresAt },
      },
      {
        action: 'suppression.added',
        by: 'api_key',
        kind: 'suppression',
        id: first.body.id,
        details: { ...details, expiresAt: null },
      },
    ]);
  });

  it('leaves a complaint as it is, whatever is asked for', async () => {
    await otpost.database.query(
      `INSERT INTO suppressions (address_canonical, reason, source) VALUES ('ada@example.com', 'complaint', 'postmark')`,
    );
    const { status, body } = await add({
      address: 'ada@example.com',
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
    });
    expect([status, body]).toMatchObject([200, { reason: 'complaint', expiresAt: null }]);
    expect(await audited()).toEqual([]);
  });

  it.each([
    [{ address: 'ada' }, 'address'],
    [{ address: 'ada@example.com', reason: 'hard_bounce' }, 'reason'],
    [{ address: 'ada@example.com', scope: 'critical' }, 'scope'],
    [{ address: 'ada@example.com', expiresAt: '2020-01-31T09:00:00Z' }, 'expiresAt'],
    [{ address: 'ada@example.com', expiresAt: 'tomorrow' }, 'expiresAt'],
    [{ address: 'ada@example.com', note: 'two\nlines' }, 'note'],
  ])('refuses %j', async (body, field) => {
    const answer = await add(body);
    expect([answer.status, answer.body.errors?.map((error) => error.field)]).toEqual([422, [field]]);
  });

  it('counts no longer from the moment it expires, and is removed by the daily work', async () => {
    await add({ address: 'ada@example.com', expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
    await otpost.database.query(`UPDATE suppressions SET expires_at = now()`);
    expect((await list()).items).toEqual([]);
    expect((await lift({ address: 'ada@example.com', reason: 'asked for' })).status).toBe(404);
    expect(await runScheduled(otpost.database, 'mail.suppressions')).toBe('1 suppressions removed');
    expect((await add({ address: 'ada@example.com' })).status).toBe(201);
  });

  it('is lifted with a reason, at once: a message that is claimed after it goes out', async () => {
    await bounced('ada@example.com');
    const waiting = await mail.accept();
    const [{ id } = { id: '' }] = (await list()).items;
    expect((await lift({ address: 'Ada@example.com', reason: 'has a new mailbox, ticket 4711' })).status).toBe(204);
    await mail.outbox.claim('default', 10, 'worker:1');
    expect((await mail.look(waiting)).status).toBe('sending');
    expect(await audited()).toMatchObject([
      {
        action: 'suppression.lifted',
        by: 'api_key',
        id,
        details: { scope: 'all', domain: 'example.com', was: 'hard_bounce', reason: 'has a new mailbox, ticket 4711' },
      },
    ]);
    const again = await lift({ address: 'ada@example.com', reason: 'once more' });
    expect([again.status, again.body.code, again.body.remedy]).toEqual([
      404,
      'suppression_not_found',
      expect.stringContaining('GET /v1/suppressions'),
    ]);
  });

  it('is lifted in one scope, or in all', async () => {
    await bounced('ada@example.com');
    await add({ address: 'ada@example.com', scope: 'bulk' });
    expect((await lift({ address: 'ada@example.com', scope: 'bulk', reason: 'asked for' })).status).toBe(204);
    expect((await list()).items.map(({ scope }) => scope)).toEqual(['all']);
    await add({ address: 'ada@example.com', scope: 'bulk' });
    expect((await lift({ address: 'ada@example.com', reason: 'asked for' })).status).toBe(204);
    expect((await list()).items).toEqual([]);
  });

  it.each([
    ['no reason', undefined],
    ['an empty reason', ' '],
    ['a reason that names an address', 'ada@example.com asked'],
    ['a reason of two lines', 'a\nb'],
  ])('is not lifted for %s', async (_, reason) => {
    await add({ address: 'ada@example.com' });
    const { status, body } = await lift({ address: 'ada@example.com', reason });
    expect([status, [...new Set(body.errors?.map(({ field }) => field))]]).toEqual([422, ['reason']]);
    expect((await list()).items).toHaveLength(1);
  });

  it('tells in the timeline of a message why it ended', async () => {
    const reader = await createApiKey(otpost.database.url, ['emails:read']);
    await add({ address: 'ada@example.com' });
    const id = await mail.accept();
    await mail.outbox.claim('default', 10, 'worker:1');
    const { body } = await ask<{
      status: string;
      lastErrorCode: string;
      lastReply: string;
      events: { status: string; errorCode: string | null; reply: string | null }[];
    }>(otpost, reader, 'GET', `/v1/emails/${id}`);
    const why = {
      errorCode: 'suppressed_manual',
      reply: expect.stringMatching(/^the address is on the suppression list since /) as string,
    };
    expect(body).toMatchObject({
      status: 'suppressed',
      lastErrorCode: 'suppressed_manual',
      events: [{ status: 'queued' }, { status: 'suppressed', ...why }],
    });
    expect(body.lastReply).toBe(body.events[1]!.reply);
  });
});

describe('the log', () => {
  it('names no suppressed address, even at its most talkative', async () => {
    const database = await createDatabase();
    const key = await createApiKey(database.url, ['suppressions:read', 'suppressions:write']);
    const otpost = await OtpostProcess.start({
      DATABASE_URL: database.url,
      APP_SECRET: 'a secret of more than thirty-two characters for tests',
      PORT: '0',
      LOG_LEVEL: 'trace',
      ROLE: 'web',
    });
    try {
      const api = await otpost.api();
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      const address = 'lovelace@example.com';
      const statuses = [
        (await api.send('POST', '/v1/suppressions', headers, JSON.stringify({ address }))).status,
        (await api.send('GET', `/v1/suppressions?address=${address}`, headers)).status,
        (await api.send('DELETE', '/v1/suppressions', headers, JSON.stringify({ address, reason: 'asked for' })))
          .status,
        (await api.send('DELETE', '/v1/suppressions', headers, JSON.stringify({ address, reason: `${address} asked` })))
          .status,
      ];
      expect(statuses).toEqual([201, 200, 204, 422]);
      expect(JSON.stringify(await database.query('SELECT * FROM audit_events'))).not.toContain('lovelace');
    } finally {
      await otpost.stop();
      await database.drop();
    }
    expect(otpost.text).toContain('/v1/suppressions');
    expect(otpost.text).not.toContain('lovelace');
  });
});
