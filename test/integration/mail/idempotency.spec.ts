import { keyLine } from '../../../src/access/key-line.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import { Prisma } from '../../../src/generated/prisma/client.js';
import { firstCaller } from '../../../src/mail/outbox/insert-statement.js';
import { Idempotency } from '../../../src/mail/submission/idempotency.js';
import { runScheduled } from '../../support/database/scheduled-run.js';
import { WorkOfRequests } from '../../support/database/work-of-requests.js';
import { RawClient } from '../../support/http/raw-client.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { createNamedKey, type NamedKey, successorOf } from '../../support/service/named-key.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

type Body = { id: string; status: string; reference?: string } & ProblemBody;

const MAIL = { subject: 'Your invoice', text: 'It is attached to nothing.' };
const HOURS = 3_600;

// No worker, so that each message stays as it was accepted.
describe('a request with an Idempotency-Key', () => {
  let clock: HeldClock;
  let works: WorkOfRequests;
  let otpost: Otpost;
  let prisma: PrismaService;
  let transactions: Transactions;
  let shop: NamedKey;
  let number = 0;

  beforeAll(async () => {
    clock = new HeldClock();
    works = new WorkOfRequests();
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', LIMIT_DESTINATION: '1/15min' }, clock);
    prisma = new PrismaService({ url: otpost.database.url, poolSize: 3 });
    transactions = new Transactions(prisma);
    shop = await createNamedKey(otpost.database, 'emails:send', 'verifications');
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await otpost.stop();
    works.stop();
  });

  /** A key and a recipient that nothing was asked for before. */
  const something = () => ({ key: `order ${++number}`, to: `ada${number}@example.com` });
  const headersOf = (key: string | undefined, by = shop) => ({
    authorization: `Bearer ${by.key}`,
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  });
  const send = (key: string | undefined, body: object, by = shop): Promise<Answer<Body>> =>
    otpost.api.post<Body>('/v1/emails', body, headersOf(key, by));
  const verify = (key: string | undefined, body: object): Promise<Answer<Body>> =>
    otpost.api.post<Body>('/v1/verifications', body, headersOf(key));
  const messagesTo = async (to: string): Promise<string[]> =>
    (await otpost.database.query<{ id: string }>('SELECT id FROM outbound_emails WHERE to_address = $1', [to])).map(
      ({ id }) => id,
    );
  const replayed = ({ headers }: Answer<unknown>): string | null => headers.get('idempotency-replayed');

  it('is carried out once, and answered alike however often it comes', async () => {
    const { key, to } = something();
    const first = await send(key, { to, ...MAIL });
    expect([first.status, first.body.status, replayed(first)]).toEqual([202, 'queued', null]);
    for (let repeated = 0; repeated < 3; repeated++) {
      const again = await send(key, { text: MAIL.text, to, subject: MAIL.subject });
      expect([again.status, again.body, replayed(again)]).toEqual([202, first.body, 'true']);
    }
    expect(await messagesTo(to)).toEqual([first.body.id]);
  });

  it('is refused where the key belongs to another request, and nothing is sent', async () => {
    const { key, to } = something();
    const first = await send(key, { to, ...MAIL });
    for (const other of [
      { to, ...MAIL, subject: 'Another' },
      { to: `x${to}`, ...MAIL },
      { to, ...MAIL, lane: 'bulk' },
    ]) {
      const { status, body } = await send(key, other);
      expect([status, body.code]).toEqual([422, 'idempotency_mismatch']);
    }
    const call = await verify(key, { to, purpose: 'checkout' });
    expect([call.status, call.body.code]).toEqual([422, 'idempotency_mismatch']);
    expect([await messagesTo(to), await messagesTo(`x${to}`)]).toEqual([[first.body.id], []]);
  });

  it('is told apart from that of another caller', async () => {
    const { key, to } = something();
    const other = await createNamedKey(otpost.database, 'emails:send');
    const ids = [await send(key, { to, ...MAIL }), await send(key, { to, ...MAIL }, other)].map(({ body }) => body.id);
    expect(new Set(await messagesTo(to))).toEqual(new Set(ids));
    expect(new Set(ids).size).toBe(2);
  });

  it('is the same request by an API key and its successors, in whatever order they are used', async () => {
    const line = [await createNamedKey(otpost.database, 'emails:send')];
    for (let rotated = 0; rotated < 2; rotated++) line.push(await successorOf(otpost.database, line.at(-1)!));
    for (const first of line) {
      const { key, to } = something();
      const { body } = await send(key, { to, ...MAIL }, first);
      for (const next of line) expect((await send(key, { to, ...MAIL }, next)).body).toEqual(body);
      expect(await messagesTo(to)).toEqual([body.id]);
    }
  });

  it('finds the keys of a line without reading those of others', async () => {
    const { database } = otpost;
    await database.query(
      `INSERT INTO api_keys (id, name, prefix, key_hash, scopes) SELECT gen_random_uuid(), 'many', 'otk_many', sha256(n::text::bytea), '{}'
       FROM generate_series(1, 5000) n`,
    );
    await database.query('ANALYZE api_keys');
    const scans = async ({ text, values }: Prisma.Sql): Promise<string[]> => {
      const plan = await database.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
      return plan.map((row) => row['QUERY PLAN']).filter((line) => line.includes('api_keys'));
    };
    const [back, on] = ['api_keys_lines', 'api_keys_pkey'].map((index): unknown =>
      expect.stringMatching(`Index Scan using ${index} `),
    );
    expect(await scans(firstCaller(Prisma.sql`${shop.id}::text`))).toEqual([back]);
    expect(await scans(keyLine(shop.id))).toEqual([back, on]);
    await database.query(`DELETE FROM api_keys WHERE name = 'many'`);
  });

  it('may be sent again under its key after it was refused, corrected too', async () => {
    const { key, to } = something();
    const over = clock.now().toISOString();
    expect((await send(key, { to })).body.code).toBe('validation_failed');
    expect((await send(key, { to, ...MAIL, expiresAt: over })).body.errors).toMatchObject([{ code: 'in_the_past' }]);
    const sent = await send(key, { to, ...MAIL });
    expect([sent.status, replayed(sent), await messagesTo(to)]).toEqual([202, null, [sent.body.id]]);
  });

  it('is answered alike when its own time is over', async () => {
    const { mail, first, key } = await eventually(async () => {
      const { key, to } = something();
      const mail = { to, ...MAIL, expiresAt: new Date(Date.now() + 2_000).toISOString() };
      const first = await send(key, mail);
      return first.status === 202 && { mail, first, key }; // else this machine took longer
    }, 'a message that is accepted before its time is over');
    await eventually(async () => {
      const { status } = await send(something().key, mail);
      return status === 422;
    }, 'its time to be over');
    expect(await send(key, mail)).toMatchObject({ status: 202, body: first.body });
  });

  it('is not kept waiting while it is under way, and gets its answer then', async () => {
    const { key, to } = something();
    const idempotency = new Idempotency(prisma, clock);
    const body = { to, ...MAIL };
    const kept = { id: 'of the first', status: 'queued' };
    await transactions.run(async (unit) => {
      await unit.db
        .$queryRaw`SELECT FROM pg_advisory_xact_lock(hashtextextended('idempotency:' || ${shop.id} || ':' || ${key}, 0))`;
      const refused = await send(key, body);
      expect([refused.status, refused.body.code]).toEqual([409, 'idempotency_in_flight']);
      expect(refused.headers.get('retry-after')).toBe('1');
      expect((await send(`${key}, another`, body)).status).toBe(202);
      const request = { caller: shop.id, key, call: 'POST /v1/emails', body };
      await idempotency.keep(request, { status: 202, body: kept }, unit);
    });
    expect(await send(key, body)).toMatchObject({ status: 202, body: kept });
  });

  it('changes nothing where the answer of another turns up only at the end', async () => {
    const { key } = something();
    const idempotency = new Idempotency(prisma, clock);
    const request = { caller: shop.id, key, call: 'POST /v1/emails', body: {} };
    const late = transactions.run(async (unit) => {
      await unit.db.$executeRaw`INSERT INTO request_limits (key, count, ends_at) VALUES ('late', 1, now())`;
      // As if the lock had become free after the statement that took it had begun to look.
      await prisma.$executeRaw`INSERT INTO idempotency_keys (caller, key, fingerprint, status, answer, expires_at)
          VALUES (${shop.id}, ${key}, '', 202, '{}', ${new Date(clock.now().getTime() + 1_000)}::timestamptz)`;
      await idempotency.keep(request, { status: 202, body: {} }, unit);
    });
    await expect(late).rejects.toMatchObject({ code: 'idempotency_in_flight' });
    expect(await otpost.database.query(`SELECT 1 FROM request_limits WHERE key = 'late'`)).toEqual([]);
  });

  it('is a new one after 24 hours, whether its row is still there or was removed', async () => {
    const { key, to } = something();
    const rows = async (): Promise<number> =>
      (await otpost.database.query('SELECT 1 FROM idempotency_keys WHERE key = $1', [key])).length;
    const ids = [(await send(key, { to, ...MAIL })).body.id];
    clock.advance(24 * HOURS - 1);
    expect((await send(key, { to, ...MAIL })).body.id).toBe(ids[0]);
    clock.advance(1);
    const next = await send(key, { to, ...MAIL, subject: 'Another' });
    expect([next.status, replayed(next)]).toEqual([202, null]);
    ids.push(next.body.id);
    await runScheduled(otpost.database, 'mail.idempotency');
    expect(await rows()).toBe(1);
    clock.advance(24 * HOURS);
    expect(await runScheduled(otpost.database, 'mail.idempotency')).toMatch(/^[1-9]\d* answers removed$/);
    expect(await rows()).toBe(0);
    ids.push((await send(key, { to, ...MAIL })).body.id);
    expect(new Set(await messagesTo(to))).toEqual(new Set(ids));
    expect(new Set(ids).size).toBe(3);
  });

  it('costs no statement more than one without, and as a replay one: what was answered', async () => {
    const { key, to } = something();
    const statements = async (by: string | undefined): Promise<string[]> => {
      const { answer, work } = await works.of((headers) =>
        otpost.api.post('/v1/emails', { to, ...MAIL }, { ...headersOf(by), ...headers }),
      );
      expect(answer.status).toBe(202);
      return work.statements;
    };
    await statements(undefined); // notes the use of the API key
    const without = await statements(undefined);
    // The API key and the message (limits are off here): none opens a transaction, and each serves all that come at
    // that moment.
    expect(without).toHaveLength(2);
    expect(without.join()).not.toContain('idempotency');
    expect(await statements(key)).toHaveLength(2);
    expect(await statements(key)).toHaveLength(3);
  });

  describe('has a key that', () => {
    const raw = (...keys: string[]): Promise<string> => {
      const body = JSON.stringify({ to: 'nobody@example.com', ...MAIL });
      const lines = [
        'POST /v1/emails HTTP/1.1',
        'Host: localhost',
        `Authorization: Bearer ${shop.key}`,
        ...keys.map((key) => `Idempotency-Key: ${key}`),
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
        'Connection: close',
      ];
      return RawClient.ask(otpost.api.url, `${lines.join('\r\n')}\r\n\r\n${body}`);
    };

    it.each([
      ['is not empty', [''], 'invalid_key'],
      ['is not longer than 256 characters', ['k'.repeat(257)], 'invalid_key'],
      ['is ASCII', ['schl\xc3\xbcssel'], 'invalid_key'],
      ['holds no tab', ['a\tb'], 'invalid_key'],
      ['is sent once', ['one', 'two'], 'repeated'],
    ])('%s', async (_, keys, code) => {
      const answer = await raw(...keys);
      expect(answer).toContain('HTTP/1.1 422');
      expect(answer).toContain(`"errors":[{"field":"Idempotency-Key","code":"${code}"`);
      expect(await messagesTo('nobody@example.com')).toEqual([]);
    });

    it('may be one character, or 256 with blanks and commas', async () => {
      for (const key of ['k', `k, ${'k'.repeat(252)} k`.slice(0, 256)])
        expect((await send(key, { to: 'any@example.com', ...MAIL })).status).toBe(202);
    });
  });

  describe('for a verification', () => {
    it('mails one code, and costs its address nothing when it comes again', async () => {
      const { key, to } = something();
      const first = await verify(key, { to, purpose: 'checkout' });
      expect([first.status, replayed(first)]).toEqual([202, null]);
      for (let repeated = 0; repeated < 3; repeated++) {
        const again = await verify(key, { to, purpose: 'checkout' });
        expect([again.status, again.body, replayed(again)]).toEqual([202, first.body, 'true']);
      }
      expect(await messagesTo(to)).toHaveLength(1);
      expect((await verify(undefined, { to, purpose: 'checkout' })).body.code).toBe('rate_limited');
    });

    it('sends its code again once, however often the request for it comes', async () => {
      const { key, to } = something();
      const { body } = await verify(undefined, { to, purpose: 'checkout' });
      clock.advance(15 * 60);
      await otpost.database.query('UPDATE otp_challenges SET expires_at = $2 WHERE id = $1', [
        body.id,
        new Date(clock.now().getTime() + 60_000),
      ]);
      const resend = (by: string | undefined): Promise<Answer<Body>> =>
        otpost.api.post<Body>(`/v1/verifications/${body.id}/resend`, {}, headersOf(by));
      const first = await resend(key);
      expect([first.status, first.body.id, replayed(first)]).toEqual([202, body.id, null]);
      const again = await resend(key);
      expect([again.status, again.body, replayed(again)]).toEqual([202, first.body, 'true']);
      expect((await resend(undefined)).body.code).toBe('resend_too_soon');
      expect((await verify(key, { to, purpose: 'checkout' })).body.code).toBe('idempotency_mismatch');
      expect(await messagesTo(to)).toHaveLength(2);
    });

    it('is refused where the key belongs to another request', async () => {
      const { key, to } = something();
      await verify(key, { to, purpose: 'checkout' });
      const { status, body } = await verify(key, { to, purpose: 'login' });
      expect([status, body.code]).toEqual([422, 'idempotency_mismatch']);
      expect(await messagesTo(to)).toHaveLength(1);
    });
  });

  it('stands in the documentation', async () => {
    const { body } = await otpost.api.get<{
      paths: Record<string, Record<string, { parameters: { name: string; in: string; required: boolean }[] }>>;
    }>('/docs/json');
    for (const path of ['/v1/emails', '/v1/verifications', '/v1/verifications/{id}/resend']) {
      expect(body.paths[path]!['post']!.parameters).toContainEqual(
        expect.objectContaining({ name: 'Idempotency-Key', in: 'header', required: false }),
      );
    }
  });
});
