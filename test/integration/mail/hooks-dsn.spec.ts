import { createApiKey } from '../../support/service/api-key.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { type Finished, runCli } from '../../support/service/cli.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { exchangeDsn, gmailDsn, postfixDsn, qmailBounce } from '../../support/smtp/bounces.js';
import { CarriedMail } from '../../support/smtp/carried-mail.js';

const SMTP = 'mail.internal:25';

interface Told {
  emailId: string | null;
  recorded: number;
  duplicates: number;
}

describe('bounces that come as mail', () => {
  let otpost: Otpost;
  let mail: CarriedMail;
  let admin: string;
  let whileAway: Promise<Finished>;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    mail = new CarriedMail(otpost.database);
    admin = await createApiKey(otpost.database.url, ['admin']);
    // It gives the database two seconds, in which the other cases go on.
    whileAway = pipe(postfixDsn({ id: 'x', recipient: 'ada@example.com' }), {
      DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
    });
  });
  beforeEach(() => otpost.database.query('TRUNCATE suppressions'));
  afterEach(async () => {
    expect(await mail.imbalance()).toBe(0);
  });
  afterAll(async () => {
    await mail.close();
    await otpost.stop();
  });

  /** Resolves once the report is applied, also where the sweep came to it first. */
  async function applied(): Promise<void> {
    await otpost.database.query('SELECT FROM provider_events FOR SHARE');
  }

  async function post<Body = Told>(source: Buffer, key = admin): Promise<Answer<Body>> {
    const answer = await otpost.api.send<Body>(
      'POST',
      '/v1/hooks/dsn',
      { 'content-type': 'message/rfc822', authorization: `Bearer ${key}` },
      source.toString(),
    );
    await applied();
    return answer;
  }

  async function pipe(source: Buffer, env = { DATABASE_URL: otpost.database.url }): Promise<Finished> {
    const finished = await runCli(['bounce'], env, { input: source });
    await applied();
    return finished;
  }

  it.each([
    ['Postfix', postfixDsn, 'postfix.example.org', post],
    ['Exchange', exchangeDsn, 'exchange.example.org', post],
    ['Gmail', gmailDsn, 'gmail.example.org', post],
    ['Postfix, through a pipe', postfixDsn, 'pipe.example.org', pipe],
  ] as const)('by %s: the message has bounced, and its address gets no more', async (__, write, domain, bring) => {
    const recipient = `ada@${domain}`;
    const id = await mail.sent(SMTP, recipient);
    expect(await bring(write({ id, recipient }))).toMatchObject(bring === pipe ? { code: 0 } : { status: 200 });
    const { status, lastErrorCode, events } = await mail.look(id);
    expect([status, lastErrorCode]).toEqual(['bounced', 'hard_bounce']);
    expect(events.at(-1)).toMatchObject({
      status: 'bounced',
      transport: 'dsn',
      reply: expect.stringMatching(/^smtp; ?550/) as string,
    });
    expect(await mail.suppressions()).toMatchObject([
      { address: recipient, scope: 'all', reason: 'hard_bounce', source: 'dsn', email_id: id },
    ]);
  });

  it('tells which message it was, and the same bounce counts once', async () => {
    const id = await mail.sent(SMTP);
    const source = postfixDsn({ id, recipient: 'ada@example.com' });
    expect((await post(source)).body).toEqual({ emailId: id, recorded: 1, duplicates: 0 });
    expect((await post(source)).body).toEqual({ emailId: id, recorded: 0, duplicates: 1 });
    expect(await mail.states(id)).toEqual(['queued', 'sending', 'sent', 'bounced']);
  });

  it('finds its message by the address it came to', async () => {
    const id = await mail.sent(SMTP);
    const source = postfixDsn({
      id: 'not-ours',
      recipient: 'ada@example.com',
      headers: `Delivered-To: bounce+${id}@example.com\n`,
    });
    expect((await post(source)).body.emailId).toBe(id);
  });

  it('that outran our own commit is applied when the message has been sent', async () => {
    const claimed = await mail.sending();
    expect((await post(postfixDsn({ id: claimed.id, recipient: 'ada@example.com' }))).body.recorded).toBe(1);
    expect((await mail.look(claimed.id)).status).toBe('sending');
  });

  it.each([
    ['for another recipient', { recipient: 'bob@example.com' }],
    ['of a message that never was', { id: '019abcde-0000-7000-8000-00000000dead', recipient: 'ada@example.com' }],
  ])('a forged one %s changes nothing, and nothing of it is kept', async (_, change) => {
    const id = await mail.sent(SMTP);
    expect(await post(postfixDsn({ id, ...change }))).toMatchObject({
      status: 200,
      body: { emailId: null, recorded: 0 },
    });
    expect((await mail.look(id)).status).toBe('sent');
    expect(await mail.suppressions()).toEqual([]);
    expect(await otpost.database.query('SELECT FROM provider_events WHERE email_id = $1', [id])).toEqual([]);
  });

  it('of a message that was never handed over suppresses nobody', async () => {
    const id = await mail.accept();
    await otpost.database.query(`UPDATE outbound_emails SET status = 'cancelled' WHERE id = $1`, [id]);
    await post(postfixDsn({ id, recipient: 'ada@example.com' }));
    expect((await mail.look(id)).status).toBe('cancelled');
    expect(await mail.suppressions()).toEqual([]);
  });

  it.each([
    ['4.4.7', 'bounced', 'bounced_timed_out'],
    ['5.7.1', 'bounced', 'bounced_blocked'],
    ['5.2.2', 'bounced', 'bounced_other'],
  ])('a failure with %s is the end of the message, and not of the address', async (status, became, errorCode) => {
    const id = await mail.sent(SMTP);
    await post(postfixDsn({ id, recipient: 'ada@example.com', status, key: status }));
    expect(await mail.look(id)).toMatchObject({ status: became, lastErrorCode: errorCode });
    expect(await mail.suppressions()).toEqual([]);
  });

  it('a delay is noted', async () => {
    const id = await mail.sent(SMTP);
    await post(postfixDsn({ id, recipient: 'ada@example.com', status: '4.4.1', action: 'delayed' }));
    expect(await mail.look(id)).toMatchObject({ status: 'sent' });
    expect((await mail.look(id)).events.at(-1)).toMatchObject({
      status: 'sent',
      transport: 'dsn',
      errorCode: 'provider_deferred',
    });
  });

  it('what is no notification is refused, in the words of whoever brought it', async () => {
    const id = await mail.sent(SMTP);
    const source = qmailBounce({ id, recipient: 'ada@example.com' });
    expect(await post<ProblemBody>(source)).toMatchObject({ status: 422, body: { code: 'not_a_dsn' } });
    expect(await pipe(source)).toMatchObject({
      code: 65,
      err: expect.stringContaining('no delivery status notification') as string,
    });
    expect((await mail.look(id)).status).toBe('sent');
  });

  it('a mail server is not troubled with bounces of messages that are not ours', async () => {
    const source = postfixDsn({ id: '019abcde-0000-7000-8000-00000000dead', recipient: 'ada@example.com' });
    expect(await pipe(source)).toMatchObject({ code: 0, err: expect.stringContaining('no message of ours') as string });
  });

  it.each([
    ['2 MB of blank lines', '\n'.repeat(2_000_000)],
    ['9 MB of blank lines', '\r\n'.repeat(4_500_000)],
    ['9 MB of blanks', ' '.repeat(9_000_000)],
    ['9 MB of parts', '\n--b'.repeat(2_250_000)],
  ])('%s will never parse, and the mail server is told so', async (_, text) => {
    const report = Buffer.from(
      `Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n${text}`,
    );
    expect(await pipe(report)).toMatchObject({ code: 65 });
    expect(await pipe(Buffer.from(text))).toMatchObject({ code: 65 });
    expect(await post<ProblemBody>(report.subarray(0, 1_000_000))).toMatchObject({
      status: 422,
      body: { code: 'not_a_dsn' },
    });
  });

  it('a NUL in the words of a server does not keep its bounce from being understood, and one in an address makes it another', async () => {
    const id = await mail.sent(SMTP);
    const source = postfixDsn({ id, recipient: 'ada@example.com', key: 'nul' });
    expect(
      await post(
        Buffer.from(
          source
            .toString()
            .replaceAll('<ada@', '<a\0da@')
            .replaceAll('; ada@', '; a\0da@')
            .replaceAll(';ada@', ';a\0da@'),
        ),
      ),
    ).toMatchObject({ status: 200, body: { emailId: null } });
    expect(await post(Buffer.from(source.toString().replace('User unknown', 'User\0unknown')))).toMatchObject({
      status: 200,
      body: { emailId: id, recorded: 1 },
    });
    expect(await mail.look(id)).toMatchObject({
      status: 'bounced',
      lastReply: expect.stringContaining('User unknown') as string,
    });
  });

  it('what is too large is not read', async () => {
    expect(await post<ProblemBody>(Buffer.alloc(1024 * 1024 + 1, 'x'))).toMatchObject({ status: 413 });
    expect(await pipe(Buffer.alloc(11 * 1024 * 1024, 'x'))).toMatchObject({
      code: 65,
      err: expect.stringContaining('larger than 10 MiB') as string,
    });
  });

  it('is taken by nobody without an API key of scope admin', async () => {
    const source = postfixDsn({ id: await mail.sent(SMTP), recipient: 'ada@example.com' });
    expect(await post<ProblemBody>(source, 'otp_live_none')).toMatchObject({
      status: 401,
      body: { code: 'unauthorized' },
    });
    const sender = await createApiKey(otpost.database.url, ['emails:send']);
    expect(await post<ProblemBody>(source, sender)).toMatchObject({ status: 403, body: { code: 'scope_missing' } });
  });

  it('while the database is away, the mail server is asked to try again', async () => {
    expect(await whileAway).toMatchObject({ code: 75 });
  });
});
