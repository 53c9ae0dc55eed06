import { useQuota } from '../support/database/used-quota.js';
import { describeWithChromium } from '../support/http/chromium.js';
import { messageTo } from '../support/service/console.js';
import { MisbehavingSmtp } from '../support/smtp/misbehaving-smtp.js';
import { type OpenOperations, openOperations } from '../support/service/open-operations.js';

const LOGIN = ['AUTH PLAIN LOGIN'];

describeWithChromium('several ways out, as operators see them', () => {
  let first: MisbehavingSmtp;
  let refuses = false;
  let { sink: second, database, operator, send, close } = {} as OpenOperations;

  beforeAll(async () => {
    first = await MisbehavingSmtp.start({ AUTH: '454 4.7.0 not now' }, LOGIN);
    // The second carries the code of the sign-in, and the first all else.
    ({
      sink: second,
      database,
      operator,
      send,
      close,
    } = await openOperations({
      sink: {
        onConnect: (_session, done) =>
          refuses ? done(Object.assign(new Error('5.7.1 Not you'), { responseCode: 554 })) : done(),
      },
      transports: (url) => `smtp://post:secret@127.0.0.1:${first.port}?daily=10,${url}`,
    }));
    await first.startAnew({}, LOGIN);
    await database.query('UPDATE transport_states SET backoff_until = NULL, paused_at = NULL, failures = 0');
    await database.query('DELETE FROM transport_hosts');
  });
  afterEach(() => {
    expect(operator.complaints).toEqual([]);
  });
  afterAll(async () => {
    console.log(`Seconds until a banner stands, and until it is gone:\n${operator.took.join('\n')}`);
    await close();
    await first.stop();
  });

  const main = () => operator.page.getByRole('main');

  it('a quota that is used up is told with what it leaves, until the day is over', async () => {
    await operator.banner('All is well');
    await useQuota(database, `127.0.0.1:${first.port}`, 9);
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
    await first.startAnew({ AUTH: '535 5.7.8 Wrong password' }, LOGIN);
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
    await operator.page.getByRole('button', { name: `Test 127.0.0.1:${first.port}` }).click();
    const dialog = operator.page.getByRole('dialog');
    await dialog.getByText('it does not work from here').waitFor();
    await dialog.getByText('535 5.7.8 Wrong password').first().waitFor();
    expect(first.count('MAIL')).toBe(0);
    await first.startAnew({}, LOGIN);
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await dialog.getByText('it works from here').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
    expect(first.count('AUTH')).toBeGreaterThan(0);
    expect(first.count('MAIL')).toBe(0);
    const audited = await database.query(
      `SELECT details FROM audit_events WHERE action = 'transport.tested' ORDER BY id`,
    );
    expect(audited).toEqual([{ details: { result: 'fail' } }, { details: { result: 'ok' } }]);
  });
});
