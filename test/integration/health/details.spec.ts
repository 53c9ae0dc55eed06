import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { signIn } from '../../support/service/staff.js';
import { eventually } from '../../support/signals/wait.js';

const METRICS_TOKEN = 'a-token-for-the-scraper';
const PRODUCTION = {
  NODE_ENV: 'production',
  HOST: '127.0.0.1',
  APP_URL: 'https://otpost.example.com',
  MAIL_FROM: 'Acme <no-reply@example.com>',
  MAIL_TRANSPORTS: 'smtp://127.0.0.1:2525,capture:',
  INBOX_TOKEN: 'a-token-for-the-inbox',
  METRICS_TOKEN,
};

interface Told {
  status: string;
  details?: object;
  workers?: object[];
}

describe('what health tells', () => {
  let otpost: Otpost;
  let development: Otpost;

  beforeAll(async () => {
    development = await startOtpost({ OUTBOX_RESCUE: 'off' });
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', ...PRODUCTION });
    await otpost.database.query(`INSERT INTO workers (name, lanes) VALUES ('secret-host:4711', '{critical}')`);
  });
  afterAll(() => Promise.all([otpost.stop(), development.stop()]));

  const told = async (path: string, token?: string) => (await otpost.api.get<Told>(path, token)).body;
  const isTold = async (token: string | undefined): Promise<boolean[]> => {
    const [health, mail] = [await told('/health', token), await told('/health/mail', token)];
    expect(['ok', 'degraded']).toContain(health.status);
    expect(mail.status).toBe('degraded');
    return [health.details !== undefined, mail.workers !== undefined];
  };

  it('is the bare status for everybody, with the codes that it always has', async () => {
    for (const token of [undefined, 'another-token-than-that', 'e30.e30.e30', `otp_live_${'x'.repeat(43)}`]) {
      expect(Object.keys(await told('/health', token))).toEqual(['status']);
      expect(await told('/health/mail', token)).toEqual({ status: 'degraded' });
    }
    const strict = await otpost.api.get('/health/mail?strict');
    expect([strict.status, strict.body]).toEqual([503, { status: 'degraded' }]);
  });

  it('is everything for the holder of METRICS_TOKEN', async () => {
    await eventually(
      async () => JSON.stringify(await told('/health/mail', METRICS_TOKEN)).includes('secret-host:4711'),
      'the worker',
    );
    expect(await isTold(METRICS_TOKEN)).toEqual([true, true]);
  });

  it('is everything for an API key of scope admin, and for no other', async () => {
    expect(await isTold(await createApiKey(otpost.database.url, ['admin']))).toEqual([true, true]);
    expect(
      await isTold(await createApiKey(otpost.database.url, ['emails:send', 'emails:read', 'verifications'])),
    ).toEqual([false, false]);
  });

  it.each([
    ['operator', true],
    ['admin', true],
    ['user', false],
  ] as const)('of a person with the role %s: everything is %s', async (role, right) => {
    const { accessToken } = await signIn(development, `${role}@example.com`, role);
    expect((await toStranger('/health', accessToken)).details !== undefined).toBe(right);
  });

  it('is the bare status in development too, for whoever does not sit at the machine', async () => {
    expect(Object.keys(await toStranger('/health'))).toEqual(['status']);
    expect((await development.api.get<Told>('/health')).body.details).toBeDefined();
  });

  it('is the bare status where it cannot be looked up who asks, and everything for METRICS_TOKEN all the same', async () => {
    const key = await createApiKey(otpost.database.url, ['admin']);
    await otpost.database.query('ALTER TABLE api_keys RENAME TO api_keys_away');
    try {
      expect(await isTold(key)).toEqual([false, false]);
      expect(await isTold(METRICS_TOKEN)).toEqual([true, true]);
    } finally {
      await otpost.database.query('ALTER TABLE api_keys_away RENAME TO api_keys');
    }
  });

  /** As a page of a stranger asks that renamed itself to this machine: not under our name. */
  async function toStranger(path: string, token?: string): Promise<Told> {
    const headers = { host: 'evil.example', ...(token ? { authorization: `Bearer ${token}` } : {}) };
    const [response] = (await once(get(development.api.url + path, { headers }), 'response')) as [IncomingMessage];
    return JSON.parse(await text(response)) as Told;
  }
});
