import { freePort } from '../../support/network/free-port.js';
import type { ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

describe('a mail server that is away for longer than a code lives', () => {
  let otpost: Otpost;
  let port: number;
  const clock = new HeldClock();

  beforeAll(async () => {
    port = await freePort();
    otpost = await startOtpost({ MAIL_TRANSPORTS: `smtp://127.0.0.1:${port}` }, clock);
  });
  afterAll(() => otpost.stop());

  it('makes the delivery expire, and neither the late server nor a late guess gets anything of the code', async () => {
    const { challenge } = await otpost.api.register('ada@example.com');
    const told = async (): Promise<string> =>
      (await otpost.api.get<{ status: string }>(`/v1/otp/${challenge.id}/delivery`)).body.status;
    await eventually(async () => (await told()) === 'deferred', 'the mail to be deferred');

    // Ten minutes, for Postgres, by whose clock mail expires, and for the code.
    await otpost.database.query(
      "UPDATE outbound_emails SET expires_at = now() - interval '1 second', next_attempt_at = now()",
    );
    clock.advance(601);
    const sink = await SmtpSink.start({}, port);
    try {
      await eventually(async () => (await told()) === 'expired', 'the mail to expire');
      const answer = await otpost.api.post<ProblemBody>(`/v1/otp/${challenge.id}/verify`, { code: '000000' });
      expect([answer.status, answer.body.code]).toEqual([410, 'otp_expired']);
      expect(sink.received).toEqual([]);
      const [row] = await otpost.database.query('SELECT sealed_variables FROM outbound_emails');
      expect(row).toEqual({ sealed_variables: null });
    } finally {
      await sink.stop();
    }
  });
});
