import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { type CreateEmailOptions, Resend } from 'resend';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import { SEED, sized } from '../../support/faults/fault-form.js';
import { FORMS, type RecordedRequest, wireOf } from '../../support/http/resend-requests.js';
import { answersIn, RawClient } from '../../support/http/raw-client.js';
import { WebhookReceiver } from '../../support/http/webhook-receiver.js';
import { StallingProxy } from '../../support/network/stalling-proxy.js';
import { createApiKey } from '../../support/service/api-key.js';
import { atRest } from '../../support/service/at-rest.js';
import { createNamedKey, type NamedKey, successorOf } from '../../support/service/named-key.js';
import { OtpostInProcess } from '../../support/service/otpost-in-process.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

const run = promisify(execFile);
const FROM = 'Acme <no-reply@acme.example>';
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
);
const HOUR = 3_600_000;
/** Of resend-php, which takes an answer with another name for a success. */
const NAMES_THAT_ALL_READ = [
  ...['application_error', 'concurrent_idempotent_requests', 'invalid_api_key', 'invalid_attachment'],
  ...['invalid_idempotency_key', 'invalid_idempotent_request', 'method_not_allowed', 'missing_api_key'],
  ...['missing_required_field', 'not_found', 'rate_limit_exceeded', 'restricted_api_key', 'validation_error'],
];

interface ErrorBody {
  statusCode: number;
  name: string;
  message: string;
}

interface OwnView {
  status: string;
  subject: string | null;
  tags: string[];
  metadata: Record<string, string>;
  recipients: { kind: string; address: string }[];
  scheduledAt: string | null;
  events: { status: string; errorCode: string | null }[];
}

let next = 0;
const someone = (): string => `ada${next++}@example.com`;
const mailTo = (to: string | string[], more: object = {}) =>
  ({ from: FROM, to, subject: 'Your invoice', html: '<p>It is attached.</p>', ...more }) as CreateEmailOptions;

