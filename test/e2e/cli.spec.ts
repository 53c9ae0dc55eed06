import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Api } from '../support/service/api.js';
import { type Finished, runCli } from '../support/service/cli.js';
import { createNamedKey } from '../support/service/named-key.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { type Otpost, startOtpost } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { MisbehavingSmtp } from '../support/smtp/misbehaving-smtp.js';

const MAIL = { to: 'ada@example.com', subject: 'Hello', text: 'Hello, Ada.' };

interface ShownKey {
  id: string;
  name: string;
  prefix: string;
  scopes: string[];
  createdAt: string;
  lastUsedAt: string | null;
  revokedAt: string | null;
  key?: string;
}

describe('the command otpost', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-cli-'));
    await chmod(folder, 0o755); // started by root, the embedded Postgres runs as another user inside
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** In a folder without a .env. */
  const otpost = (args: string[], env?: Record<string, string>): Promise<Finished> =>
    runCli(args, env, { cwd: folder });

  /** The status of an attempt to send with the key. */
  async function sends(api: Api, key: string): Promise<number> {
    return (await api.post('/v1/emails', MAIL, { authorization: `Bearer ${key}` })).status;
  }

  describe('on the database of DATABASE_URL', () => {
    let service: Otpost;
    let env: Record<string, string>;

    beforeAll(async () => {
      service = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
      env = { DATABASE_URL: service.database.url };
    });
    afterAll(() => service.stop());

    it.concurrent('makes a key that opens the API at once, and prints nothing else to standard output', async () => {
      const { code, out, err } = await otpost(
        ['keys', 'create', '--name', 'billing', '--scope', 'emails:send', '--scope', 'emails:read'],
        env,
      );
      expect([code, out]).toEqual([0, expect.stringMatching(/^otp_live_[\w-]{43}\n$/)]);
      expect(err).toContain('API key "billing" with emails:send, emails:read.');
      expect(err).not.toContain(out.trim());
      expect(await sends(service.api, out.trim())).toBe(202);
    });

    it.concurrent('makes one for a program, as JSON', async () => {
      const { code, out, err } = await otpost(['keys', 'create', '--name=ci', '--scope=admin', '--json'], env);
      expect([code, err]).toEqual([0, '']);
      const made = JSON.parse(out) as ShownKey;
      expect(made).toMatchObject({ name: 'ci', scopes: ['admin'], lastUsedAt: null, revokedAt: null });
      expect(made.key!.startsWith(made.prefix)).toBe(true);
      expect(await sends(service.api, made.key!)).toBe(202);
    });

    it.concurrent('lists keys for people and for programs, without the keys', async () => {
      const { key, prefix, id } = await createNamedKey(service.database, 'emails:read');
      const [table, json] = await Promise.all([otpost(['keys', 'list'], env), otpost(['keys', 'list', '--json'], env)]);
      expect(table.code).toBe(0);
      expect(table.out).toMatch(new RegExp(`^${prefix}  test +emails:read +any +.*Z  -  +-  +-  +${id}$`, 'm'));
      const found = (JSON.parse(json.out) as ShownKey[]).find((shown) => shown.id === id);
      expect(found).toEqual({
        id,
        name: 'test',
        prefix,
        scopes: ['emails:read'],
        senders: [],
        createdAt: expect.any(String) as string,
        lastUsedAt: null,
        expiresAt: null,
        revokedAt: null,
        replacedBy: null,
      });
      expect(table.out + json.out).not.toContain(key.slice(14));
    });

    it.concurrent.each(['prefix', 'id'] as const)('revokes a key by its %s, from the next request on', async (by) => {
      const { key, ...names } = await createNamedKey(service.database, 'emails:send');
      expect(await sends(service.api, key)).toBe(202);
      const revoked = await otpost(['keys', 'revoke', names[by]], env);
      expect(revoked).toEqual({ code: 0, out: '', err: `Revoked ${names.prefix} "test".\n` });
      expect(await sends(service.api, key)).toBe(401);
      expect((await otpost(['keys', 'revoke', names[by]], env)).err).toContain('was revoked already');
    });

    it.concurrent('says so, and exits 1, when there is no such key', async () => {
      const { code, err } = await otpost(['keys', 'revoke', 'otp_live_none1'], env);
      expect([code, err]).toEqual([1, 'There is no such API key. Compare with: otpost keys list\n']);
    });
  });

  describe('and the transports', () => {
    let service: Otpost;
    let server: MisbehavingSmtp;
    let env: Record<string, string>;
    let name: string;

    beforeAll(async () => {
      server = await MisbehavingSmtp.start({ AUTH: '535 5.7.8 wrong' }, ['AUTH PLAIN']);
      const account = (user: string) => `smtp://${user}:wrong@127.0.0.1:${server.port}`;
      service = await startOtpost({ MAIL_TRANSPORTS: `${account('one')},${account('two')}` });
      env = { DATABASE_URL: service.database.url, MAIL_TRANSPORTS: `${account('one')},${account('two')}` };
      name = `127.0.0.1:${server.port}`;
    });
    afterAll(async () => {
      await service.stop();
      await server.stop();
    });

    const list = async () =>
      JSON.parse((await otpost(['transports', 'list', '--json'], env)).out) as { name: string; state: string }[];

    it('lists them with their troubles, the second account at a server under a name of its own', async () => {
      expect(await list()).toMatchObject([
        { name, state: 'open' },
        { name: `${name}#2`, state: 'open' },
      ]);
      await service.api.register('ada@example.com');
      const paused = () => service.database.query('SELECT 1 FROM transport_states WHERE paused_at IS NOT NULL');
      await eventually(async () => (await paused()).length === 2, 'both to be paused');
      await service.database.query('INSERT INTO transport_hosts (name, host, failures) VALUES ($1, $2, 1)', [
        name,
        'web-1',
      ]);
      const [[first, second], { code, out }] = await Promise.all([list(), otpost(['transports', 'list'], env)]);
      expect(first).toMatchObject({
        state: 'paused',
        pauseReason: 'smtp_auth',
        pausedAt: expect.any(String) as string,
        unreachableFrom: [{ host: 'web-1' }],
      });
      expect([second!.state, code]).toEqual(['paused', 0]);
      expect(out).toMatch(new RegExp(`^${name}    paused  smtp_auth  \\S+ \\S+Z  \\S+ \\S+Z  web-1$`, 'm'));
      expect(out).toMatch(new RegExp(`^${name}#2  paused  smtp_auth  .*  -$`, 'm'));
    });

    it('resumes one by its name, and mail goes out that way within seconds', async () => {
      // What a worker knows of a transport may be a second old, and what was tried just now is told to the message
      // after it.
      await eventually(
        async () =>
          (
            await service.database.query(
              `SELECT 1 FROM email_events HAVING max(at) < clock_timestamp() - interval '2 s'`,
            )
          ).length === 1,
        'the last try to be over',
      );
      server.script = {};
      const resumed = await otpost(['transports', 'resume', `${name}#2`], env);
      expect(resumed).toEqual({ code: 0, out: '', err: `Resumed ${name}#2.\n` });
      await service.api.register('grace@example.com');
      await eventually(() => server.taken.includes('grace@example.com'), 'the mail to be handed over');
      const [now, again] = await Promise.all([list(), otpost(['transports', 'resume', `${name}#2`], env)]);
      expect(now).toMatchObject([
        { name, state: 'paused' },
        { name: `${name}#2`, state: 'open' },
      ]);
      expect(again.err).toBe(`${name}#2 is open; there was nothing to resume.\n`);
    });

    it('resumes it on the hosts too, and tells programs what it did', async () => {
      const { code, out, err } = await otpost(['transports', 'resume', name, '--json'], env);
      expect([code, err, JSON.parse(out)]).toEqual([0, '', { name, resumed: true, hosts: ['web-1'] }]);
      const recorded = await service.database.query(
        `SELECT actor_kind, target_id, details FROM audit_events WHERE action = 'transport.resumed' ORDER BY id`,
      );
      expect(recorded).toEqual([
        { actor_kind: 'operator', target_id: `${name}#2`, details: { hosts: 0 } },
        { actor_kind: 'operator', target_id: name, details: { hosts: 1 } },
      ]);
    });

    it('lists one that left the configuration as not configured, and says so where it cannot know', async () => {
      const listed = (more: Record<string, string>, ...flags: string[]) =>
        otpost(['transports', 'list', ...flags], { DATABASE_URL: service.database.url, ...more });
      const one = { MAIL_TRANSPORTS: env['MAIL_TRANSPORTS']!.split(',')[0]! };
      const [left, leftJson, unknown, unknownJson] = await Promise.all([
        listed(one),
        listed(one, '--json'),
        listed({}),
        listed({}, '--json'),
      ]);
      expect(left.out).toMatch(new RegExp(`^${name}    open `, 'm'));
      expect(left.out).toMatch(new RegExp(`^${name}#2  not_configured `, 'm'));
      expect(left.err).toContain('not_configured is in the MAIL_TRANSPORTS of this command no more');
      expect(JSON.parse(leftJson.out)).toMatchObject([
        { name, state: 'open', configured: true },
        { name: `${name}#2`, state: 'not_configured', configured: false },
      ]);
      expect(unknown.err).toContain('Run it with the environment of a worker.');
      expect(JSON.parse(unknownJson.out)).toMatchObject([
        { name, state: 'open', configured: null },
        { name: `${name}#2`, configured: null },
      ]);
    });

    it('says which there are when there is no such transport', async () => {
      const { code, out, err } = await otpost(['transports', 'resume', 'smtp.example.com:25'], env);
      expect([code, out]).toEqual([1, '']);
      expect(err).toBe(`There is no transport "smtp.example.com:25". There are: ${name}, ${name}#2.\n`);
    });
  });

  // By itself, for it loads the engine of the migrations, and Jest lets only a test load what is not loaded yet.
  it('makes a key in the data folder before Otpost ever ran there, while it runs, and after it ended', async () => {
    const env = { DATA_DIR: join(folder, 'data') };
    const create = (name: string) => otpost(['keys', 'create', '--name', name, '--scope', 'emails:send'], env);
    const before = await create('before');
    expect([before.code, before.out]).toEqual([0, expect.stringMatching(/^otp_live_/)]);

    const service = await OtpostProcess.start({ ...env, PORT: '0' }, { cwd: folder });
    try {
      const during = await create('during');
      expect([during.code, during.err]).toEqual([0, expect.not.stringContaining('Applied')]);
      const api = await service.api();
      expect([await sends(api, before.out.trim()), await sends(api, during.out.trim())]).toEqual([202, 202]);
      expect((await api.get('/health')).status).toBe(200);
    } finally {
      await service.stop();
    }

    const { out } = await otpost(['keys', 'list', '--json'], env);
    expect((JSON.parse(out) as ShownKey[]).map(({ name, lastUsedAt }) => [name, lastUsedAt !== null])).toEqual([
      ['before', true],
      ['during', true],
    ]);
  });

  it.concurrent.each([[['--help']], [['-h']], [['keys', '--help']]])('explains itself: %j', async (args) => {
    const { code, out, err } = await otpost(args);
    expect([code, err]).toEqual([0, '']);
    for (const command of ['keys create', 'keys list', 'keys rotate', 'keys revoke']) expect(out).toContain(command);
  });

  it.concurrent.each([
    ['keys', 'create'],
    ['keys', 'list'],
    ['keys', 'rotate'],
    ['keys', 'revoke'],
    ['admin', 'create'],
    ['admin', 'grant'],
    ['admin', 'list'],
    ['audit', 'list'],
    ['transports', 'list'],
    ['transports', 'resume'],
  ])('explains %s %s', async (group, name) => {
    const { code, out, err } = await otpost([group, name, '--help']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(new RegExp(`^Usage: otpost ${group} ${name}`));
  });

  it.concurrent.each([
    [[], 'Usage: otpost COMMAND'],
    [['keys'], 'Say what to do with "keys".'],
    [['keys', 'destroy'], 'There is no command "keys destroy".'],
    [['keys', 'create', '--scope', 'emails:send'], 'Give the key a name with --name.'],
    [['keys', 'create', '--name', ' ', '--scope', 'emails:send'], 'Give the key a name with --name.'],
    [
      ['keys', 'create', '--name', 'x'],
      'Give the key a scope with --scope: emails:send, emails:read, emails:read:own, suppressions:read, suppressions:write, verifications, audiences, webhooks, admin.',
    ],
    [['keys', 'create', '--name', 'x', '--scope', 'emails:delete'], 'There is no scope "emails:delete"'],
    [['keys', 'create', '--name', 'x', '--scope', 'admin', '--force'], "Unknown option '--force'"],
    [['keys', 'list', 'all'], "Unexpected argument 'all'"],
    [
      ['keys', 'create', '--name', 'x', '--scope', 'admin', '--expires', 'soon'],
      '--expires is a number of days or hours',
    ],
    [['keys', 'rotate'], 'Name one key, by its prefix or its id.'],
    [['keys', 'rotate', 'a', '--overlap', '8d'], '--overlap is a number of hours or days, at most 7d'],
    [['admin', 'create'], 'Name the account with --email.'],
    [['admin', 'create', '--email', 'ada'], '--email must be an e-mail address'],
    [
      ['admin', 'grant', '--email', 'ada@example.com', '--role', 'owner'],
      'There is no role "owner"; there are user, viewer, operator, admin.',
    ],
    [['audit', 'list', '--since', 'yesterday'], '--since is a date and time'],
    [['audit', 'list', '--limit', '0'], '--limit is a whole number'],
    [['audit', 'list', '--result', 'maybe'], '--result is done or refused.'],
    [['keys', 'revoke'], 'Name one key, by its prefix or its id.'],
    [['transports', 'resume'], 'Name one transport'],
    [['transports', 'list', 'all'], "Unexpected argument 'all'"],
    [['keys', 'revoke', 'a', 'b'], 'Name one key, by its prefix or its id.'],
  ])('refuses %j with exit code 2, before it touches a database', async (args, says) => {
    const { code, out, err } = await otpost(args, { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' });
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(says);
    expect(err).not.toMatch(/^ +at /m);
  });

  it.concurrent('says in one line why the database cannot be used, without its password', async () => {
    const { code, out, err } = await otpost(['keys', 'list'], {
      DATABASE_URL: 'postgres://ada:hunter22@127.0.0.1:9/none',
    });
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('Cannot use the database postgres://ada:***@127.0.0.1:9/none');
    expect(err).not.toContain('hunter22');
    expect(err).not.toMatch(/^ +at /m);
  });
});
