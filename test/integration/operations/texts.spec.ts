import { runScheduled } from '../../support/database/scheduled-run.js';
import { useQuota } from '../../support/database/used-quota.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask } from '../../support/service/staff.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

interface Health {
  status: string;
  problems: { code: string; message: string }[];
}

describe('where codes go by SMS too, operators', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let key: string;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    const transports = { MAIL_TRANSPORTS: `${sink.url}?daily=10`, SMS_TRANSPORTS: 'capture:', SMS_COUNTRIES: 'DE' };
    otpost = await startOtpost(transports);
    key = await createApiKey(otpost.database.url, ['admin']);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  const health = async (): Promise<Health> => (await ask<Health>(otpost, key, 'GET', '/health/mail')).body;
  const codes = async (): Promise<string[]> => (await health()).problems.map(({ code }) => code);
  const home = async (): Promise<string> =>
    (await otpost.api.send<string>('GET', '/', { accept: 'text/html' })).body.match(/data-health="(\w+)"/)![1]!;

  it('see on the start page what health says, also of a quota', async () => {
    await eventually(async () => (await health()).status === 'ok', 'all to be well');
    expect(await home()).toBe('ok');
    await useQuota(otpost.database, `127.0.0.1:${sink.port}`, 9);
    await eventually(async () => (await codes()).includes('quota_used'), 'the quota to be told of');
    expect(await home()).toBe('degraded');
    await otpost.database.query('UPDATE transport_usage SET sent = 0');
    await eventually(async () => (await health()).status === 'ok', 'all to be well again');
  });

  it('try a way out for texts as one for mail', async () => {
    const tried = await ask<{ result: string }>(otpost, key, 'POST', '/v1/operations/transports/capture:sms/test', {});
    expect([tried.status, tried.body]).toMatchObject([200, { result: 'ok' }]);
  });

  it('are told of codes by SMS that expired unsent, though mail flows', async () => {
    await ask(otpost, key, 'POST', '/v1/operations/lanes/sms/pause', {});
    const { status } = await ask(otpost, key, 'POST', '/v1/verifications', {
      to: '+4915123456789',
      purpose: 'checkout',
    });
    expect(status).toBe(202);
    await otpost.database.query(
      `UPDATE outbound_emails SET expires_at = now() - interval '1 second' WHERE lane = 'sms'`,
    );
    expect(await runScheduled(otpost.database, 'mail.expire')).toBe('1 expired');
    await eventually(async () => (await codes()).includes('codes_expired'), 'the code to be missed');
    await otpost.api.register('ada@example.com');
    await sink.waitForMailTo('ada@example.com');
    expect(await codes()).toContain('codes_expired');
    await ask(otpost, key, 'POST', '/v1/operations/lanes/sms/resume', {});
    await ask(otpost, key, 'POST', '/v1/verifications', { to: '+4915123456780', purpose: 'checkout' });
    await eventually(async () => !(await codes()).includes('codes_expired'), 'codes by SMS to flow again');
  });
});
