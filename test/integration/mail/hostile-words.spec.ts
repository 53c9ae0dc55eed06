import { KEYS } from '../../support/http/provider-apis.js';
import { ProviderServer } from '../../support/http/provider-server.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { MisbehavingSmtp } from '../../support/smtp/misbehaving-smtp.js';

interface Recorded {
  status: string;
  reply: string | null;
  attempts: number;
  provider_message_id: string | null;
}

/** What Postgres cannot hold as text, or JSON cannot carry, and where a cut at 1,000 characters would make it so. */
const WORDS: [string, string, string][] = [
  ['that a cut would leave with half of a pair', `250 ${'a'.repeat(995)}😀😀😀`, `250 ${'a'.repeat(995)}`],
  ['with a NUL', '250 taken\0 as it is', '250 taken  as it is'],
  ['that is a NUL', '250 \0', '250'],
];

describe('the words of a hostile server', () => {
  let smtp: MisbehavingSmtp;
  let provider: ProviderServer;
  let otpost: Otpost;
  let key: string;

  beforeAll(async () => {
    smtp = await MisbehavingSmtp.start();
    provider = await ProviderServer.start('resend');
    otpost = await startOtpost({ MAIL_TRANSPORTS: `${smtp.url},resend:${KEYS.resend}?endpoint=${provider.url}` });
    key = await createApiKey(otpost.database.url);
  });
  afterAll(async () => {
    await otpost.stop();
    await smtp.stop();
    await provider.stop();
  });

  async function send(to: string): Promise<string> {
    const mail = { to, subject: 'Hello', text: 'Hello.', lane: 'critical' };
    const { body } = await otpost.api.post<{ id: string }>('/v1/emails', mail, { authorization: `Bearer ${key}` });
    return body.id;
  }

  async function recorded(id: string): Promise<Recorded> {
    return eventually(async () => {
      const [row] = await otpost.database.query<Recorded>(
        'SELECT status, last_reply AS reply, attempts, provider_message_id FROM outbound_emails WHERE id = $1',
        [id],
      );
      return row && !['queued', 'sending'].includes(row.status) && row;
    }, 'the outcome to be recorded');
  }

  it.each(WORDS)('%s do not keep it from being recorded: sent, and once', async (_, reply, kept) => {
    await smtp.startAnew({ 'after the dot': reply });
    const id = await send('ada@example.com');
    const { status, attempts, reply: words } = await recorded(id);
    expect([status, attempts, words?.trim()]).toEqual(['sent', 1, kept]);
    expect(smtp.taken).toEqual(['ada@example.com']);
  });

  it.each(WORDS)('%s cost those nothing whose outcomes are recorded with it', async (_, reply) => {
    await smtp.startAnew({ 'after the dot': (time) => (time === 2 ? reply : undefined) });
    const people = ['eve1@example.com', 'eve2@example.com', 'eve3@example.com'];
    const outcomes = await Promise.all((await Promise.all(people.map(send))).map(recorded));
    expect(outcomes.map(({ status, attempts }) => [status, attempts])).toEqual(people.map(() => ['sent', 1]));
    expect([...smtp.taken].sort()).toEqual(people);
  });

  it('that are a refusal suppress all the same', async () => {
    await smtp.startAnew({ RCPT: `550 5.1.1 no such \0user ${'a'.repeat(975)}😀` });
    const { status, reply } = await recorded(await send('gone@example.com'));
    expect([status, reply]).toEqual(['failed', expect.stringMatching(/^550 5\.1\.1 no such {2}user a+$/) as string]);
  });

  it.each([
    ['{"id":"\\u0000an-id"}', 'an-id'],
    ['{"id":"\\ud800-an-id"}', '\ufffd-an-id'],
    ['{"id":"an-id","note":"\\ud800\\u0000"}', 'an-id'],
  ])('of a provider, %s, are recorded too', async (body, providerId) => {
    await smtp.startAnew({ MAIL: '421 4.3.2 busy' });
    await otpost.database.query(
      `UPDATE transport_states SET paused_at = now(), pause_reason = 'test' WHERE name LIKE '127%'`,
    );
    provider.script = () => ({ status: 200, headers: { 'content-type': 'application/json' }, body });
    const before = provider.taken.length;
    const outcome = await recorded(await send('ada@example.com'));
    expect([outcome.status, outcome.attempts, outcome.provider_message_id?.trim()]).toEqual(['sent', 1, providerId]);
    expect(provider.taken).toHaveLength(before + 1);
  });
});
