import pg from 'pg';
import { RULES } from '../../../src/otp/sms/guard-policy.js';
import { ProviderServer } from '../../support/http/provider-server.js';
import { codeInText, smsApi, SMS_ENTRIES, textsTo } from '../../support/http/sms-apis.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { ask } from '../../support/service/staff.js';
import { eventually } from '../../support/signals/wait.js';

type Body = { id: string; status: string } & ProblemBody;

interface Figures {
  messages: number;
  refused: number;
  countries: { key: string; codes: number; verified: number; refused: number; closed: boolean }[];
  prefixes: { key: string; codes: number }[];
}

const METRICS_TOKEN = 'the-token-of-whoever-runs-it';
const TEST_NUMBER = '+639170000000';
/** Nine digits behind +63, of a block each time. */
const elsewhere = (n: number): string => `+639${String(17_000 + n)}0001`;

describe('the guard of codes by SMS', () => {
  let twilio: ProviderServer;
  let clock: HeldClock;

  beforeAll(async () => {
    twilio = await ProviderServer.start(smsApi('twilio'));
    clock = new HeldClock(new Date('2027-03-01T08:00:00Z'));
  });
  afterAll(() => twilio.stop());

  async function start(env: Record<string, string>) {
    const otpost = await startOtpost(
      {
        SMS_TRANSPORTS: `${SMS_ENTRIES.twilio}?endpoint=${twilio.url}`,
        SMS_COUNTRIES: 'PH,DE',
        METRICS_TOKEN,
        ...env,
      },
      clock,
    );
    const key = await createApiKey(otpost.database.url, ['verifications', 'admin']);
    const call = (path: string, body: object): Promise<Answer<Body>> =>
      otpost.api.post<Body>(`/v1/verifications${path}`, body, { authorization: `Bearer ${key}` });
    const request = (to: string): Promise<Answer<Body>> => call('', { to, purpose: 'checkout' });
    const figures = async (): Promise<Figures> => (await ask<Figures>(otpost, key, 'GET', '/v1/operations/sms')).body;
    return { otpost, key, call, request, figures };
  }

  /** The day as if so many codes had gone to that country, and so many had come back. */
  async function counted(otpost: Otpost, kind: string, key: string, codes: number, verified: number): Promise<void> {
    await otpost.database.query(
      `INSERT INTO sms_traffic (day, kind, key, messages, codes, verified) VALUES ($1, $2, $3, $4, $4, $5)
       ON CONFLICT (day, kind, key) DO UPDATE SET messages = $4, codes = $4, verified = $5`,
      [clock.now().toISOString().slice(0, 10), kind, key, codes, verified],
    );
  }

  it('counts codes that go out, and those that are given back', async () => {
    const { otpost, call, request, figures } = await start({});
    try {
      const { body } = await request(elsewhere(1));
      const [text] = await textsTo(twilio, elsewhere(1));
      expect(await figures()).toMatchObject({ messages: 1, countries: [{ key: 'PH', codes: 1, verified: 0 }] });
      await call(`/${body.id}/check`, { code: codeInText(text!) });
      expect(await figures()).toMatchObject({
        messages: 1,
        countries: [{ key: 'PH', codes: 1, verified: 1, closed: false }],
      });
      const rows = await otpost.database.query<{ kind: string; key: string }>('SELECT kind, key FROM sms_traffic');
      expect(rows.map(({ kind }) => kind).sort()).toEqual(['all', 'country', 'number', 'prefix']);
      expect(JSON.stringify(rows)).not.toContain(elsewhere(1));
    } finally {
      await otpost.stop();
    }
  });

  it('closes a country for the day in which too few come back, and no other one; mail goes on', async () => {
    const { otpost, request, figures } = await start({});
    try {
      await counted(otpost, 'country', 'PH', RULES.country.free, 0);
      const { status, headers, body } = await request(elsewhere(2));
      expect([status, body.code, body.detail]).toEqual([
        429,
        'sms_limited',
        'No more codes go to numbers of that country today.',
      ]);
      expect(Number(headers.get('retry-after'))).toBe(16 * 60 * 60);
      expect(body.remedy).toContain('by e-mail');
      expect((await request('+4930123456')).status).toBe(202);
      expect((await request('ada@example.com')).status).toBe(202);
      expect((await figures()).countries).toMatchObject([
        { key: 'DE', refused: 0, closed: false },
        { key: 'PH', codes: RULES.country.free, refused: 1, closed: true },
      ]);
      const { body: text } = await otpost.api.get<string>('/metrics', METRICS_TOKEN);
      expect(text).toContain('otpost_sms_country_closed{country="PH"} 1');
      expect(text).toContain('otpost_sms_codes_today{country="PH",result="refused"} 1');
      expect(text).not.toContain('+63');
      clock.advance(24 * 60 * 60);
      expect((await request(elsewhere(2))).status).toBe(202);
    } finally {
      await otpost.stop();
    }
  });

  it('closes a block of numbers, however many ask at once', async () => {
    const { otpost, request } = await start({});
    try {
      const numbers = Array.from({ length: RULES.prefix.free + 15 }, (_, n) => `+63917555${String(1_000 + n)}`);
      const answers = await Promise.all(numbers.map(request));
      const statuses = answers.map(({ status }) => status);
      expect(statuses.filter((status) => status === 202)).toHaveLength(RULES.prefix.free);
      expect(statuses.filter((status) => status === 429)).toHaveLength(15);
      expect((await request(elsewhere(3))).status).toBe(202);
    } finally {
      await otpost.stop();
    }
  });

  it('lets no more messages out than a day may have, copies included', async () => {
    const { otpost, call, request } = await start({ SMS_DAILY: '2' });
    try {
      const { body } = await request(elsewhere(4));
      clock.advance(31);
      expect((await call(`/${body.id}/resend`, {})).status).toBe(202);
      clock.advance(31);
      const again = await call(`/${body.id}/resend`, {});
      expect([again.status, again.body.code]).toEqual([429, 'sms_limited']);
      expect((await request(elsewhere(5))).body).toMatchObject({
        code: 'sms_limited',
        detail: 'No more codes go by SMS today.',
      });
      // The other channel is open.
      expect((await call(`/${body.id}/resend`, { to: 'ada@example.com' })).status).toBe(202);
    } finally {
      await otpost.stop();
    }
  });

  it('counts nothing of a copy that is refused, wherever it was to go', async () => {
    const { otpost, call, request, figures } = await start({});
    try {
      const { body } = await request('grace@example.com');
      clock.advance(31);
      expect((await call(`/${body.id}/resend`, { to: elsewhere(8) })).status).toBe(202);
      clock.advance(31);
      const other = await call(`/${body.id}/resend`, { to: elsewhere(9) });
      expect([other.status, other.body.code]).toEqual([422, 'same_channel']);
      expect(await figures()).toMatchObject({ messages: 1, countries: [{ key: 'PH', refused: 0 }] });
    } finally {
      await otpost.stop();
    }
  });

  it('does not count as given back what went by mail too, be it while the code was compared', async () => {
    const { otpost, call, request, figures } = await start({});
    const other = new pg.Client({ connectionString: otpost.database.url });
    await other.connect();
    try {
      const { body } = await request(elsewhere(7));
      const [text] = await textsTo(twilio, elsewhere(7));
      await other.query('BEGIN');
      await other.query(`UPDATE otp_challenges SET other_destination = 'ada@example.com' WHERE id = $1`, [body.id]);
      const checked = call(`/${body.id}/check`, { code: codeInText(text!) });
      await eventually(async () => {
        const waiting = await otpost.database.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
        return waiting.length > 0;
      }, 'the check to wait for the other request');
      await other.query('COMMIT');
      expect((await checked).body).toMatchObject({ status: 'approved', alsoTo: 'ada@example.com' });
      expect((await figures()).countries).toMatchObject([{ key: 'PH', codes: 1, verified: 0 }]);
    } finally {
      await other.end();
      await otpost.stop();
    }
  });

  it('only records where it is told to, and sends', async () => {
    const { otpost, request, figures } = await start({ SMS_GUARD: 'record' });
    try {
      await counted(otpost, 'country', 'PH', RULES.country.free, 0);
      expect((await request(elsewhere(6))).status).toBe(202);
      expect((await figures()).countries).toMatchObject([
        { key: 'PH', codes: RULES.country.free + 1, refused: 0, closed: true },
      ]);
    } finally {
      await otpost.stop();
    }
  });

  it('gives a number of test its code, sends it nothing, and forgets it on its last day', async () => {
    const { otpost, call, request } = await start({ SMS_TEST_NUMBERS: `${TEST_NUMBER}:424242:2027-03-05` });
    try {
      const before = twilio.requests.length;
      const { body } = await request(TEST_NUMBER);
      await eventually(async () => {
        const [row] = await otpost.database.query<{ status: string }>(
          'SELECT status FROM outbound_emails WHERE to_address = $1',
          [TEST_NUMBER],
        );
        return row?.status === 'sent';
      }, 'the message to be over');
      expect(twilio.requests).toHaveLength(before);
      expect((await call(`/${body.id}/check`, { code: '424242' })).body).toMatchObject({ status: 'approved' });
      clock.advance(5 * 24 * 60 * 60);
      const later = await request(TEST_NUMBER);
      expect((await call(`/${later.body.id}/check`, { code: '424242' })).body).toMatchObject({ code: 'otp_invalid' });
    } finally {
      await otpost.stop();
    }
  });
});
