import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';
import { MisbehavingSmtp, type Script } from '../../support/smtp/misbehaving-smtp.js';

/** Two messages at once, one of them for codes; one comes back in six minutes, which no test waits for. */
const SLOW = '10/h';

describe('the rate of each transport', () => {
  let otpost: Otpost | undefined;
  let first: MisbehavingSmtp;
  let second: MisbehavingSmtp;

  beforeAll(() => {
    TIMEOUTS.statesMs = 0;
  });
  afterEach(async () => {
    await otpost?.stop();
    await first.stop();
    await second.stop();
    otpost = undefined;
  });

  async function begin(options: {
    first?: string;
    second?: string;
    script?: Script;
    env?: Record<string, string>;
  }): Promise<void> {
    first = await MisbehavingSmtp.start(options.script);
    second = await MisbehavingSmtp.start();
    const transports = `${first.url}${options.first ?? ''},${second.url}${options.second ?? ''}`;
    otpost = await startOtpost({ MAIL_TRANSPORTS: transports, ...options.env });
  }

  async function letter(to: string): Promise<void> {
    const authorization = `Bearer ${await createApiKey(otpost!.database.url)}`;
    const { status } = await otpost!.api.post('/v1/emails', { to, subject: 'Hello', text: 'Hello' }, { authorization });
    expect(status).toBe(202);
  }

  async function tokens(): Promise<Record<string, number>> {
    const rows = await otpost!.database.query<{ transport: string; tokens: number }>(
      'SELECT transport, round(tokens) AS tokens FROM rate_buckets',
    );
    return Object.fromEntries(rows.map((row) => [row.transport, Number(row.tokens)]));
  }

  const taken = (server: MisbehavingSmtp, to: string) =>
    eventually(() => server.taken.includes(to), `the mail to ${to}`);
  const statusOf = async (to: string) =>
    (
      await otpost!.database.query<{ status: string }>('SELECT status FROM outbound_emails WHERE to_address = $1', [to])
    )[0]!.status;
  const statusesOf = async (like: string) =>
    (
      await otpost!.database.query<{ status: string }>('SELECT status FROM outbound_emails WHERE to_address LIKE $1', [
        like,
      ])
    ).map(({ status }) => status);
  const nameOf = ({ port }: MisbehavingSmtp) => `127.0.0.1:${port}`;

  it('lets ordinary mail wait when it is used up, and codes go by the next transport', async () => {
    await begin({ first: `?rate=${SLOW}` });
    await letter('one@example.com');
    await taken(first, 'one@example.com');
    await letter('two@example.com');
    await otpost!.api.register('code1@example.com');
    await taken(first, 'code1@example.com');
    await otpost!.api.register('code2@example.com');
    await taken(second, 'code2@example.com');
    expect([first.taken.length, second.taken]).toEqual([2, ['code2@example.com']]);
    expect(await statusOf('two@example.com')).toBe('queued');
    expect(await tokens()).toEqual({ [nameOf(first)]: 0 });
  });

  it('is MAIL_RATE where a transport has none of its own', async () => {
    await begin({ second: '?rate=20/h', env: { MAIL_RATE: SLOW } });
    for (const name of ['a', 'b', 'c']) await otpost!.api.register(`${name}@example.com`);
    await eventually(
      () => first.taken.length === 2 && second.taken.length === 1,
      'two by the first and one by the second',
    );
    await eventually(async () => (await tokens())[nameOf(second)] === 1, 'what was not needed to be given back');
    expect((await tokens())[nameOf(first)]).toBe(0);
  });

  it('is taken from the first transport that is open', async () => {
    await begin({ first: `?rate=${SLOW}`, second: `?rate=${SLOW}` });
    await otpost!.database.query(
      `UPDATE transport_states SET failures = 1, backoff_until = now() + interval '1 hour' WHERE name = $1`,
      [nameOf(first)],
    );
    await letter('one@example.com');
    await taken(second, 'one@example.com');
    await letter('two@example.com');
    await otpost!.api.register('code@example.com');
    await taken(second, 'code@example.com');
    expect(await statusOf('two@example.com')).toBe('queued');
    expect(first.connections).toBe(0);
    expect((await tokens())[nameOf(second)]).toBe(0);
  });

  it('is charged to the transport that takes over, which borrows rather than lets the message wait', async () => {
    let allAsked!: () => void;
    const after = new Promise<void>((resolve) => (allAsked = resolve));
    await begin({ second: `?rate=${SLOW}`, script: { greeting: { after, reply: '421 4.3.2 busy' } } });
    const codes = Array.from({ length: 5 }, (_, n) => `code@${n}.example.com`); // to one domain, only half of them would go side by side
    await Promise.all(codes.map((to) => otpost!.api.register(to)));
    await eventually(
      async () => (await statusesOf('code@%')).every((status) => status === 'sending'),
      'all to be tried',
    );
    allAsked();
    for (const to of codes) await taken(second, to);
    await eventually(async () => (await tokens())[nameOf(second)] === -3, 'the bucket to be in debt');
    await letter('later@example.com');
    await otpost!.api.register('wait@example.com');
    await eventually(
      async () => (await statusOf('wait@example.com')) === 'queued' && first.connections > 0,
      'what comes after to wait',
    );
    expect(second.taken).toHaveLength(5);
  });

  it('of two accounts at one server is one each', async () => {
    first = second = await MisbehavingSmtp.start({}, ['AUTH PLAIN']);
    const account = (user: string) => `smtp://${user}:pw@127.0.0.1:${first.port}?rate=${SLOW}`;
    otpost = await startOtpost({ MAIL_TRANSPORTS: `${account('one')},${account('two')}` });
    for (let n = 0; n < 3; n++) await otpost.api.register(`code${n}@example.com`);
    await eventually(() => first.taken.length === 3, 'three codes');
    await eventually(async () => (await tokens())[`${nameOf(first)}#2`] === 1, 'what was not needed to be given back');
    expect((await tokens())[nameOf(first)]).toBe(0);
  });
});
