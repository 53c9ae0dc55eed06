import { PageClient } from '../../support/http/page-client.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { codeIn, SmtpSink } from '../../support/smtp/smtp-sink.js';

interface Body extends ProblemBody {
  id: string;
}

describe('what verifications write down', () => {
  let sink: SmtpSink;
  let otpost: Otpost;
  let key: string;

  beforeAll(async () => {
    sink = await SmtpSink.start();
    otpost = await startOtpost({ MAIL_TRANSPORTS: sink.url }, new HeldClock());
    key = await createApiKey(otpost.database.url, ['verifications']);
  });
  afterAll(async () => {
    await otpost.stop();
    await sink.stop();
  });

  it('is each wrong code that was counted, the last one as such, and nothing of tries after that', async () => {
    const call = (path: string, body: object): Promise<Answer<Body>> =>
      otpost.api.post<Body>(`/v1/verifications${path}`, body, { authorization: `Bearer ${key}` });
    const { id } = (await call('', { to: 'ada@example.com', purpose: 'checkout' })).body;
    const code = codeIn((await sink.waitForMailTo('ada@example.com'))[0]!.mail.text);
    const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
    const told = [];
    for (let count = 0; count < 12; count++) told.push((await call(`/${id}/check`, { code: wrong })).body.code);
    expect(told).toEqual([...Array<string>(5).fill('otp_invalid'), ...Array<string>(7).fill('otp_locked')]);
    const rows = await otpost.database.query<{ details: object }>(
      "SELECT details FROM audit_events WHERE target_id = $1 AND action = 'code.refused' ORDER BY id",
      [id],
    );
    expect(rows.map(({ details }) => details)).toEqual(
      [false, false, false, false, true].map((locked) => ({ purpose: 'custom:checkout', reason: 'wrong', locked })),
    );
  });
});

describe('asking for another copy too early', () => {
  let clock: HeldClock;
  let otpost: Otpost;

  beforeAll(async () => {
    clock = new HeldClock();
    otpost = await startOtpost(
      {
        ROLE: 'web',
        OUTBOX_RESCUE: 'off',
        APP_URL: 'http://localhost:3000',
        LIMIT_DESTINATION: '2/15min',
        LIMIT_PUBLIC_MAIL: '5/h',
        LIMIT_KEY: '2/min',
      },
      clock,
    );
  });
  afterAll(() => otpost.stop());

  /** Five times at once, and after the cooldown: as often as the second one that the limits let, and no more. */
  async function press(resend: () => Promise<{ status: number; refused: string | null }>): Promise<void> {
    for (let count = 0; count < 5; count++) expect(await resend()).toEqual({ status: 429, refused: null });
    clock.advance(30);
    expect((await resend()).status).toBeLessThan(400);
    clock.advance(30);
    expect(await resend()).toEqual({ status: 429, refused: 'destination' });
  }
  const seen = ({ status, headers }: { status: number; headers: Headers }) => ({
    status,
    refused: /^"([\w-]+)"/.exec(headers.get('ratelimit') ?? '')?.[1] ?? null,
  });

  it('costs the limits nothing through the API', async () => {
    const { challenge } = await otpost.api.register('api@example.com');
    await press(async () => seen(await otpost.api.post(`/v1/otp/${challenge.id}/resend`, {})));
  });

  it('costs the limits nothing on the page', async () => {
    const page = new PageClient(otpost.api.url);
    const path = await page.askFor('page@example.com');
    await press(async () => seen(await page.post(`${path}/resend`)));
  });

  it('costs a back end nothing', async () => {
    const authorization = `Bearer ${await createApiKey(otpost.database.url, ['verifications'])}`;
    const { body } = await otpost.api.post<Body>(
      '/v1/verifications',
      { to: 'key@example.com', purpose: 'checkout' },
      { authorization },
    );
    await press(async () => seen(await otpost.api.post(`/v1/verifications/${body.id}/resend`, {}, { authorization })));
  });
});
