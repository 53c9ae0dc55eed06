import { randomUUID } from 'node:crypto';
import { createDatabase } from '../support/database/postgres.js';
import type { SignedInBody } from '../support/service/api.js';
import { type Finished, runCli } from '../support/service/cli.js';
import { createNamedKey } from '../support/service/named-key.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';
import { ask } from '../support/service/staff.js';
import { eventually } from '../support/signals/wait.js';

const PASSWORD = 'correct horse battery staple';

describe('who has the host', () => {
  let service: Otpost;
  let env: Record<string, string>;

  beforeAll(async () => {
    service = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    env = { DATABASE_URL: service.database.url };
  });
  afterAll(() => service.stop());

  const otpost = (...args: string[]) => runCli(args, env);
  const parsed = <T>({ out }: Finished): T => JSON.parse(out) as T;
  const opens = async (key: string): Promise<number> =>
    (await ask(service, key, 'GET', `/v1/emails/${randomUUID()}`)).status;

  /** With a password on standard input. */
  const typing = (input: string, ...args: string[]) => runCli(args, env, { input });

  it.concurrent('makes a key that expires, and is told when', async () => {
    const making = (name: string, expires: string, ...more: string[]) =>
      otpost('keys', 'create', '--name', name, '--scope', 'emails:read', '--expires', expires, ...more);
    const [short, { err }] = await Promise.all([making('short', '90d', '--json'), making('day', '24h')]);
    const { expiresAt } = parsed<{ expiresAt: string }>(short);
    const [row] = await service.database.query<{ days: number; expires_at: Date }>(
      `SELECT extract(epoch FROM expires_at - created_at)::float8 / 86400 AS days, expires_at FROM api_keys WHERE name = 'short'`,
    );
    expect([row!.days, row!.expires_at.toISOString()]).toEqual([expect.closeTo(90, 2), expiresAt]);
    expect(err).toMatch(
      /^API key "day" with emails:read until \d{4}-\d\d-\d\d \d\d:\d\dZ\. It is shown this once; keep it now\./,
    );
  });

  it.concurrent('makes a key that sends from what it names alone, and its successor does too', async () => {
    const args = [
      '--name',
      'narrow',
      '--scope',
      'emails:send',
      '--sender',
      'Billing@Example.com',
      '--sender',
      '@news.example.com',
    ];
    const made = await otpost('keys', 'create', ...args);
    expect(made.err).toContain('with emails:send, sending from billing@example.com, @news.example.com.');
    const prefix = made.out.slice(0, 14);
    expect((await otpost('keys', 'rotate', prefix)).err).toContain(
      'sending from billing@example.com, @news.example.com.',
    );
    const listed = parsed<{ name: string; senders: string[] }[]>(await otpost('keys', 'list', '--json'));
    expect(listed.filter(({ name }) => name === 'narrow').map(({ senders }) => senders)).toEqual([
      ['billing@example.com', '@news.example.com'],
      ['billing@example.com', '@news.example.com'],
    ]);
    const refused = await otpost('keys', 'create', '--name', 'x', '--scope', 'emails:send', '--sender', 'example.com');
    expect([refused.code, refused.err]).toEqual([2, expect.stringContaining('--sender is an e-mail address')]);
  });

  it.concurrent('rotates a key: the new one alone goes to standard output, and both work meanwhile', async () => {
    const former = await createNamedKey(service.database, 'emails:read');
    const { code, out, err } = await otpost('keys', 'rotate', former.prefix, '--overlap', '12h');
    expect([code, out]).toEqual([0, expect.stringMatching(/^otp_live_[\w-]{43}\n$/)]);
    expect(err).toContain(`The old one, ${former.prefix}, works until`);
    expect([await opens(former.key), await opens(out.trim())]).toEqual([404, 404]);
    const again = await otpost('keys', 'rotate', former.id);
    expect([again.code, again.out, again.err]).toEqual([
      1,
      '',
      `${former.prefix} "test" has a successor already. Make a new one with: otpost keys create\n`,
    ]);
  });

  it.concurrent('rotates one without an overlap, and the old one is over', async () => {
    const former = await createNamedKey(service.database, 'emails:read');
    const { key } = parsed<{ key: string }>(await otpost('keys', 'rotate', former.id, '--overlap', '0h', '--json'));
    expect([await opens(former.key), await opens(key)]).toEqual([401, 404]);
  });

  it('makes an administrator who signs in with the password from standard input', async () => {
    expect((await otpost('admin', 'list')).err).toBe(
      'There is no administrator yet. Make one with: otpost admin create\n',
    );
    const { code, out, err } = await typing(
      `${PASSWORD}\n`,
      'admin',
      'create',
      '--email',
      'Ada@example.com',
      '--name',
      'Ada',
      '--password-stdin',
    );
    expect([code, out, err]).toEqual([
      0,
      '',
      'Ada@example.com is an administrator, and signs in with the password, or a code by mail.\n',
    ]);
    const { status, body } = await service.api.post<SignedInBody>('/v1/sessions', {
      email: 'ada@example.com',
      password: PASSWORD,
    });
    expect([status, body.account]).toMatchObject([200, { email: 'Ada@example.com', name: 'Ada', role: 'admin' }]);
    expect((await ask(service, body.accessToken, 'GET', '/v1/audit')).status).toBe(200);
    expect((await otpost('admin', 'list')).out).toMatch(/^Ada@example.com  admin  /m);
  });

  it('makes none with a bad password, or where the address has an account', async () => {
    const creating = ['admin', 'create', '--email', 'eve@example.com', '--password-stdin'];
    const [weak, nothing, known] = await Promise.all([
      typing('otpost123\n', ...creating),
      typing('', ...creating),
      otpost('admin', 'create', '--email', 'ada@example.com'),
    ]);
    expect([weak.code, weak.out, weak.err]).toEqual([1, '', expect.stringMatching(/^The password is the name/)]);
    expect([nothing.code, nothing.err]).toEqual([
      2,
      expect.stringContaining('There was no password on standard input.'),
    ]);
    expect([known.code, known.err]).toEqual([
      1,
      'There is an account with this address already. Give it the role with: otpost admin grant --email Ada@example.com\n',
    ]);
  });

  it('gives and takes roles, and keeps the last administrator', async () => {
    const { id } = parsed<{ id: string }>(await otpost('admin', 'create', '--email', 'grace@example.com', '--json'));
    const taken = await otpost('admin', 'grant', '--email', 'grace@example.com', '--role', 'operator');
    expect([taken.code, taken.err]).toEqual([0, 'grace@example.com has the role operator now; it was admin.\n']);
    const [last, nobody] = await Promise.all([
      otpost('admin', 'grant', '--email', 'ada@example.com', '--role', 'user'),
      otpost('admin', 'grant', '--email', 'none@example.com'),
    ]);
    expect([last.code, last.err]).toEqual([1, 'It is the last administrator. Make somebody else one first.\n']);
    expect([nobody.code, nobody.err]).toEqual([
      1,
      'There is no account with this address. Make one with: otpost admin create --email none@example.com\n',
    ]);
    expect(
      parsed<{ id: string; role: string }[]>(await otpost('admin', 'list', '--json')).map(({ id: one, role }) => [
        one === id,
        role,
      ]),
    ).toEqual([
      [false, 'admin'],
      [true, 'operator'],
    ]);
  });

  it('reads who did what, as a table and as JSON', async () => {
    const events = parsed<{ action: string; actor: object; target: { id: string }; result: string; details: object }[]>(
      await otpost('audit', 'list', '--action', 'role', '--json'),
    );
    expect(events.map(({ action, result, actor, details }) => ({ action, result, actor, details }))).toEqual([
      {
        action: 'role.changed',
        result: 'refused',
        actor: { kind: 'operator', id: null },
        details: { from: 'admin', to: 'user' },
      },
      {
        action: 'role.changed',
        result: 'done',
        actor: { kind: 'operator', id: null },
        details: { from: 'admin', to: 'operator' },
      },
    ]);
    const [table, all, none] = await Promise.all([
      otpost('audit', 'list', '--limit', '1', '--result', 'refused', '--target', events[0]!.target.id),
      otpost('audit', 'list', '--json', '--limit', '1000'),
      otpost('audit', 'list', '--actor', 'nobody'),
    ]);
    expect(table.out).toMatch(
      new RegExp(
        `^\\S+ \\S+Z  role.changed  refused  operator  account ${events[0]!.target.id}  -     from=admin to=user$`,
        'm',
      ),
    );
    for (const action of ['api_key.created', 'api_key.rotated', 'account.created']) expect(all.out).toContain(action);
    expect(all.out).not.toMatch(/otp_live_[\w-]{20}|correct horse|ada@/i);
    expect(none.err).toBe('Nothing was recorded that fits.\n');
  });
});

