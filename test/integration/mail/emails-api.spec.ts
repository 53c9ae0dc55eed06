import { randomUUID } from 'node:crypto';
import { createApiKey } from '../../support/service/api-key.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

interface EmailBody {
  id: string;
  to: string;
  status: string;
  lane: string;
  attempts: number;
  maxAttempts: number;
  createdAt: string;
  scheduledAt: string | null;
  expiresAt: string | null;
  nextAttemptAt: string | null;
  sentAt: string | null;
  transport: string | null;
  lastErrorCode: string | null;
  lastReply: string | null;
  possibleDuplicate: boolean;
  events: Record<string, unknown>[];
}

const MAIL = { to: 'ada@example.com', subject: 'Your invoice', text: 'It is attached to nothing.' };
const NO_WORDS = { subject: undefined, text: undefined };
const HOUR = 3_600_000;
const DAY = 86_400_000;

// No worker, so that a message stays as the test has put it.
describe('mail for back ends', () => {
  const now = new Date();
  let otpost: Otpost;
  let key: string;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' }, new HeldClock(now));
    key = await createApiKey(otpost.database.url);
  });
  afterAll(() => otpost.stop());

  const inMs = (ms: number) => new Date(now.getTime() + ms).toISOString();

  function post<Body>(path: string, body?: unknown): Promise<Answer<Body>> {
    const headers = {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    return otpost.api.send<Body>('POST', path, headers, body === undefined ? undefined : JSON.stringify(body));
  }

  async function accepted(more: object = {}): Promise<string> {
    const { status, body } = await post<{ id: string }>('/v1/emails', { ...MAIL, ...more });
    expect([status, body]).toEqual([
      202,
      { id: expect.any(String) as string, status: expect.stringMatching(/queued|scheduled/) as string },
    ]);
    return body.id;
  }

  async function read(id: string): Promise<EmailBody> {
    const { status, body } = await otpost.api.get<EmailBody>(`/v1/emails/${id}`, key);
    expect(status).toBe(200);
    return body;
  }

  async function count(): Promise<number> {
    return Number((await otpost.database.query<{ count: string }>('SELECT count(*) FROM outbound_emails'))[0]!.count);
  }

  /** Puts a message where otherwise a worker would. */
  async function put(id: string, status: string, more = ''): Promise<void> {
    await otpost.database.query(`UPDATE outbound_emails SET status = $2::email_status ${more} WHERE id = $1`, [
      id,
      status,
    ]);
  }

  describe('accepting', () => {
    it.each(['/v1/emails', '/emails'])('takes at %s the sender that the refusal of another one names', async (path) => {
      const refused = await post<Partial<ProblemBody> & { message?: string }>(path, { ...MAIL, from: 'eve@localhost' });
      const words = refused.body.remedy ?? refused.body.message;
      const named = /Send from (\S+@localhost);/.exec(words ?? '')?.[1];
      expect([refused.status, named]).toEqual([422, 'no-reply@localhost']);
      const { status, body } = await post<{ id: string }>(path, { ...MAIL, from: `Shop <${named}>` });
      expect(status).toBeLessThan(300);
      const [row] = await otpost.database.query('SELECT from_address FROM outbound_emails WHERE id = $1', [body.id]);
      expect(row).toEqual({ from_address: '"Shop" <no-reply@localhost>' });
    });

    it('answers 202 once the message is committed, due at once', async () => {
      const { status, body } = await post<{ id: string }>('/v1/emails', MAIL);
      expect([status, body]).toEqual([202, { id: expect.any(String) as string, status: 'queued' }]);
      const [row] = await otpost.database.query(
        'SELECT *, next_attempt_at <= now() AS due FROM outbound_emails WHERE id = $1',
        [body.id],
      );
      expect(row).toMatchObject({
        status: 'queued',
        due: true,
        lane: 'default',
        to_address: 'ada@example.com',
        to_canonical: 'ada@example.com',
        template: null,
        secret: false,
        max_attempts: 13,
        expires_at: null,
      });
    });

    it('takes what else is given, and remembers the key and the request', async () => {
      const scheduledAt = inMs(10 * HOUR);
      const expiresAt = inMs(20 * HOUR);
      const given = {
        html: '<p>Hello</p>',
        replyTo: 'help@example.com',
        lane: 'bulk',
        scheduledAt,
        expiresAt,
        maxAttempts: 50,
      };
      const answer = await post<{ id: string; status: string }>('/v1/emails', { ...MAIL, ...given });
      expect([answer.status, answer.body.status]).toEqual([202, 'scheduled']);
      const [row] = await otpost.database.query(
        'SELECT m.*, k.prefix FROM outbound_emails m JOIN api_keys k ON k.id = m.api_key_id WHERE m.id = $1',
        [answer.body.id],
      );
      expect(row).toMatchObject({
        lane: 'bulk',
        status: 'scheduled',
        reply_to: 'help@example.com',
        scheduled_at: new Date(scheduledAt),
        next_attempt_at: new Date(scheduledAt),
        expires_at: new Date(expiresAt),
        max_attempts: 50,
        prefix: key.slice(0, 14),
        request_id: answer.headers.get('x-request-id'),
      });
    });

    it('keeps the content sealed, but for the subject, by which people look for it', async () => {
      const id = await accepted({ subject: 'A word', text: 'plain text', html: '<p>plain html</p>' });
      const [row] = await otpost.database.query<{ text: string; sealed: Buffer }>(
        `SELECT m::text AS text, sealed_variables AS sealed FROM outbound_emails m WHERE id = $1`,
        [id],
      );
      expect(row!.text).not.toContain('plain');
      expect(row!.sealed.length).toBeGreaterThan(28);
      expect(row!.sealed.toString('latin1')).not.toContain('plain');
    });

    it.each([
      ['text alone', { html: undefined }],
      ['HTML alone', { text: undefined, html: '<p>Hello</p>' }],
      ['a scheduledAt that is over: at once', { scheduledAt: '2020-01-01T00:00:00Z' }],
      [
        'times with another offset',
        { scheduledAt: '2020-01-01T00:00+09:00', expiresAt: '9999-12-31T23:59:59.999+01:00' },
      ],
      ['a subject of 500 characters', { subject: '☃'.repeat(500) }],
    ])('takes %s', async (_, more) => {
      expect(await read(await accepted(more))).toMatchObject({
        status: 'queued',
        lane: 'default',
        maxAttempts: 13,
        scheduledAt: null,
      });
    });

    it('takes up to 36 MiB, while the calls of browsers stay at 64 KiB', async () => {
      const text = 'x'.repeat(1024 * 1024 - 200);
      await accepted({ text });
      const before = await count();
      const answer = await post<ProblemBody>('/v1/emails', { ...MAIL, text: 'x'.repeat(36 * 1024 * 1024) });
      expect([answer.status, answer.body.code]).toEqual([413, 'body_too_large']);
      const other = await post<ProblemBody>('/v1/accounts', { email: 'ada@example.com', name: 'x'.repeat(65_536) });
      expect([other.status, other.body.code]).toEqual([413, 'body_too_large']);
      expect(await count()).toBe(before);
    });

    it.each<[what: string, more: object, field: string, code: string]>([
      ['no recipient', { to: undefined }, 'to', 'invalid_address'],
      ['two recipients', { to: 'ada@example.com, eve@example.com' }, 'to', 'invalid_address'],
      ['a list with a fault in it', { to: ['ada@example.com', 'eve'] }, 'to.1', 'invalid_address'],
      ['an empty list', { to: [] }, 'to', 'required'],
      ['a number for a recipient', { to: 7 }, 'to', 'invalid_address'],
      ['a line break in the recipient', { to: 'ada@example.com\r\nBcc: eve@example.com' }, 'to', 'invalid_address'],
      ['a line break in replyTo', { replyTo: 'ada@example.com\r\nBcc: eve@example.com' }, 'replyTo', 'invalid_address'],
      ['no subject', { subject: undefined }, 'subject', 'required'],
      ['an empty subject', { subject: '' }, 'subject', 'is_length'],
      ['a subject of 501 characters', { subject: 'x'.repeat(501) }, 'subject', 'is_length'],
      ['a line break in the subject', { subject: 'Hello\r\nBcc: eve@example.com' }, 'subject', 'matches'],
      ['a line separator in the subject', { subject: 'Hello\u2028' }, 'subject', 'matches'],
      ['neither text nor HTML', { text: undefined }, 'text', 'required'],
      ['null for text and HTML', { text: null, html: null }, 'text', 'is_string'],
      ['an empty text', { text: '' }, 'text', 'is_length'],
      ['a text of more than 1 MiB', { text: 'x'.repeat(1024 * 1024 + 1) }, 'text', 'is_length'],
      ['HTML that is no string', { html: { a: 1 } }, 'html', 'is_string'],
      ['a lane there is not', { lane: 'express' }, 'lane', 'is_in'],
      ['a local time', { scheduledAt: '2030-01-01T00:00:00' }, 'scheduledAt', 'date_time'],
      ['a day there is not', { scheduledAt: '2027-02-30T00:00:00Z' }, 'scheduledAt', 'date_time'],
      ['a time past the year 9999', { expiresAt: '9999-12-31T23:59:59.999-01:00' }, 'expiresAt', 'date_time'],
      ['an hour there is not', { expiresAt: '2030-01-01T25:00:00Z' }, 'expiresAt', 'date_time'],
      ['a number for a time', { expiresAt: 1_900_000_000 }, 'expiresAt', 'date_time'],
      ['a scheduledAt in two years', { scheduledAt: inMs(731 * DAY) }, 'scheduledAt', 'too_far_ahead'],
      ['an expiresAt that is over', { expiresAt: inMs(-1) }, 'expiresAt', 'in_the_past'],
      ['an expiresAt of this moment', { expiresAt: now.toISOString() }, 'expiresAt', 'in_the_past'],
      [
        'an expiresAt before scheduledAt',
        { scheduledAt: inMs(2 * HOUR), expiresAt: inMs(HOUR) },
        'expiresAt',
        'before_scheduled_at',
      ],
      [
        'an expiresAt at scheduledAt',
        { scheduledAt: inMs(HOUR), expiresAt: inMs(HOUR) },
        'expiresAt',
        'before_scheduled_at',
      ],
      ['no attempts', { maxAttempts: 0 }, 'maxAttempts', 'min'],
      ['51 attempts', { maxAttempts: 51 }, 'maxAttempts', 'max'],
      ['half an attempt', { maxAttempts: 1.5 }, 'maxAttempts', 'is_int'],
      ['a number as text', { maxAttempts: '3' }, 'maxAttempts', 'is_int'],
      ['51 recipients', { cc: Array.from({ length: 50 }, (_, n) => `a${n}@example.com`) }, 'to', 'too_many_recipients'],
      ['a fault in cc', { cc: 'eve' }, 'cc', 'invalid_address'],
      ['a fault in bcc', { bcc: ['eve'] }, 'bcc', 'invalid_address'],
      ['two addresses in one text', { to: 'Ada <ada@example.com>, Eve <eve@example.com>' }, 'to', 'invalid_address'],
      ['an object for a recipient', { to: { email: 'ada@example.com' } }, 'to', 'invalid_address'],
      ['a sender that is no address', { from: 'Ada' }, 'from', 'invalid_address'],
      ['a number for a sender', { from: 7 }, 'from', 'is_string'],
      ['a template beside text', { template: 'verification-code' }, 'text', 'not_with_template'],
      ['a template that is none', { ...NO_WORDS, template: 'nowhere' }, 'template', 'unknown_template'],
      ['a template without its variables', { ...NO_WORDS, template: 'login-code' }, 'variables.code', 'required'],
      ['a template without its time', { ...NO_WORDS, template: 'login-code' }, 'expiresAt', 'required'],
      [
        'a variable that the template has not',
        { ...NO_WORDS, template: 'login-code', variables: { cod: '123456' } },
        'variables.cod',
        'unknown_variable',
      ],
      [
        'what the template gets from us',
        { ...NO_WORDS, template: 'login-code', variables: { product: 'Acme' } },
        'variables.product',
        'unknown_variable',
      ],
      [
        'a number for a code',
        { ...NO_WORDS, template: 'login-code', variables: { code: 123456 } },
        'variables.code',
        'invalid_line',
      ],
      [
        'a link that is none',
        { ...NO_WORDS, template: 'login-code', variables: { link: 'javascript:alert(1)' } },
        'variables.link',
        'invalid_link',
      ],
      ['variables without a template', { variables: {} }, 'variables', 'only_with_template'],
      ['a list for variables', { variables: [] }, 'variables', 'is_object'],
      ['a language without a template', { locale: 'de' }, 'locale', 'only_with_template'],
      ['a language that is none', { locale: 'German!' }, 'locale', 'matches'],
      ['a header that is not allowed', { headers: { Bcc: 'eve@example.com' } }, 'headers.Bcc', 'header_not_allowed'],
      [
        'a line break in a header',
        { headers: { 'X-A': 'a\r\nBcc: eve@example.com' } },
        'headers.X-A',
        'invalid_header',
      ],
      ['a text for headers', { headers: 'X-A: 1' }, 'headers', 'is_object'],
      ['a list in the list of attachments', { attachments: [[[]]] }, 'attachments', 'is_object'],
      ['a text for attachments', { attachments: 'a.pdf' }, 'attachments', 'is_array'],
      ['an attachment without content', { attachments: [{ filename: 'a' }] }, 'attachments.0.content', 'one_of_two'],
      [
        'a program as an attachment',
        { attachments: [{ filename: 'a.exe', content: 'AAAA' }] },
        'attachments.0.filename',
        'attachment_type_refused',
      ],
      [
        'an attachment that is no base64',
        { attachments: [{ filename: 'a', content: '?' }] },
        'attachments.0.content',
        'invalid_base64',
      ],
      [
        'an upload that there is not',
        { attachments: [{ filename: 'a', uploadId: randomUUID() }] },
        'attachments.0.uploadId',
        'upload_not_found',
      ],
      ['11 tags', { tags: Array.from({ length: 11 }, String) }, 'tags', 'too_many'],
      ['a number for a tag', { tags: [1] }, 'tags', 'is_string'],
      ['an empty tag', { tags: [' '] }, 'tags.0', 'invalid_tag'],
      ['a number in metadata', { metadata: { order: 7 } }, 'metadata.order', 'invalid_value'],
      ['a list for metadata', { metadata: [] }, 'metadata', 'is_object'],
      ['a text for unsubscribe', { unsubscribe: 'yes' }, 'unsubscribe', 'is_boolean'],
      [
        'a way to leave for several',
        { to: ['ada@example.com', 'eve@example.com'], unsubscribe: true },
        'unsubscribe',
        'several_recipients',
      ],
      ['a field that is unknown', { recipients: 'eve@example.com' }, 'recipients', 'unknown_field'],
    ])('refuses %s, and names the field', async (_, more, field, code) => {
      const before = await count();
      const { status, body } = await post<ProblemBody>('/v1/emails', { ...MAIL, ...more });
      expect([status, body.code]).toEqual([422, 'validation_failed']);
      expect(body.errors!.map((error) => [error.field, error.code])).toContainEqual([field, code]);
      expect(await count()).toBe(before);
    });
  });

  describe('reading', () => {
    it('tells everything but the content', async () => {
      const expiresAt = inMs(DAY);
      const id = await accepted({ expiresAt, maxAttempts: 3 });
      const email = await read(id);
      expect(email).toEqual({
        id,
        broadcast: null,
        channel: 'email',
        traceId: null,
        to: 'ada@example.com',
        recipients: [{ kind: 'to', address: 'ada@example.com', name: '', status: 'queued', emailId: id }],
        from: '"Otpost" <no-reply@localhost>',
        subject: MAIL.subject,
        template: null,
        tags: [],
        metadata: {},
        splitFrom: null,
        status: 'queued',
        lane: 'default',
        attempts: 0,
        maxAttempts: 3,
        createdAt: expect.any(String) as string,
        scheduledAt: null,
        expiresAt,
        nextAttemptAt: expect.any(String) as string,
        sentAt: null,
        transport: null,
        messageId: `<${id}@localhost>`,
        providerMessageId: null,
        lastErrorCode: null,
        lastReply: null,
        possibleDuplicate: false,
        events: [
          {
            at: expect.any(String) as string,
            status: 'queued',
            attempt: 0,
            transport: null,
            reply: null,
            errorCode: null,
            worker: null,
          },
        ],
      });
      for (const moment of [email.createdAt, email.nextAttemptAt!]) expect(new Date(moment).toISOString()).toBe(moment);
      expect(JSON.stringify(email)).not.toContain(MAIL.text);
    });

    it('tells what happened to it, oldest first, with the words of the server', async () => {
      const id = await accepted();
      await put(
        id,
        'sent',
        `, attempts = 1, sent_at = '2026-11-21T12:00:00Z', transport = 'smtp.example.com:587', last_reply = '250 taken', possible_duplicate = true`,
      );
      await otpost.database.query(
        `INSERT INTO email_events (email_id, status, attempt, transport, reply, error_code, worker)
         VALUES ($1, 'sending', 1, NULL, NULL, NULL, 'host:1'), ($1, 'sent', 1, 'smtp.example.com:587', '250 taken', NULL, 'host:1')`,
        [id],
      );
      const email = await read(id);
      expect(email).toMatchObject({
        status: 'sent',
        attempts: 1,
        nextAttemptAt: null,
        sentAt: '2026-11-21T12:00:00.000Z',
        transport: 'smtp.example.com:587',
        lastReply: '250 taken',
        possibleDuplicate: true,
      });
      expect(email.events.map(({ status, attempt, reply, worker }) => [status, attempt, reply, worker])).toEqual([
        ['queued', 0, null, null],
        ['sending', 1, null, 'host:1'],
        ['sent', 1, '250 taken', 'host:1'],
      ]);
    });
  });

  it.each(['GET ', 'POST /cancel', 'POST /retry', 'POST /resolve'])(
    'an id that is nobody’s, or none at all, is a 404: %s',
    async (call) => {
      const [method, rest] = call.split(' ') as [string, string];
      for (const id of [randomUUID(), 'nonsense', '00000000-0000-0000-0000-00000000000', "1' OR '1'='1", '%00']) {
        const headers = {
          authorization: `Bearer ${key}`,
          ...(rest === '/resolve' ? { 'content-type': 'application/json' } : {}),
        };
        const body = rest === '/resolve' ? '{"as":"sent"}' : undefined;
        const answer = await otpost.api.send<ProblemBody>(
          method,
          `/v1/emails/${encodeURIComponent(id)}${rest}`,
          headers,
          body,
        );
        expect([id, answer.status, answer.body.code]).toEqual([id, 404, 'email_not_found']);
      }
    },
  );

  describe('deciding by hand', () => {
    const EVERY = [
      'scheduled',
      'queued',
      'deferred',
      'sent',
      'delivered',
      'bounced',
      'complained',
      'failed',
      'unknown',
      'cancelled',
      'expired',
      'suppressed',
    ];

    it.each<[call: string, body: object | undefined, legal: string[], becomes: string]>([
      ['cancel', undefined, ['scheduled', 'queued', 'deferred'], 'cancelled'],
      ['retry', undefined, ['failed', 'deferred'], 'queued'],
      ['resolve', { as: 'sent' }, ['unknown'], 'sent'],
      ['resolve', { as: 'failed' }, ['unknown'], 'failed'],
      ['resolve', { as: 'not_sent' }, ['unknown'], 'deferred'],
    ])(
      '%s %j is legal from its states, and a 409 that names the state from all others',
      async (call, body, legal, becomes) => {
        for (const state of EVERY) {
          const id = await accepted();
          await put(id, state);
          const answer = await post<ProblemBody>(`/v1/emails/${id}/${call}`, body);
          if (legal.includes(state)) {
            expect([state, answer.status, answer.body]).toEqual([state, 200, { id, status: becomes }]);
            expect((await read(id)).events.at(-1)).toMatchObject({ status: becomes });
          } else {
            expect([state, answer.status, answer.body.code]).toEqual([state, 409, 'invalid_state']);
            expect(answer.body).toMatchObject({ state, detail: `The message is ${state}.` });
            expect(await read(id)).toMatchObject({ status: state });
          }
        }
      },
    );

    it.each([
      ['retry', undefined, 'failed'],
      ['resolve', { as: 'not_sent' }, 'unknown'],
    ])('%s is a 409 where the content is gone', async (call, body, state) => {
      const id = await accepted();
      await put(id, state, ', sealed_variables = NULL');
      const answer = await post<ProblemBody>(`/v1/emails/${id}/${call}`, body);
      expect([answer.status, answer.body.code]).toEqual([409, 'content_erased']);
      expect((await read(id)).status).toBe(state);
    });

    it.each([[{}], [{ as: 'maybe' }], [{ as: 'sent', force: true }]])('resolve does not take %j', async (body) => {
      const id = await accepted();
      await put(id, 'unknown');
      expect((await post<ProblemBody>(`/v1/emails/${id}/resolve`, body)).status).toBe(422);
      expect((await read(id)).status).toBe('unknown');
    });
  });
});

