import { MailService } from '../../../src/mail/submission/mail-service.js';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { KEYS } from '../../support/http/provider-apis.js';
import { ProviderServer } from '../../support/http/provider-server.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { MisbehavingSmtp, type Script } from '../../support/smtp/misbehaving-smtp.js';

putBackAfterwards(TIMEOUTS);

/** What fields cannot say: a provider without MIME leaves it to others. */
const INVITATION = Buffer.from(
  [
    'From: Shop <shop@example.com>',
    'To: ada@example.com',
    'Subject: Tomorrow',
    'MIME-Version: 1.0',
    'Content-Type: text/calendar; method=REQUEST; charset=utf-8',
    '',
    'BEGIN:VCALENDAR',
    'METHOD:REQUEST',
    'END:VCALENDAR',
    '',
  ].join('\r\n'),
);
/** Two messages at once, one of them for codes; one comes back in six minutes, which no test waits for. */
const SLOW = '?rate=10/h';

describe('a message that one way out cannot take', () => {
  let resend: ProviderServer;
  let smtp: MisbehavingSmtp;
  let otpost: Otpost | undefined;
  let number = 0;

  beforeAll(async () => {
    TIMEOUTS.statesMs = 0;
    resend = await ProviderServer.start('resend');
  });
  afterEach(async () => {
    await otpost?.stop();
    otpost = undefined;
    await smtp.stop();
  });
  afterAll(() => resend.stop());

  async function begin(
    order: 'resend first' | 'resend last' | 'resend alone',
    script: Script = {},
    { ofSmtp = '', ofResend = '' } = {},
  ): Promise<void> {
    smtp = await MisbehavingSmtp.start(script);
    const ways = [
      `resend:${KEYS.resend}?endpoint=${resend.url}${ofResend}`,
      ...(order === 'resend alone' ? [] : [`${smtp.url}${ofSmtp}`]),
    ];
    otpost = await startOtpost({
      MAIL_TRANSPORTS: (order === 'resend last' ? ways.reverse() : ways).join(','),
      MAIL_FROM: 'Shop <shop@example.com>',
    });
  }

  async function invite(): Promise<string> {
    const messageId = `<m${++number}@app.example>`;
    const bytes = Buffer.concat([Buffer.from(`Message-ID: ${messageId}\r\n`), INVITATION]);
    const mime = { bytes, messageId, subject: 'Tomorrow' };
    const { id } = await otpost!.process.get(MailService).send({ to: `ada${number}@example.com`, mime });
    return id;
  }

  interface Row {
    status: string;
    attempts: number;
    last_error_code: string | null;
    waits_s: number;
  }

  /** Once it has been tried. */
  const tried = (id: string): Promise<Row> =>
    eventually(async () => {
      const [row] = await otpost!.database.query<Row>(
        `SELECT status, attempts, last_error_code, extract(epoch FROM next_attempt_at - now())::float8 AS waits_s FROM outbound_emails
         WHERE id = $1 AND status NOT IN ('queued', 'sending')`,
        [id],
      );
      return row;
    }, 'the message to be tried');

  it.each(['resend first', 'resend last'] as const)(
    'waits for one that is away, which is found out at this moment (%s)',
    async (order) => {
      await begin(order, { greeting: '421 4.3.2 not now' });
      const id = await invite();
      expect(await tried(id)).toMatchObject({ status: 'deferred', attempts: 0 });
      await smtp.startAnew();
      await otpost!.database.query('UPDATE transport_states SET failures = 0, backoff_until = NULL');
      await otpost!.database.query('UPDATE outbound_emails SET next_attempt_at = now()');
      await eventually(() => smtp.taken.length === 1, 'the one that is back to take it');
    },
  );

  it('waits for one whose rate is used up, and as long as that asks', async () => {
    await begin('resend first', {}, { ofSmtp: SLOW });
    const [first, second] = [await invite(), await invite()];
    const rows = [await tried(first), await tried(second)].sort((a, b) => (a.status < b.status ? 1 : -1));
    expect(rows).toMatchObject([
      { status: 'sent' },
      { status: 'deferred', attempts: 0, last_error_code: 'mime_not_expressible' },
    ]);
    expect(rows[1]!.waits_s).toBeGreaterThan(60);
  });

  it('waits for one whose offer could not be made', async () => {
    const lost = (): Promise<unknown> =>
      otpost!.database.query(`UPDATE outbound_emails SET lease_until = now() - interval '1 ms'`);
    await begin('resend first', { DATA: () => ({ after: lost(), reply: '354 go on' }) });
    expect(await tried(await invite())).toMatchObject({ status: 'deferred', attempts: 0 });
  });

  it('uses up no quota of the one that cannot, however often it is tried', async () => {
    await begin('resend first', { greeting: '421 4.3.2 not now' }, { ofResend: '&daily=10' });
    await tried(await invite());
    expect(await otpost!.database.query('SELECT name, sent FROM transport_usage')).toEqual([
      { name: 'resend', sent: 0 },
    ]);
  });

  it('fails where there is no other, however many of them there are', async () => {
    await begin('resend alone');
    for (let n = 0; n < 4; n++) {
      expect(await tried(await invite())).toMatchObject({ status: 'failed', last_error_code: 'mime_not_expressible' });
    }
  });

  it('is no probe of the one that cannot, for nobody is asked', async () => {
    await begin('resend alone');
    await otpost!.database.query(
      `UPDATE transport_states SET paused_at = now(), pause_reason = 'http_auth', failures = 1, backoff_until = now()`,
    );
    for (let n = 0; n < 2; n++) {
      expect(await tried(await invite())).toMatchObject({ status: 'failed', last_error_code: 'mime_not_expressible' });
      expect(await otpost!.database.query('SELECT pause_reason, failures FROM transport_states')).toEqual([
        { pause_reason: 'http_auth', failures: 1 },
      ]);
    }
  });

  it('is tried again where another one said "later"', async () => {
    await begin('resend last', { RCPT: (time) => (time === 1 ? '452 4.3.1 out of space' : undefined) });
    expect(await tried(await invite())).toMatchObject({ status: 'deferred', attempts: 1, last_error_code: 'smtp_452' });
  });
});

describe('a code whose way out refuses its sender', () => {
  it('goes by the one before, whose rate is used up, in debt', async () => {
    TIMEOUTS.statesMs = 0;
    const [first, second] = [
      await MisbehavingSmtp.start(),
      await MisbehavingSmtp.start({ MAIL: '550 5.1.8 not verified' }),
    ];
    const otpost = await startOtpost({ MAIL_TRANSPORTS: `${first.url}${SLOW},${second.url}` });
    for (const name of ['one', 'two', 'three']) {
      await otpost.api.register(`${name}@example.com`);
      await eventually(() => first.taken.includes(`${name}@example.com`), `the code for ${name}`);
    }
    expect(second.connections).toBe(1);
    await otpost.stop();
    await Promise.all([first.stop(), second.stop()]);
  });
});
