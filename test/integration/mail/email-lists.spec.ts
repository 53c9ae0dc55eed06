import { randomUUID } from 'node:crypto';
import { type KeptEmail, keepEmail } from '../../support/database/kept-email.js';
import type { ProblemBody } from '../../support/service/api.js';
import { createNamedKey, type NamedKey, successorOf } from '../../support/service/named-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

interface Item {
  id: string;
  to: string;
}

interface Page {
  items: Item[];
  nextCursor: string | null;
}

interface Stats {
  since: string;
  until: string;
  total: number;
  counts: Record<string, number>;
}

describe('lists of messages', () => {
  let otpost: Otpost;
  let reader: NamedKey;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    reader = await createNamedKey(otpost.database, 'emails:read');
  });
  afterEach(() => otpost.database.query('TRUNCATE outbound_emails, email_terms CASCADE'));
  afterAll(() => otpost.stop());

  const keep = (email?: KeptEmail) => keepEmail(otpost.database, email);
  const get = <Body>(path: string, key = reader.key) => otpost.api.get<Body>(path, key);

  async function found(query: string, key?: string): Promise<string[]> {
    const { status, body } = await get<Page>(`/v1/emails?${query}`, key);
    expect(status).toBe(200);
    return body.items.map(({ id }) => id);
  }

  it('show what a message is, and never its content', async () => {
    const apiKeyId = randomUUID();
    const origin = await keep({});
    const id = await keep({
      ...{ status: 'failed', subject: 'Your invoice', template: 'receipt', lane: 'bulk', tags: ['spring', 'vip'] },
      ...{ transport: 'smtp', errorCode: 'smtp_550', apiKeyId, splitFrom: origin },
      recipients: [
        { kind: 'to', address: 'Ada@example.com', name: null, canonical: 'ada@example.com' },
        { kind: 'cc', address: 'grace@example.com', name: null, canonical: 'grace@example.com' },
      ],
    });
    const { body } = await get<Page>('/v1/emails');
    expect(body).toEqual({
      items: [
        {
          ...{
            id,
            status: 'failed',
            to: 'ada@example.com',
            recipients: ['Ada@example.com', 'grace@example.com'],
            subject: 'Your invoice',
            template: 'receipt',
            channel: 'email',
            lane: 'bulk',
          },
          ...{ tags: ['spring', 'vip'], transport: 'smtp', attempts: 1, lastErrorCode: 'smtp_550', apiKeyId },
          ...{ createdAt: expect.any(String) as string, sentAt: null, scheduledAt: null, splitFrom: origin },
        },
        expect.objectContaining({
          id: origin,
          to: 'ada@example.com',
          recipients: ['ada@example.com'],
          tags: [],
          splitFrom: null,
        }),
      ],
      nextCursor: null,
    });
  });

  it('come in pages, newest first, each message once', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.push(await keep({ tags: ['paged'] }));
    for (const filter of ['', '&tag=paged', '&status=sent']) {
      const seen: string[] = [];
      let path = `/v1/emails?limit=2${filter}`;
      for (let pages = 1; ; pages++) {
        const { body } = await get<Page>(path);
        seen.push(...body.items.map(({ id }) => id));
        if (body.nextCursor === null) break;
        expect(pages).toBeLessThan(3);
        path = `/v1/emails?limit=2${filter}&cursor=${body.nextCursor}`;
      }
      expect(seen).toEqual([...ids].reverse());
    }
  });

  const KEY = randomUUID();
  const CC = [
    { kind: 'to' as const, address: 'someone@example.com', name: null, canonical: 'someone@example.com' },
    { kind: 'bcc' as const, address: 'Hidden@example.com', name: null, canonical: 'hidden@example.com' },
  ];
  const FILTERS: [filter: string, meant: KeptEmail, other: KeptEmail][] = [
    ['status=failed', { status: 'failed' }, { status: 'deferred' }],
    ['status=failed,unknown', { status: 'unknown' }, { status: 'deferred' }],
    ['status=failed,sent', { status: 'sent' }, { status: 'deferred' }],
    ['status=queued', { status: 'queued' }, { status: 'sent' }],
    ['to=GRACE@example.com', { to: 'Grace@example.com' }, { to: 'grace@example.org' }],
    ['to=hidden@example.com', { recipients: CC }, { to: 'someone@example.com' }],
    ['to=%2B639171234567', { to: '+639171234567', lane: 'sms' }, { to: '+639171234568', lane: 'sms' }],
    ['to=%2B63%20(917)%20123-4567', { to: '+639171234567', lane: 'sms' }, { to: '+63917123456', lane: 'sms' }],
    ['to=+639171234567', { to: '+639171234567', lane: 'sms' }, { to: '639171234567@example.com' }],
    [
      'from=Shop@example.com',
      { from: 'Shop <shop@example.com>', apiKeyId: KEY },
      { from: 'x@example.com', apiKeyId: KEY },
    ],
    ['template=receipt', { template: 'receipt' }, { template: 'receipts' }],
    ['tag=spring', { tags: ['vip', 'spring'] }, { tags: ['springs'] }],
    ['lane=bulk', { lane: 'bulk' }, { lane: 'critical' }],
    ['transport=ses', { transport: 'ses' }, { transport: 'smtp' }],
    ['errorCode=smtp_550', { errorCode: 'smtp_550' }, { errorCode: 'smtp_450' }],
    [`apiKey=${KEY.toUpperCase()}`, { apiKeyId: KEY }, { apiKeyId: randomUUID() }],
    ['q=INVOICE%20no', { subject: 'Your invoice No. 7' }, { subject: 'Your invoices' }],
    ['q=mailbox', { reply: '550 Mailbox unknown' }, { reply: '550 no' }],
    ['q=100%25', { subject: 'It is 100% off' }, { subject: 'It is 100 off' }],
    ['since=2020-01-01T00:00:00Z&until=2999-01-01T00:00:00Z', {}, { daysAgo: 20_000 }],
  ];

  it.each(FILTERS)('find %s and nothing else, alone and with what holds as well', async (filter, meant, other) => {
    await keep(other);
    const id = await keep(meant);
    await keep(other);
    expect(await found(filter)).toEqual([id]);
    const [row] = (await get<{ items: Record<string, string>[] }>(`/v1/emails?${filter}`)).body.items;
    for (const more of [`lane=${row!['lane']}`, `status=${row!['status']}`, 'since=2021-01-01T00:00:00Z'])
      if (!filter.includes(more.split('=')[0]!)) expect(await found(`${filter}&${more}`)).toEqual([id]);
    const { body } = await get<Stats>(`/v1/emails/stats?${filter.replace(/since=.*/, '')}`);
    expect([body.total, body.counts[row!['status']!]]).toEqual([1, 1]);
  });

  it('go by when messages were accepted', async () => {
    const [old, young] = [await keep({ daysAgo: 10 }), await keep({ daysAgo: 2 })];
    const at = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    expect(await found(`since=${at(5)}`)).toEqual([young]);
    expect(await found(`until=${at(5)}`)).toEqual([old]);
    expect(await found(`since=${at(11)}&until=${at(1)}&to=ada@example.com`)).toEqual([young, old]);
  });

  it.each([
    ['/v1/emails?broadcast=1', 'broadcast', 'matches'],
    ['/v1/emails?audience=1', 'audience', 'unknown_field'],
    ['/v1/emails?cursor=nonsense', 'cursor', 'cursor'],
    ['/v1/emails?limit=101', 'limit', 'matches'],
    ['/v1/emails?status=gone', 'status', 'status'],
    ['/v1/emails?status=', 'status', 'status'],
    ['/v1/emails?status=sent&status=failed', 'status', 'status'],
    ['/v1/emails?to=nobody', 'to', 'invalid_address'],
    ['/v1/emails?to=09171234567', 'to', 'invalid_address'],
    ['/v1/emails?lane=fast', 'lane', 'is_in'],
    ['/v1/emails?tag=', 'tag', 'is_length'],
    ['/v1/emails?apiKey=mine', 'apiKey', 'matches'],
    ['/v1/emails?since=yesterday', 'since', 'date_time'],
    ['/v1/emails?since=2030-01-02T00:00:00Z&until=2030-01-01T00:00:00Z', 'until', 'before_since'],
    ['/v1/emails/stats?limit=5', 'limit', 'unknown_field'],
    ['/v1/emails/stats?since=2026-01-01T00:00:00Z&until=2026-01-31T00:00:01Z', 'since', 'too_far_back'],
    ['/v1/emails/stats?until=1960-01-01T00:00:00Z', 'until', 'before_since'],
  ])('refuse %s and name the field', async (path, field, code) => {
    const { status, body } = await get<ProblemBody>(path);
    expect([status, body.code, body.errors?.map((error) => [error.field, error.code])]).toEqual([
      422,
      'validation_failed',
      [[field, code]],
    ]);
  });

  it('say by which channel each went', async () => {
    await keep({ lane: 'sms', to: '+639171234567' });
    await keep({ lane: 'critical' });
    const { body } = await get<{ items: object[] }>('/v1/emails');
    expect(body.items).toMatchObject([
      { channel: 'email', lane: 'critical' },
      { channel: 'sms', lane: 'sms', to: '+639171234567', recipients: ['+639171234567'] },
    ]);
  });

  it('are counted by state, of the last 30 days unless it is said', async () => {
    await keep({ status: 'failed', daysAgo: 31 });
    await keep({ status: 'failed' });
    await keep({ status: 'sent' });
    await keep({ status: 'sent', lane: 'bulk' });
    const [{ body: all }, { body: bulk }] = await Promise.all([
      get<Stats>('/v1/emails/stats'),
      get<Stats>('/v1/emails/stats?lane=bulk'),
    ]);
    expect([all.total, all.counts['failed'], all.counts['sent'], all.counts['unknown']]).toEqual([3, 1, 2, 0]);
    expect(Date.parse(all.until) - Date.parse(all.since)).toBe(30 * 86_400_000);
    expect([bulk.total, bulk.counts['sent']]).toEqual([1, 1]);
  });

  describe('for a key that reads its own messages', () => {
    let own: NamedKey;
    let [mine, others] = ['', ''];

    beforeAll(async () => {
      own = await createNamedKey(otpost.database, 'emails:read:own', 'emails:send');
    });
    beforeEach(async () => {
      mine = await keep({ apiKeyId: own.id, status: 'failed' });
      others = await keep({ apiKeyId: reader.id, status: 'failed' });
    });

    it('hold nothing else, whatever it asks for', async () => {
      for (const filter of ['', 'status=failed', 'to=ada@example.com', `apiKey=${own.id}`])
        expect(await found(filter, own.key)).toEqual([mine]);
      expect(await found(`apiKey=${reader.id}`, own.key)).toEqual([]);
      expect((await get<Stats>('/v1/emails/stats', own.key)).body.total).toBe(1);
    });

    it('know no message of another key: 404 to read it, and to change it', async () => {
      expect((await get(`/v1/emails/${mine}`, own.key)).status).toBe(200);
      const answers = await Promise.all([
        get<ProblemBody>(`/v1/emails/${others}`, own.key),
        ...['cancel', 'retry', 'resolve'].map((verb) =>
          otpost.api.post<ProblemBody>(
            `/v1/emails/${others}/${verb}`,
            { as: 'sent' },
            { authorization: `Bearer ${own.key}` },
          ),
        ),
        otpost.api.send<ProblemBody>(
          'PATCH',
          `/v1/emails/${others}`,
          { authorization: `Bearer ${own.key}`, 'content-type': 'application/json' },
          JSON.stringify({ scheduledAt: new Date().toISOString() }),
        ),
      ]);
      expect(answers.map(({ status, body }) => [status, body.code])).toEqual(Array(5).fill([404, 'email_not_found']));
    });

    describe('and takes over from another one', () => {
      let line: NamedKey[];
      let ids: string[];

      beforeAll(async () => {
        const first = await createNamedKey(otpost.database, 'emails:read:own', 'emails:send');
        const second = await successorOf(otpost.database, first);
        line = [first, second, await successorOf(otpost.database, second)];
      });
      beforeEach(async () => {
        ids = [];
        for (const { id: apiKeyId } of [...line, ...line]) ids.unshift(await keep({ apiKeyId, status: 'failed' }));
      });

      it('hold what each of them sent, newest first and in pages, and nothing else', async () => {
        for (const { key } of line) {
          expect(await found('', key)).toEqual(ids);
          expect(await found('status=failed&to=ada@example.com', key)).toEqual(ids);
          expect(await found(`apiKey=${line[0]!.id}`, key)).toEqual([ids[2], ids[5]]);
          expect(await found(`apiKey=${reader.id}`, key)).toEqual([]);
          expect((await get<Stats>('/v1/emails/stats', key)).body).toMatchObject({ total: 6, counts: { failed: 6 } });
          const { body } = await get<Page>('/v1/emails?limit=4', key);
          const rest = await get<Page>(`/v1/emails?limit=4&cursor=${body.nextCursor}`, key);
          expect([...body.items, ...rest.body.items].map(({ id }) => id)).toEqual(ids);
          expect(rest.body.nextCursor).toBeNull();
        }
        expect(await found('', own.key)).toEqual([mine]);
      });

      it('know each message of the line, to read it and to change it', async () => {
        for (const [n, { key }] of line.entries()) {
          const id = ids[5 - ((n + 1) % 3)]!;
          expect((await get(`/v1/emails/${id}`, key)).status).toBe(200);
          const retried = await otpost.api.post(`/v1/emails/${id}/retry`, {}, { authorization: `Bearer ${key}` });
          const cancelled = await otpost.api.post(`/v1/emails/${id}/cancel`, {}, { authorization: `Bearer ${key}` });
          expect([retried.status, cancelled.status]).toEqual([200, 200]);
          expect((await get(`/v1/emails/${others}`, key)).status).toBe(404);
          expect((await get(`/v1/emails/${id}`, own.key)).status).toBe(404);
        }
      });
    });
  });
});
