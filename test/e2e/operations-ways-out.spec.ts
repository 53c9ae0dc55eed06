import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { describeWithChromium, openChromium } from '../support/http/chromium.js';
import { freePort } from '../support/network/free-port.js';
import { createApiKey } from '../support/service/api-key.js';
import { makeAccount, messageTo, Operator } from '../support/service/console.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { MisbehavingSmtp } from '../support/smtp/misbehaving-smtp.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

const OPERATOR = 'grace@example.com';

describeWithChromium('several ways out, as operators see them', () => {
  let first: MisbehavingSmtp;
  let second: SmtpSink;
  let refuses = false;
  let database: TestDatabase;
  let otpost: OtpostInProcess;
  let operator: Operator;
  let close: () => Promise<void>;
  let headers: Record<string, string>;

  beforeAll(async () => {
    first = await MisbehavingSmtp.start({}, ['AUTH PLAIN LOGIN']);
    second = await SmtpSink.start({
      onConnect: (_session, done) =>
        refuses ? done(Object.assign(new Error('5.7.1 Not you'), { responseCode: 554 })) : done(),
    });
    database = await createDatabase();
    const port = await freePort();
    const url = `http://localhost:${port}`;
    otpost = await OtpostInProcess.start({
      ...{ DATABASE_URL: database.url, PORT: String(port), APP_URL: url },
      MAIL_FROM: 'Aster <no-reply@example.com>',
      // The second carries the code of the sign-in, and the first all else.
      MAIL_TRANSPORTS: `smtp://post:secret@127.0.0.1:${first.port}?daily=10,${second.url}`,
      TRACE_URL: 'https://traces.example.com/trace/{traceId}',
    });
    await makeAccount(database, OPERATOR, 'operator');
    headers = { authorization: `Bearer ${await createApiKey(database.url, ['admin'])}` };
    const chromium = await openChromium();
    close = chromium.close;
    operator = await Operator.open(chromium.context, url);
    first.script = { AUTH: '454 4.7.0 not now' };
    await operator.signIn('/operations', OPERATOR, second);
    await first.startAnew({}, ['AUTH PLAIN LOGIN']);
    await database.query('UPDATE transport_states SET backoff_until = NULL, paused_at = NULL, failures = 0');
    await database.query('DELETE FROM transport_hosts');
  });
  afterEach(() => {
    expect(operator.complaints).toEqual([]);
  });
  afterAll(async () => {
    console.log(`Seconds until a banner stands, and until it is gone:\n${operator.took.join('\n')}`);
    await close();
    await otpost.stop();
    await database.drop();
    await first.stop();
    await second.stop();
  });

  const send = async (to: string): Promise<void> => {
    const { status } = await otpost.api.post('/v1/emails', { to, subject: 'Hello', text: 'Hello' }, headers);
    expect(status).toBe(202);
  };
  const main = () => operator.page.getByRole('main');

  it('a quota that is used up is told with what it leaves, until the day is over', async () => {
    await operator.banner('All is well');
    await database.query(
      `INSERT INTO transport_usage (name, day, sent) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, 9)
       ON CONFLICT (name, day) DO UPDATE SET sent = 9`,
      [`127.0.0.1:${first.port}`],
    );
    operator.mark();
    await send('tomorrow@example.com');
    await operator.banner('The quota of today is used up');
    await main().getByRole('alert').getByText('9 of the 10 messages').waitFor();
    await main().getByRole('cell', { name: '9 of 10' }).waitFor();
    await database.query('UPDATE transport_usage SET day = day - 1');
    await database.query('UPDATE outbound_emails SET next_attempt_at = now() WHERE sent_at IS NULL');
    operator.mark();
    await operator.banner('All is well');
    await messageTo(database, 'tomorrow@example.com', 'sent');
  });

  it('that none takes mail comes before what is wrong with each, and one that is open is enough', async () => {
    refuses = true;
    second.hangUp(); // a connection that is kept would carry the message
    await first.startAnew({ AUTH: '535 5.7.8 Wrong password' }, ['AUTH PLAIN LOGIN']);
    operator.mark();
    await send('nowhere@example.com');
    await operator.banner('No transport takes mail');
    await main().getByRole('alert').getByText('None of the 2 transports takes mail').waitFor();
    await main().getByText('2 more things to look at').click();
    await main().getByText('A mail server refuses the login.').waitFor();
    refuses = false;
    await operator.page.getByRole('button', { name: `Resume 127.0.0.1:${new URL(second.url).port}` }).click();
    operator.mark();
    await operator.page.getByRole('button', { name: 'Resume it' }).click();
    await operator.banner('A mail server refuses the login');
    await messageTo(database, 'nowhere@example.com', 'sent');
  });

  it('a test tells what a transport says now, from this host, and sends nothing', async () => {
    const before = first.transfers.length;
    await operator.page.getByRole('button', { name: `Test 127.0.0.1:${first.port}` }).click();
    const dialog = operator.page.getByRole('dialog');
    await dialog.getByText('it does not work from here').waitFor();
    await dialog.getByText('535 5.7.8 Wrong password').first().waitFor();
    await first.startAnew({}, ['AUTH PLAIN LOGIN']);
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await dialog.getByText('it works from here').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    expect(first.transfers.length).toBe(before === 0 ? 0 : first.transfers.length);
    expect(first.count('MAIL')).toBe(0);
    const audited = await database.query(
      `SELECT details FROM audit_events WHERE action = 'transport.tested' ORDER BY id`,
    );
    expect(audited).toEqual([{ details: { result: 'fail' } }, { details: { result: 'ok' } }]);
  });
});