describe('mail for back ends, with a worker', () => {
  it('is handed over as it was given, and its record tells so', async () => {
    const sink = await SmtpSink.start();
    const otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url });
    try {
      const key = await createApiKey(otpost.database.url);
      const authorization = `Bearer ${key}`;
      const given = { ...MAIL, html: '<p>It is <b>attached</b> to nothing.</p>', replyTo: 'help@example.com' };
      const { body } = await otpost.api.post<{ id: string }>('/v1/emails', given, { authorization });
      const [received] = await sink.waitForMailTo('ada@example.com');
      expect(received!.mail).toMatchObject({
        subject: MAIL.subject,
        text: expect.stringContaining(MAIL.text) as string,
      });
      expect(received!.mail.html).toContain('<b>attached</b>');
      expect(received!.mail.replyTo?.text).toBe('help@example.com');
      const email = await eventually(async () => {
        const answer = await otpost.api.get<EmailBody>(`/v1/emails/${body.id}`, key);
        return answer.body.status === 'sent' && answer.body;
      }, 'the message to be sent');
      expect(email).toMatchObject({ attempts: 1, nextAttemptAt: null, transport: sink.url.replace('smtp://', '') });
      expect(email.events.map(({ status }) => status)).toEqual(['queued', 'sending', 'sent']);
      expect(email.events.at(-1)).toMatchObject({ reply: expect.stringMatching(/^250/) as string });
    } finally {
      await otpost.stop();
      await sink.stop();
    }
  });
});