describe('a start in development', () => {
  const started = async (env: Record<string, string> = {}) => {
    const database = await createDatabase();
    const otpost = await OtpostProcess.start({
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      PORT: '0',
      ...env,
    });
    return { otpost, database };
  };
  const linkIn = (otpost: OtpostProcess): string | undefined =>
    /^ {2}Setup {2}http:\/\/localhost:\d+(\/setup\/[\w-]{43})$/m.exec(otpost.text)?.[1];

  it.concurrent('prints a link that makes the first administrator, on the console and not in the log, until there is one', async () => {
    const { otpost, database } = await started({ LOG_LEVEL: 'trace' });
    try {
      await eventually(() => otpost.text.includes('Ctrl-C'), 'the addresses');
      expect(otpost.text).toContain('Ctrl-C stops Otpost; Postgres goes on.');
      const link = linkIn(otpost)!;
      const { url } = await otpost.ready();
      const form = (email: string) => fetch(url + link, { method: 'POST', body: new URLSearchParams({ email }) });
      expect((await fetch(url + link)).status).toBe(200);
      expect([(await form('ada@example.com')).status, (await form('eve@example.com')).status]).toEqual([200, 404]);
      await eventually(
        () => otpost.output.some((line) => line.includes('"route":"/setup/:token"')),
        'the log of the requests',
      );
      for (const line of otpost.output.filter((text) => text.startsWith('{')))
        expect(line).not.toContain(link.split('/').at(-1));
    } finally {
      await otpost.stop();
    }
    const again = await OtpostProcess.start({ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, PORT: '0' });
    try {
      await eventually(() => again.text.includes('Ctrl-C'), 'the addresses');
      expect(linkIn(again)).toBeUndefined();
    } finally {
      await again.stop();
      await database.drop();
    }
  });

  it.concurrent.each([
    [
      'in production',
      {
        NODE_ENV: 'production',
        APP_URL: 'http://127.0.0.1',
        MAIL_FROM: 'a@example.com',
        MAIL_TRANSPORTS: 'capture:',
        HOST: '127.0.0.1',
      },
    ],
    ['by a worker', { ROLE: 'worker', WORKER_PORT: '0' }],
  ])('makes no link %s', async (_, env) => {
    const { otpost, database } = await started(env);
    try {
      expect(linkIn(otpost)).toBeUndefined();
    } finally {
      await otpost.stop();
    }
    expect(await database.query('SELECT 1 FROM setup_tokens')).toEqual([]);
    await database.drop();
  });
});
