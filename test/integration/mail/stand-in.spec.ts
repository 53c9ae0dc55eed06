import { MailService } from '../../../src/mail/submission/mail-service.js';
import { STAND_IN_TIMING } from '../../../src/mail/stand-in/stand-in-policy.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { MisbehavingSmtp } from '../../support/smtp/misbehaving-smtp.js';

putBackAfterwards(STAND_IN_TIMING);

describe('a web process that delivers in place of a worker', () => {
  let server: MisbehavingSmtp;
  let otpost: Otpost;

  beforeEach(async () => {
    // Its first message is alone until something is known of it, here for ever.
    Object.assign(STAND_IN_TIMING, { silentFor: 0, probe: Number.POSITIVE_INFINITY });
    server = await MisbehavingSmtp.start();
    otpost = await startOtpost({ ROLE: 'web', MAIL_TRANSPORTS: server.url });
  });
  afterEach(async () => {
    await otpost.stop();
    await server.stop();
  });

  const ended = (status: string, count: number) =>
    eventually(
      async () =>
        (await otpost.database.query('SELECT FROM outbound_emails WHERE status = $1', [status])).length === count,
      `${count} to be ${status}`,
    );

  it('goes on after a message whose recipients get none, for there was nothing to try', async () => {
    await otpost.database.query(
      `INSERT INTO suppressions (address_canonical, reason, source) SELECT name || '@example.com', 'complaint', 'smtp'
       FROM unnest('{ada,grace}'::text[]) AS name`,
    );
    const to = ['ada@example.com', 'grace@example.com'];
    await otpost.process.get(MailService).send({ to, subject: 'Tomorrow', text: 'At ten.' });
    await ended('suppressed', 2);
    await otpost.api.register('bob@example.com');
    await eventually(() => server.taken.includes('bob@example.com'), 'the code');
  });

  it('goes on after a message whose offer was refused', async () => {
    const lost = (): Promise<unknown> =>
      otpost.database.query(`UPDATE outbound_emails SET lease_token = gen_random_uuid() WHERE status = 'sending'`);
    await server.startAnew({ DATA: (time) => (time === 1 ? { after: lost(), reply: '354 go on' } : undefined) });
    await otpost.api.register('ada@example.com');
    await eventually(() => server.connections > 0 && otpost.database.query(`SELECT 1`), 'the first to be tried');
    await otpost.api.register('bob@example.com');
    await eventually(() => server.taken.includes('bob@example.com'), 'the code');
  });
});
