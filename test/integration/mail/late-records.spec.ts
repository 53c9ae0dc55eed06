import { RECORDING } from '../../../src/mail/worker/deliver.js';
import { createDatabase } from '../../support/database/postgres.js';
import { StallingProxy } from '../../support/network/stalling-proxy.js';
import { OtpostInProcess } from '../../support/service/otpost-in-process.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { MisbehavingSmtp } from '../../support/smtp/misbehaving-smtp.js';

putBackAfterwards(RECORDING);

describe('what a server said while Postgres was away', () => {
  it('is kept however long that takes, and what lease recovery thought meanwhile gives way to it', async () => {
    RECORDING.withinMs = 0;
    const database = await createDatabase();
    const proxy = await StallingProxy.to(database.url);
    const server = await MisbehavingSmtp.start();
    const env = { DATABASE_URL: proxy.through(database.url), MAIL_TRANSPORTS: server.url };
    const otpost = await OtpostInProcess.start(env);
    try {
      const gone: Promise<void>[] = [];
      await server.startAnew({
        'after the dot': () => {
          gone.push(proxy.refuse());
          return '250 2.0.0 taken';
        },
      });
      await otpost.api.register('ada@example.com');
      const tried = (): number => otpost.text.split('the outcome could not be recorded yet').length - 1;
      await eventually(() => tried() >= 2, 'it to have been written in vain, twice');
      await gone[0];
      await database.query(
        `UPDATE outbound_emails SET status = 'unknown', lease_until = NULL, last_error_code = 'lease_expired' WHERE status = 'sending'`,
      );
      await proxy.takeAgain();
      const row = async (): Promise<{ status: string } | undefined> =>
        (await database.query<{ status: string }>('SELECT status, attempts, last_reply FROM outbound_emails'))[0];
      await eventually(async () => (await row())?.status === 'sent', 'it to be recorded');
      expect(await row()).toEqual({ status: 'sent', attempts: 1, last_reply: '250 2.0.0 taken' });
      expect(server.taken).toEqual(['ada@example.com']);
    } finally {
      await otpost.stop();
      await proxy.stop();
      await server.stop();
      await database.drop();
    }
  });
});
