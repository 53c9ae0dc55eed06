import { answersIn, RawClient } from '../../support/http/raw-client.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

const MIB = 1024 * 1024;
/** Of SendGrid, whose proof is over the body; and of Postmark, whose proof is a header. */
const HOOK_SECRETS =
  'sendgrid:MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA==,postmark:user:a-long-password-of-ours';

describe('a body that is larger than most', () => {
  let otpost: Otpost;
  let keys: { sends: string; reads: string };

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', HOOK_SECRETS });
    keys = {
      sends: await createApiKey(otpost.database.url, ['emails:send']),
      reads: await createApiKey(otpost.database.url, ['emails:read']),
    };
  });
  afterAll(() => otpost.stop());

  const head = (path: string, more = '', length = MIB): string =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n${more}\r\n`;
  const bearer = (token: string): string => `Authorization: Bearer ${token}\r\n`;

  async function answerTo(text: string): Promise<{ status: number; code: string }> {
    const client = (await RawClient.open(otpost.api.url)).read();
    client.write(text);
    const { status, body } = await eventually(() => answersIn(client.text)[0], 'an answer before the body');
    client.hangUp();
    return { status, code: (JSON.parse(body) as { code: string }).code };
  }

  it.each([
    ['/v1/emails', 'nobody', '', 401, 'unauthorized'],
    ['/v1/emails', 'an unknown key', bearer(`otp_live_${'x'.repeat(43)}`), 401, 'unauthorized'],
    ['/v1/hooks/dsn', 'nobody', '', 401, 'unauthorized'],
    ['/v1/hooks/nobody', 'a provider that is none', '', 404, 'hook_not_configured'],
    ['/v1/hooks/brevo', 'a provider that is not ours', '', 404, 'hook_not_configured'],
    ['/v1/hooks/postmark', 'Postmark without its password', '', 403, 'hook_refused'],
    [
      '/v1/hooks/Postmark',
      'Postmark with another password',
      `Authorization: Basic ${Buffer.from('user:x').toString('base64')}\r\n`,
      403,
      'hook_refused',
    ],
  ])('at %s from %s is refused before any of it came', async (path, _, headers, status, code) => {
    expect(await answerTo(head(path, headers))).toEqual({ status, code });
  });

  it('is refused before any of it came where the key lacks the scope, and read where it has it', async () => {
    expect(await answerTo(head('/v1/emails', bearer(keys.reads)))).toEqual({ status: 403, code: 'scope_missing' });
    expect(await answerTo(head('/v1/hooks/dsn', bearer(keys.sends)))).toEqual({ status: 403, code: 'scope_missing' });
    const text = JSON.stringify({ to: 'ada@example.com', subject: 'large', text: 'x'.repeat(900_000) });
    const { status } = await otpost.api.post('/v1/emails', JSON.parse(text), { authorization: `Bearer ${keys.sends}` });
    expect(status).toBe(202);
  });

  it('that was refused leaves the connection good for the next request', async () => {
    const client = (await RawClient.open(otpost.api.url)).read();
    client.write(head('/v1/emails', '', 100_000));
    await eventually(() => answersIn(client.text).length === 1, 'the refusal');
    client.write(Buffer.alloc(100_000, ' '));
    client.write('GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await eventually(() => answersIn(client.text).length === 2, 'the answer to the next');
    expect(answersIn(client.text).map(({ status }) => status)).toEqual([401, 200]);
    client.hangUp();
  });

  it('gives way when too many are held back: the oldest is told to come back, and whoever sends all of a body is served', async () => {
    const clients: RawClient[] = [];
    const part = Buffer.alloc(MIB - 1, ' ');
    for (let n = 0; n < 34; n++) {
      const client = (await RawClient.open(otpost.api.url)).read();
      clients.push(client);
      client.write(head('/v1/hooks/sendgrid'));
      client.write(part);
      await client.sent();
    }
    const [first, second] = clients;
    for (const client of [first!, second!]) {
      const [answer] = answersIn(await client.untilClosed());
      expect([answer!.status, (JSON.parse(answer!.body) as { code: string }).code]).toEqual([503, 'busy']);
      expect(answer!.headers).toMatch(/^retry-after: 2\r$/m);
      expect(answer!.headers).toMatch(/^connection: close\r$/m);
    }
    const { status } = await otpost.api.post(
      '/v1/emails',
      { to: 'ada@example.com', subject: 'a', text: 'x'.repeat(900_000) },
      { authorization: `Bearer ${keys.sends}` },
    );
    expect(status).toBe(202);
    const last = clients.at(-1)!;
    last.write(' ');
    await eventually(() => answersIn(last.text).length === 1, 'the answer to the last');
    expect(answersIn(last.text)[0]!.status).toBe(403);
    for (const client of clients) client.hangUp();
  });
});