describe("Resend's SDKs", () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let key: NamedKey;
  let resend: Resend;
  let former: string | undefined;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({
      MAIL_FROM: FROM,
      MAIL_SENDERS: '@shop.example',
      MAIL_TRANSPORTS: sink.url,
      WEBHOOK_ALLOW_PRIVATE: '127.0.0.1',
    });
    key = await createNamedKey(otpost.database, 'emails:send', 'emails:read');
    former = process.env['RESEND_BASE_URL'];
    process.env['RESEND_BASE_URL'] = otpost.api.url;
    resend = new Resend(key.key);
  });
  afterAll(async () => {
    if (former === undefined) delete process.env['RESEND_BASE_URL'];
    else process.env['RESEND_BASE_URL'] = former;
    await otpost.stop();
    await sink.stop();
  });

  /** What GET /v1/emails/:id tells of it. */
  async function own(id: string): Promise<OwnView> {
    const { status, body } = await otpost.api.get<OwnView>(`/v1/emails/${id}`, key.key);
    expect(status).toBe(200);
    return body;
  }

  async function sent(mail: CreateEmailOptions, options = {}): Promise<string> {
    const { data, error } = await resend.emails.send(mail, options);
    expect(error).toBeNull();
    expect(data).toEqual({ id: expect.stringMatching(/^[\da-f-]{36}$/) as string });
    return data!.id;
  }

  describe('resend for Node, with RESEND_BASE_URL and nothing else', () => {
    it('sends a message with everything in it, and sees what became of it', async () => {
      const [to, cc, bcc] = [someone(), someone(), someone()];
      const id = await sent({
        from: 'Shop <orders@shop.example>',
        to: [`Ada Lovelace <${to}>`],
        cc,
        bcc: [bcc],
        replyTo: ['help@shop.example', 'Bob <bob@shop.example>'],
        subject: 'Your invoice – №4711',
        html: '<p>Thank you. <img src="cid:logo"></p>',
        text: 'Thank you.',
        headers: { 'X-Entity-Ref-ID': '4711' },
        tags: [
          { name: 'order', value: '4711' },
          { name: 'kind', value: 'invoice' },
          { name: 'a', value: 'x'.repeat(256) },
        ],
        attachments: [
          { filename: 'logo.png', content: PNG, contentId: 'logo' },
          { filename: 'terms.txt', content: Buffer.from('Terms.').toString('base64'), contentType: 'text/plain' },
        ],
      });
      const [received] = await sink.waitForMailTo(to);
      expect(received!.from).toBe('orders@shop.example');
      expect(received!.to.sort()).toEqual([to, cc, bcc].sort());
      const { mail } = received!;
      expect(mail.subject).toBe('Your invoice – №4711');
      expect(mail.text?.trim()).toBe('Thank you.');
      expect(mail.to).toMatchObject({ text: `"Ada Lovelace" <${to}>` });
      expect(mail.headerLines.map(({ key: name }) => name)).not.toContain('bcc');
      expect(mail.replyTo).toMatchObject({
        value: [{ address: 'help@shop.example' }, { address: 'bob@shop.example' }],
      });
      expect(mail.headers.get('x-entity-ref-id')).toBe('4711');
      expect(mail.attachments.map(({ filename, content, cid }) => ({ filename, cid, content }))).toEqual([
        { filename: 'logo.png', cid: 'logo', content: PNG },
        { filename: 'terms.txt', cid: undefined, content: Buffer.from('Terms.') },
      ]);

      const told = await eventually(async () => {
        const { data } = await resend.emails.get(id);
        return data?.last_event === 'sent' && data;
      }, 'the message to be sent');
      expect(told).toEqual({
        object: 'email',
        id,
        message_id: mail.messageId,
        from: '"Shop" <orders@shop.example>',
        to: [`"Ada Lovelace" <${to}>`],
        cc: [cc],
        bcc: [bcc],
        reply_to: ['help@shop.example', '"Bob" <bob@shop.example>'],
        subject: 'Your invoice – №4711',
        html: '<p>Thank you. <img src="cid:logo"></p>',
        text: 'Thank you.',
        created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
        scheduled_at: null,
        last_event: 'sent',
        tags: [
          { name: 'order', value: '4711' },
          { name: 'kind', value: 'invoice' },
          { name: 'a', value: 'x'.repeat(256) },
        ],
      });
      expect(await own(id)).toMatchObject({
        status: 'sent',
        tags: ['order:4711', 'kind:invoice'],
        metadata: { order: '4711', kind: 'invoice', a: 'x'.repeat(256) },
        recipients: [
          { kind: 'to', address: to },
          { kind: 'cc', address: cc },
          { kind: 'bcc', address: bcc },
        ],
      });
      const found = await otpost.api.get<{ items: { id: string }[] }>('/v1/emails?tag=order:4711', key.key);
      expect(found.body.items.map((item) => item.id)).toEqual([id]);
    });

    it('sends what React renders', async () => {
      const to = someone();
      const script = `
        import { createElement } from 'react';
        import { Resend } from 'resend';
        const [to, from] = process.argv.slice(1);
        const react = createElement('p', null, 'Hello, ', createElement('b', null, 'Ada & co'), '.');
        console.log(JSON.stringify(await new Resend().emails.send({ from, to, subject: 'Hello', react })));`;
      const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script, to, FROM], {
        cwd: fileURLToPath(new URL('../../../', import.meta.url)),
        env: { ...process.env, RESEND_API_KEY: key.key },
      });
      expect(JSON.parse(stdout)).toMatchObject({ error: null, data: { id: expect.any(String) as string } });
      const [received] = await sink.waitForMailTo(to);
      expect(received!.mail.html).toContain('Ada &amp; co</b>');
      expect(received!.mail.text).toContain('Hello, Ada & co.');
    });

    it('sends a template of ours, with numbers among its variables', async () => {
      const to = someone();
      const variables = { when: '29 November 2026, 12:00 UTC', ip: '203.0.113.7' };
      const id = await sent({ from: FROM, to, template: { id: 'notice-new-device', variables } });
      const [received] = await sink.waitForMailTo(to);
      expect(received!.mail.text).toContain('203.0.113.7');
      const { data } = await resend.emails.get(id);
      expect(data).toMatchObject({
        subject: received!.mail.subject,
        html: expect.stringContaining('203.0.113.7') as string,
      });

      const wrong = await resend.emails.send({
        from: FROM,
        to,
        template: { id: 'notice-new-device', variables: { when: 7 } },
      });
      expect(wrong.error).toMatchObject({
        statusCode: 422,
        message: expect.stringContaining('`template.variables.ip`') as string,
      });
      const unknown = await resend.emails.send({ from: FROM, to, template: { id: randomUUID() } });
      expect(unknown.error).toMatchObject({
        name: 'validation_error',
        message: expect.stringMatching(/`template.id` .*login-code/) as string,
      });
    });

    it('tells nobody what the mail of a code says, while it waits and when it was sent', async () => {
      const to = someone();
      const told = async () => {
        const { items } = (await otpost.api.get<{ items: { id: string }[] }>(`/v1/emails?to=${to}`, key.key)).body;
        return (await resend.emails.get(items[0]!.id)).data!;
      };
      await otpost.database.query("INSERT INTO lane_pauses (lane) VALUES ('critical')");
      try {
        await otpost.api.register(to);
        expect(await told()).toMatchObject({ to: [to], last_event: 'queued', subject: '', html: null, text: null });
      } finally {
        await otpost.database.query('DELETE FROM lane_pauses');
      }
      await sink.waitForMailTo(to);
      const sentOne = await eventually(async () => {
        const one = await told();
        return one.last_event === 'sent' && one;
      }, 'the mail of the code to be sent');
      expect(sentOne).toMatchObject({ to: [to], subject: '', html: null, text: null });
    });

    it('tells of a message whose template is gone all but its words', async () => {
      const to = someone();
      const id = await sent(mailTo(to));
      await otpost.database.query(`UPDATE outbound_emails SET template = 'nowhere' WHERE id = $1`, [id]);
      const { data, error } = await resend.emails.get(id);
      expect([error, data]).toMatchObject([null, { id, to: [to], html: null, text: null }]);
    });

    it('sends later, at another time, or never', async () => {
      const to = someone();
      const at = (ms: number): string => new Date(Date.now() + ms).toISOString();
      const first = at(HOUR);
      const id = await sent(mailTo(to, { scheduledAt: first }));
      expect((await resend.emails.get(id)).data).toMatchObject({ last_event: 'scheduled', scheduled_at: first });

      const second = at(2 * HOUR);
      expect((await resend.emails.update({ id, scheduledAt: second })).data).toEqual({ object: 'email', id });
      expect((await own(id)).scheduledAt).toBe(second);

      expect((await resend.emails.cancel(id)).data).toEqual({ object: 'email', id });
      expect((await resend.emails.get(id)).data).toMatchObject({ last_event: 'canceled' });
      expect((await own(id)).events.at(-1)).toMatchObject({ status: 'cancelled', errorCode: 'cancelled_by_hand' });
      const again = await resend.emails.cancel(id);
      expect(again.error).toMatchObject({
        statusCode: 422,
        name: 'validation_error',
        message: expect.stringContaining('is cancelled') as string,
      });
      expect(
        (
          await otpost.api.get<{ items: object[] }>(
            '/v1/audit?limit=5',
            await createApiKey(otpost.database.url, ['admin']),
          )
        ).body.items,
      ).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            action: 'email.cancelled',
            actor: expect.objectContaining({ id: key.id }) as object,
          }),
        ]),
      );
      expect(sink.received.some((one) => one.to.includes(to))).toBe(false);
    });

    it('reads a time from now in words, and refuses words that need a calendar', async () => {
      const id = await sent(mailTo(someone(), { scheduledAt: 'in 10 min' }));
      const { scheduled_at: scheduledAt, created_at: createdAt } = (await resend.emails.get(id)).data!;
      expect(Math.round((Date.parse(scheduledAt!) - Date.parse(createdAt)) / 60_000)).toBe(10);
      await resend.emails.cancel(id);
      for (const words of ['tomorrow at 9am', '2030-01-31 09:00', '2030-01-31T09:00:00', 'in 10 moons', 'in -1 min']) {
        const { error } = await resend.emails.send(mailTo(someone(), { scheduledAt: words }));
        expect([words, error]).toEqual([
          words,
          {
            statusCode: 422,
            name: 'validation_error',
            message: expect.stringMatching(/^`scheduled_at` must be .*in 10 min/) as string,
          },
        ]);
      }
    });

    it('sends once what has an idempotency key, also where its time is told in words', async () => {
      const to = someone();
      const idempotencyKey = randomUUID();
      const mail = mailTo(to, { scheduledAt: 'in 1 hour' });
      const first = await resend.emails.send(mail, { idempotencyKey });
      const second = await resend.emails.send(mail, { idempotencyKey });
      expect(second.data).toEqual(first.data);
      expect([first, second].map(({ headers }) => headers!['idempotency-replayed'])).toEqual([undefined, 'true']);
      const { items } = (await otpost.api.get<{ items: object[] }>(`/v1/emails?to=${to}`, key.key)).body;
      expect(items).toHaveLength(1);

      const other = await resend.emails.send(mailTo(to, { subject: 'Another' }), { idempotencyKey });
      expect(other.error).toMatchObject({ statusCode: 409, name: 'invalid_idempotent_request' });
      const long = await resend.emails.send(mail, { idempotencyKey: 'x'.repeat(257) });
      expect(long.error).toMatchObject({ statusCode: 400, name: 'invalid_idempotency_key' });
      const elsewhere = await resend.emails.cancel(first.data!.id, { headers: { 'Idempotency-Key': 'x' } });
      expect(elsewhere.error).toMatchObject({ statusCode: 400, name: 'invalid_idempotency_key' });
    });

    it('is told that the same request is under way', async () => {
      const prisma = new PrismaService({ url: otpost.database.url, poolSize: 1 });
      try {
        const idempotencyKey = randomUUID();
        await new Transactions(prisma).run(async (unit) => {
          await unit.db
            .$queryRaw`SELECT FROM pg_advisory_xact_lock(hashtextextended('idempotency:' || ${key.id} || ':' || ${idempotencyKey}, 0))`;
          const { error, headers } = await resend.emails.send(mailTo(someone()), { idempotencyKey });
          expect(error).toMatchObject({ statusCode: 409, name: 'concurrent_idempotent_requests' });
          expect(headers!['retry-after']).toBe('1');
        });
      } finally {
        await prisma.$disconnect();
      }
    });

    it('sends a batch, all or nothing', async () => {
      const [ada, bob] = [someone(), someone()];
      const both = [mailTo(ada, { attachments: [{ filename: 'a.txt', content: Buffer.from('A') }] }), mailTo(bob)];
      const idempotencyKey = randomUUID();
      const { data } = await resend.batch.send(both, { idempotencyKey });
      expect(data).toEqual({ data: [{ id: expect.any(String) as string }, { id: expect.any(String) as string }] });
      expect((await resend.batch.send(both, { idempotencyKey })).data).toEqual(data);
      expect((await sink.waitForMailTo(ada))[0]!.mail.attachments[0]!.content).toEqual(Buffer.from('A'));
      expect(await sink.waitForMailTo(bob)).toHaveLength(1);

      const good = someone();
      const refused = await resend.batch.send([mailTo(good), mailTo('nobody'), { ...mailTo(good), subject: '' }]);
      expect(refused.error).toEqual({
        statusCode: 422,
        name: 'validation_error',
        message: expect.stringMatching(/^`1\.to` must be an e-mail address.* `2\.subject` is needed\.$/) as string,
      });
      expect((await otpost.api.get<{ items: object[] }>(`/v1/emails?to=${good}`, key.key)).body.items).toEqual([]);
      const { error } = await resend.batch.send(Array.from({ length: 101 }, () => mailTo(good)));
      expect(error).toMatchObject({ statusCode: 422, message: '`body` must be a list of 1 to 100 messages.' });
    });

    it('sends of a batch what is good', async () => {
      const [ada, bob] = [someone(), someone()];
      const batch = [mailTo(ada), mailTo(someone(), { from: 'x@elsewhere.example' }), mailTo(bob)];
      const { data } = await resend.batch.send(batch, { batchValidation: 'permissive' });
      expect(data).toEqual({
        data: [{ id: expect.any(String) as string }, { id: expect.any(String) as string }],
        errors: [{ index: 1, message: expect.stringContaining('deployment sends from') as string }],
      });
      await sink.waitForMailTo(ada);
      await sink.waitForMailTo(bob);
      const none = await resend.batch.send([mailTo('nobody')], { batchValidation: 'permissive' });
      expect(none.data).toMatchObject({ data: [], errors: [{ index: 0 }] });
      const odd = await resend.batch.send(batch, { headers: { 'x-batch-validation': 'lenient' } });
      expect(odd.error).toMatchObject({
        statusCode: 422,
        message: expect.stringContaining('strict or permissive') as string,
      });
    });

    it('walks through the list in both directions', async () => {
      const { key: reader } = await createNamedKey(otpost.database, 'emails:send', 'emails:read:own');
      const mine = new Resend(reader);
      const ids: string[] = [];
      for (let n = 0; n < 5; n++)
        ids.unshift((await mine.emails.send(mailTo(someone(), { subject: `no. ${n}` }))).data!.id);
      const page = async (options: Parameters<Resend['emails']['list']>[0]) => {
        const { data, error } = await mine.emails.list(options);
        expect(error).toBeNull();
        expect(data!.object).toBe('list');
        return { ids: data!.data.map(({ id }) => id), more: data!.has_more };
      };
      expect(await page({})).toEqual({ ids, more: false });
      expect(await page({ limit: 2 })).toEqual({ ids: ids.slice(0, 2), more: true });
      expect(await page({ limit: 2, after: ids[1]! })).toEqual({ ids: ids.slice(2, 4), more: true });
      expect(await page({ limit: 2, after: ids[3]! })).toEqual({ ids: ids.slice(4), more: false });
      expect(await page({ limit: 2, before: ids[4]! })).toEqual({ ids: ids.slice(2, 4), more: true });
      expect(await page({ limit: 2, before: ids[2]! })).toEqual({ ids: ids.slice(0, 2), more: false });
      const { data } = await mine.emails.list({ limit: 1 });
      expect(data!.data[0]).toMatchObject({
        subject: 'no. 4',
        from: '"Acme" <no-reply@acme.example>',
        cc: [],
        bcc: [],
        reply_to: [],
      });
      expect(Object.keys(data!.data[0]!)).not.toContain('html');
      for (const query of ['limit=0', 'limit=101', 'after=x', `after=${ids[0]}&before=${ids[1]}`, 'status=sent']) {
        const { status, body } = await otpost.api.get<ErrorBody>(`/emails?${query}`, reader);
        expect([query, status, body.name]).toEqual([query, 422, 'validation_error']);
      }
    });

    it('sees what its key may see, and changes nothing else', async () => {
      const id = await sent(mailTo(someone(), { scheduledAt: 'in 1 hour' }));
      const named = await createNamedKey(otpost.database, 'emails:send', 'emails:read:own');
      const stranger = new Resend(named.key);
      for (const { error } of [
        await stranger.emails.get(id),
        await stranger.emails.update({ id, scheduledAt: 'in 2 hours' }),
        await stranger.emails.cancel(id),
        await resend.emails.get(randomUUID()),
        await resend.emails.get('4711'),
      ])
        expect(error).toMatchObject({ statusCode: 404, name: 'not_found' });
      expect((await stranger.emails.list()).data!.data).toEqual([]);
      const sentBy = await stranger.emails.send(mailTo(someone()));
      const { key: next } = await successorOf(otpost.database, named);
      const successor = new Resend(next);
      expect((await successor.emails.list()).data!.data.map((one) => one.id)).toEqual([sentBy.data!.id]);
      expect((await successor.emails.get(sentBy.data!.id)).error).toBeNull();
      expect((await own(id)).status).toBe('scheduled');
      await resend.emails.cancel(id);
    });
  });

  describe('errors', () => {
    const refusals: [string, object, Partial<ErrorBody>][] = [
      ['no recipient', { to: undefined }, { name: 'missing_required_field', message: '`to` is needed.' }],
      ['nobody among the recipients', { to: [] }, { name: 'missing_required_field' }],
      ['no subject', { subject: '' }, { name: 'missing_required_field' }],
      ['no words', { html: '' }, { name: 'missing_required_field' }],
      ['another sender', { from: 'x@elsewhere.example' }, { name: 'validation_error' }],
      [
        'an address that is none',
        { replyTo: 'nobody' },
        { message: expect.stringMatching(/^`reply_to` must be/) as string },
      ],
      [
        '51 recipients',
        { to: Array.from({ length: 51 }, (_, n) => `x${n}@example.com`) },
        { name: 'validation_error' },
      ],
      [
        'a header that steers',
        { headers: { Sender: 'x@example.com' } },
        { message: expect.stringContaining('headers.Sender') as string },
      ],
      ['a subject of two lines', { subject: 'a\nb' }, { name: 'validation_error' }],
      [
        'tags that are no list',
        { tags: { a: 'b' } },
        { message: expect.stringMatching(/^`tags` must be a list/) as string },
      ],
      [
        'a tag twice',
        {
          tags: [
            { name: 'a', value: '1' },
            { name: 'a', value: '2' },
          ],
        },
        { name: 'validation_error' },
      ],
      ['a topic', { topicId: 'news' }, { message: expect.stringMatching(/^`topic_id` .*no topics/) as string }],
      [
        'a year ahead',
        { scheduledAt: 'in 400 days' },
        { message: expect.stringContaining('`scheduled_at`') as string },
      ],
      [
        'a file somewhere else',
        { attachments: [{ filename: 'a.txt', path: 'http://169.254.169.254/latest' }] },
        {
          name: 'invalid_attachment',
          message: expect.stringMatching(/^`attachments.0.path` .*send its bytes in `content`/) as string,
        },
      ],
      ['a file of nothing', { attachments: [{ filename: 'a.txt' }] }, { name: 'invalid_attachment' }],
      ['a program', { attachments: [{ filename: 'a.exe', content: 'AAAA' }] }, { name: 'invalid_attachment' }],
      ['what is no base64', { attachments: [{ filename: 'a.txt', content: 'äöü!' }] }, { name: 'invalid_attachment' }],
    ];
    it.each(refusals)('say what is wrong: %s', async (_, more, expected) => {
      const { data, error } = await resend.emails.send(mailTo(someone(), more));
      expect(data).toBeNull();
      expect(error).toEqual({
        statusCode: 422,
        name: expect.any(String) as string,
        message: expect.any(String) as string,
        ...expected,
      });
      expect(NAMES_THAT_ALL_READ).toContain(error!.name);
    });

    async function ask(method: string, path: string, headers: Record<string, string> = {}, body?: string) {
      const answer = await otpost.api.send<ErrorBody>(method, path, headers, body);
      const type = answer.headers.get('content-type');
      if (answer.status >= 400) {
        expect(type).toMatch(/^application\/json/);
        expect(answer.body).toEqual({
          statusCode: answer.status,
          name: expect.any(String) as string,
          message: expect.stringMatching(/\S/) as string,
        });
        expect(NAMES_THAT_ALL_READ).toContain(answer.body.name);
      }
      return answer;
    }
    const json = { 'content-type': 'application/json' };
    const withKey = (text: string) => ({ ...json, authorization: `Bearer ${text}` });

    it('have the form that SDKs read before anything is looked at', async () => {
      const mail = JSON.stringify({ from: FROM, to: 'ada@example.com', subject: 'x', text: 'x' });
      const reads = await createApiKey(otpost.database.url, ['emails:read']);
      const sends = await createApiKey(otpost.database.url, ['emails:send']);
      const id = randomUUID();
      const cases: [string, ReturnType<typeof ask>, number, string][] = [
        ['no key', ask('POST', '/emails', json, mail), 401, 'missing_api_key'],
        ['no key, to read', ask('GET', `/emails/${id}`), 401, 'missing_api_key'],
        ['another key', ask('POST', '/emails', withKey('re_123'), mail), 403, 'invalid_api_key'],
        ['an unknown key', ask('GET', '/emails', withKey(`otp_live_${'A'.repeat(43)}`)), 403, 'invalid_api_key'],
        ['a key to read', ask('POST', '/emails', withKey(reads), mail), 401, 'restricted_api_key'],
        ['a key to send', ask('GET', '/emails', withKey(sends)), 401, 'restricted_api_key'],
        ['no JSON', ask('POST', '/emails', withKey(key.key), '{"from":'), 400, 'validation_error'],
        ['a list', ask('POST', '/emails', withKey(key.key), '[]'), 422, 'validation_error'],
        ['no list', ask('POST', '/emails/batch', withKey(key.key), mail), 422, 'validation_error'],
        ['NUL', ask('POST', '/emails', withKey(key.key), mail.replace('"x"', '"\\u0000"')), 422, 'validation_error'],
        [
          'too much',
          ask('POST', '/emails', withKey(key.key), `"${'x'.repeat(36 * 1024 * 1024)}"`),
          413,
          'validation_error',
        ],
        [
          'too much to change',
          ask('PATCH', `/emails/${id}`, withKey(key.key), `"${'x'.repeat(70_000)}"`),
          413,
          'validation_error',
        ],
        [
          'a form',
          ask('POST', '/emails', { ...withKey(key.key), 'content-type': 'application/x-www-form-urlencoded' }, 'a=b'),
          415,
          'validation_error',
        ],
        [
          'many unknown members',
          ask(
            'POST',
            '/emails',
            withKey(key.key),
            JSON.stringify(Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`x${n}`, 1]))),
          ),
          422,
          'missing_required_field',
        ],
        ['what is not here', ask('GET', `/emails/${id}/attachments`, withKey(key.key)), 404, 'not_found'],
        ['what Resend has besides', ask('GET', '/domains', withKey(key.key)), 404, 'not_found'],
        ['a path that cannot be read', ask('GET', '/emails/%zz', withKey(key.key)), 400, 'validation_error'],
        ['nothing to change', ask('PATCH', `/emails/${id}`, withKey(key.key), '{}'), 422, 'missing_required_field'],
      ];
      for (const [name, asked, status, error] of cases) {
        const answer = await asked;
        expect([name, answer.status, answer.body.name]).toEqual([name, status, error]);
      }
    });

    it('are never 500, whatever is sent', async () => {
      const value = fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom('', null, [], {}, 'a@example.com', 'in 1 min'),
      );
      const file = fc.record({ filename: value, content: value, content_id: value }, { requiredKeys: [] });
      const tag = fc.record({ name: fc.oneof(value, fc.constantFrom('a', '__proto__')), value }, { requiredKeys: [] });
      const mail = fc.record(
        {
          ...{ from: value, to: value, cc: value, reply_to: value, subject: value, html: value, headers: value },
          ...{ tags: fc.array(tag), attachments: fc.array(file), scheduled_at: value, template: value },
        },
        { requiredKeys: [] },
      );
      const odd = fc.tuple(fc.constantFrom('cc', 'reply_to', 'text', 'headers', 'scheduled_at', 'tags', 'x'), value);
      const nearlyGood = odd.map(([name, given]) => ({ ...mailTo('a@example.com'), [name]: given }));
      const bodies = fc.sample(fc.oneof(mail, nearlyGood, value), { seed: SEED, numRuns: sized(300, 5_000) });
      const tally = new Map<number, number>();
      for (const [n, body] of bodies.entries()) {
        const path = n % 3 === 0 ? '/emails/batch' : '/emails';
        const { status } = await ask(
          'POST',
          path,
          withKey(key.key),
          JSON.stringify(path === '/emails' ? body : [body]),
        );
        if (status >= 500) throw new Error(`${status} to ${JSON.stringify(body)}`);
        tally.set(status, (tally.get(status) ?? 0) + 1);
      }
      expect([...tally.keys()]).toEqual(expect.arrayContaining([200, 422]));
    });

    it('have it where there was no request yet', async () => {
      const raw = await RawClient.ask(
        otpost.api.url,
        'POST /emails HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n',
      );
      expect(JSON.parse(answersIn(raw)[0]!.body)).toMatchObject({ statusCode: 400, name: 'validation_error' });
      const headers = `X-Long: ${'x'.repeat(20_000)}`;
      const large = await RawClient.ask(otpost.api.url, `POST /emails HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n`);
      expect(JSON.parse(answersIn(large)[0]!.body)).toMatchObject({ statusCode: 431, name: 'validation_error' });
    });

    it('leave our own routes as they are, and people their pages', async () => {
      const own = await otpost.api.get<{ code: string }>('/v1/emails');
      expect([own.headers.get('content-type'), own.body.code]).toEqual([
        expect.stringMatching(/^application\/problem\+json/),
        'unauthorized',
      ]);
      const page = await otpost.api.send<string>('GET', '/emails', { accept: 'text/html' });
      expect([page.status, page.headers.get('content-type')]).toEqual([401, expect.stringContaining('text/html')]);
      expect((await ask('GET', '/emails')).headers.get('cache-control')).toBe('no-store');
    });

    it('tell of limits in the headers that SDKs read', async () => {
      const limited = await startOtpost({ LIMIT_KEY: '2/min', MAIL_FROM: FROM, MAIL_TRANSPORTS: sink.url });
      try {
        const mine = new Resend(await createApiKey(limited.database.url), { baseUrl: limited.api.url });
        const answers = [];
        for (let n = 0; n < 3; n++) answers.push(await mine.emails.send(mailTo(someone())));
        expect(answers.map(({ error }) => error?.name)).toEqual([undefined, undefined, 'rate_limit_exceeded']);
        const { error, headers } = answers[2]!;
        expect(error!.statusCode).toBe(429);
        expect(headers).toMatchObject({
          'ratelimit-limit': '2',
          'ratelimit-remaining': '0',
          'ratelimit-reset': expect.stringMatching(/^\d+$/) as string,
          'retry-after': expect.stringMatching(/^\d+$/) as string,
        });
        expect(headers!['ratelimit-reset']).toBe(headers!['retry-after']);
      } finally {
        await limited.stop();
      }
    });

    it('tell that the database is away, and by when to come back', async () => {
      const proxy = await StallingProxy.to(otpost.database.url);
      const away = await OtpostInProcess.start({
        ...{ DATABASE_URL: proxy.through(otpost.database.url), ROLE: 'web', OUTBOX_RESCUE: 'off', LOG_LEVEL: 'silent' },
        ...{ MAIL_FROM: FROM, MAIL_TRANSPORTS: sink.url },
      });
      try {
        await proxy.refuse();
        const theirs = new Resend(key.key, { baseUrl: away.url });
        for (const { error } of [await theirs.emails.send(mailTo(someone())), await theirs.emails.get(randomUUID())])
          expect(error).toEqual({
            statusCode: 503,
            name: 'application_error',
            message: expect.stringContaining('The database does not answer') as string,
          });
      } finally {
        await away.stop();
        await proxy.stop().catch(() => undefined); // nothing listens any more
      }
    });

    it('are ours where RESEND_COMPAT is off', async () => {
      const off = await startOtpost({ RESEND_COMPAT: 'off', MAIL_FROM: FROM, MAIL_TRANSPORTS: sink.url });
      try {
        const headers = withKey(await createApiKey(off.database.url));
        const body = JSON.stringify({ from: FROM, to: someone(), subject: 'x', text: 'x' });
        for (const [method, path] of [
          ['POST', '/emails'],
          ['POST', '/emails/batch'],
          ['GET', '/emails'],
          ['GET', `/emails/${randomUUID()}`],
        ] as const) {
          const answer = await off.api.send<{ code: string }>(
            method,
            path,
            headers,
            method === 'POST' ? body : undefined,
          );
          expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'not_found']);
        }
      } finally {
        await off.stop();
      }
    });
  });

  it('send a file as a list of numbers, however long it is', async () => {
    const to = someone();
    const bytes = Buffer.alloc(3 * 1024 * 1024, 'Otpost! ');
    const asBuffer = { filename: 'a.bin', content: { type: 'Buffer', data: [...bytes.subarray(0, 1000)] } };
    const body = JSON.stringify(mailTo(to, { attachments: [{ filename: 'b.bin', content: [...bytes] }, asBuffer] }));
    const headers = { authorization: `Bearer ${key.key}`, 'content-type': 'application/json' };
    expect((await otpost.api.send('POST', '/emails', headers, body)).status).toBe(200);
    const [received] = await sink.waitForMailTo(to);
    const [whole, part] = received!.mail.attachments;
    expect(whole!.content.equals(bytes)).toBe(true);
    expect(part!.content.equals(bytes.subarray(0, 1000))).toBe(true);
  });

  describe.each(FORMS.map((form) => [form.sdk, form] as const))('%s', (_, form) => {
    async function ask<Body>(request: RecordedRequest): Promise<{ status: number; headers: string; body: Body }> {
      const wire = wireOf(form, request, new URL(otpost.api.url).host, key.key);
      const [answer] = answersIn(await RawClient.ask(otpost.api.url, wire));
      expect(answer!.headers).toMatch(/^content-type: application\/json/m);
      return { ...answer!, body: JSON.parse(Buffer.from(answer!.body, 'latin1').toString('utf8')) as Body };
    }

    it('sends, reads, changes and cancels', async () => {
      const to = someone();
      const idempotencyKey = randomUUID();
      const body = {
        from: FROM,
        to: [to],
        subject: "Ada's invoice & more",
        html: '<p>Grüße</p>',
        reply_to: form.sdk.startsWith('resend-go') ? 'help@acme.example' : ['help@acme.example'],
        tags: [{ name: 'order', value: '4711' }],
        headers: { 'X-Entity-Ref-ID': '1' },
        attachments: [form.file(PNG, 'logo.png')],
      };
      const send: RecordedRequest = { method: 'POST', path: '/emails', body, idempotencyKey };
      const { status, body: answer } = await ask<{ id: string }>(send);
      expect([status, answer]).toEqual([200, { id: expect.stringMatching(/^[\da-f-]{36}$/) as string }]);
      expect((await ask(send)).body).toEqual(answer);
      const [received, ...others] = await sink.waitForMailTo(to);
      expect(others).toEqual([]);
      expect(received!.mail.subject).toBe("Ada's invoice & more");
      expect(received!.mail.html).toBe('<p>Grüße</p>');
      expect(received!.mail.replyTo!.text).toBe('help@acme.example');
      expect(received!.mail.attachments[0]).toMatchObject({
        filename: 'logo.png',
        content: PNG,
        contentType: 'image/png',
      });
      const read = await ask<Record<string, unknown>>({ method: 'GET', path: `/emails/${answer.id}` });
      expect([read.status, read.body]).toEqual([
        200,
        expect.objectContaining({ object: 'email', id: answer.id, to: [to], tags: [{ name: 'order', value: '4711' }] }),
      ]);

      const later = { ...body, attachments: undefined, scheduled_at: '2026-12-31T09:00:00+01:00' };
      const { id } = (await ask<{ id: string }>({ method: 'POST', path: '/emails', body: later })).body;
      const change = { ...form.beside(id), scheduled_at: '2026-12-31T10:00:00Z' };
      expect((await ask({ method: 'PATCH', path: `/emails/${id}`, body: change })).body).toEqual({
        object: 'email',
        id,
      });
      expect((await own(id)).scheduledAt).toBe('2026-12-31T10:00:00.000Z');
      expect((await ask({ method: 'POST', path: `/emails/${id}/cancel` })).body).toEqual({ object: 'email', id });
      expect((await own(id)).status).toBe('cancelled');
      const listed = await ask<{ data: { id: string }[] }>({
        method: 'GET',
        path: `/emails?limit=1&before=${answer.id}`,
      });
      expect([listed.status, listed.body.data]).toEqual([200, [expect.objectContaining({ id })]]);
    });

    it('sends a batch, and reads what was wrong', async () => {
      const [ada, bob] = [someone(), someone()];
      const mail = (to: string) => ({ from: FROM, to: [to], subject: 'x', text: 'x' });
      const both = await ask({
        method: 'POST',
        path: '/emails/batch',
        body: [mail(ada), mail('nobody')],
        validation: 'permissive',
      });
      expect(both.body).toMatchObject({ data: [{}], errors: [{ index: 1, message: expect.any(String) as string }] });
      await sink.waitForMailTo(ada);
      const none = await ask<ErrorBody>({
        method: 'POST',
        path: '/emails/batch',
        body: [mail(bob), mail('nobody')],
        validation: 'strict',
      });
      expect([none.status, none.body]).toEqual([
        422,
        { statusCode: 422, name: 'validation_error', message: expect.any(String) as string },
      ]);
    });

    it('sends a template where it has no way to leave out the rest', async () => {
      const to = someone();
      const empty = form.sdk.startsWith('resend-go') ? { from: '', subject: '' } : { from: FROM };
      const template = { id: 'notice-new-device', variables: { when: 'now', ip: '203.0.113.7' } };
      const body = {
        ...empty,
        to: [to],
        template,
        ...(form.sdk.startsWith('resend-python') ? { cc: null, reply_to: null } : {}),
      };
      expect((await ask({ method: 'POST', path: '/emails', body })).status).toBe(200);
      expect((await sink.waitForMailTo(to))[0]!.mail.text).toContain('203.0.113.7');
    });
  });

  describe('webhooks in their form', () => {
    let receiver: WebhookReceiver;
    let hooks: string;

    beforeAll(async () => {
      receiver = await WebhookReceiver.start();
      hooks = await createApiKey(otpost.database.url, ['webhooks']);
    });
    afterAll(() => receiver.stop());

    const headers = () => ({ authorization: `Bearer ${hooks}`, 'content-type': 'application/json' });
    async function register(path: string, more: object) {
      await atRest(otpost.database);
      const body = JSON.stringify({ url: receiver.url(path), ...more });
      return otpost.api.send<{ id: string; secret: string; format: string; events: string[]; errors: object[] }>(
        ...(['POST', '/v1/webhook-endpoints', headers(), body] as const),
      );
    }

    it('are taken by webhooks.verify, and tell what happened', async () => {
      const { status, body: endpoint } = await register('/theirs', { format: 'resend' });
      expect([status, endpoint.format]).toEqual([201, 'resend']);
      expect(endpoint.events).not.toContain('email.queued');
      expect(endpoint.events).toContain('email.sent');
      const to = someone();
      const id = await sent(mailTo(to, { tags: [{ name: 'order', value: '4711' }] }));
      const [webhook] = await receiver.arrived('/theirs');
      const verified = resend.webhooks.verify({
        payload: webhook!.body,
        headers: {
          id: String(webhook!.headers['webhook-id']),
          timestamp: String(webhook!.headers['webhook-timestamp']),
          signature: String(webhook!.headers['webhook-signature']),
        },
        webhookSecret: endpoint.secret,
      });
      expect(verified).toEqual({
        type: 'email.sent',
        created_at: expect.stringMatching(/Z$/) as string,
        data: {
          created_at: expect.stringMatching(/Z$/) as string,
          email_id: id,
          message_id: expect.stringContaining(id) as string,
          from: '"Acme" <no-reply@acme.example>',
          to: [to],
          subject: 'Your invoice',
          tags: { order: '4711' },
        },
      });
      await otpost.api.send('POST', `/v1/webhook-endpoints/${endpoint.id}/test`, headers());
      const [, test] = await receiver.arrived('/theirs', 2);
      expect(test!.json).toMatchObject({ type: 'webhook.test', created_at: expect.any(String) as string });
      await otpost.api.delete(`/v1/webhook-endpoints/${endpoint.id}`, hooks);
    });

    it('are of the events that Resend has, and stay in their form', async () => {
      const refused = await register('/never', { format: 'resend', events: ['email.sent', 'email.queued'] });
      expect([refused.status, refused.body.errors]).toEqual([
        422,
        [expect.objectContaining({ field: 'events', code: 'not_in_this_format' })],
      ]);
      const { body: endpoint } = await register('/some', { format: 'resend', events: ['email.bounced'] });
      const change = (body: object) =>
        otpost.api.send<{ events: string[]; format: string }>(
          'PATCH',
          `/v1/webhook-endpoints/${endpoint.id}`,
          headers(),
          JSON.stringify(body),
        );
      expect((await change({ events: ['email.cancelled'] })).status).toBe(422);
      expect((await change({ format: 'otpost' })).status).toBe(422);
      const all = await change({ events: [] });
      expect([all.status, all.body.format, all.body.events.length]).toEqual([200, 'resend', 10]);
      expect((await register('/ours', {})).body).toMatchObject({ format: 'otpost', events: [] });
    });
  });
});
