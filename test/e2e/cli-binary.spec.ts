import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OperatedService } from '../support/service/cli-mail.js';
import { CLI, runBinary } from '../support/service/cli.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { postfixDsn } from '../support/smtp/bounces.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

/** Makes rows long. */
const LONG = ['d', 'e', 'f'].map((letter) => letter.repeat(60)).join('.');

/** The other tests of commands run them in the process; here is what only a process of its own has. */
describe('the program otpost', () => {
  let otpost: Otpost;
  let service: OperatedService;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-binary-'));
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', MAIL_FROM: 'no-reply@example.com' });
    service = await OperatedService.of(otpost, { APP_SECRET: TEST_SECRET, MAIL_FROM: 'no-reply@example.com' });
  });
  afterEach(() => service.reset());
  afterAll(async () => {
    await otpost.stop();
    await rm(folder, { recursive: true });
  });

  const environment = (): NodeJS.ProcessEnv => ({
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    NODE: process.execPath,
    CLI,
    ...service.env,
  });

  it.concurrent('explains itself, and ends with 2 where it does not understand', async () => {
    const [help, nonsense] = await Promise.all([runBinary(['--help']), runBinary(['nonsense'])]);
    expect([help.code, help.err, help.out]).toEqual([0, '', expect.stringMatching(/^Usage: otpost COMMAND/)]);
    expect([nonsense.code, nonsense.out, nonsense.err]).toEqual([
      2,
      '',
      expect.stringContaining('There is no command "nonsense".'),
    ]);
  });

  it.concurrent('works on the database of the .env beside it, and the environment comes first', async () => {
    const beside = await mkdtemp(join(folder, 'settings-'));
    await writeFile(join(beside, '.env'), `DATABASE_URL=${otpost.database.url}\nPORT=eighty\n`);
    const args = ['keys', 'create', '--name', 'billing', '--scope', 'emails:send'];
    const [made, refused] = await Promise.all([runBinary(args, { PORT: '0' }, beside), runBinary(args, {}, beside)]);
    expect([made.code, made.out]).toEqual([0, expect.stringMatching(/^otp_live_[\w-]{43}\n$/)]);
    expect([refused.code, refused.out, refused.err]).toEqual([1, '', expect.stringContaining('read "eighty"')]);
  });

  it('takes a bounce from a pipe', async () => {
    const source = join(folder, 'bounce.eml');
    await writeFile(
      source,
      postfixDsn({ id: await service.accept('ada@example.com'), recipient: 'grace@example.com' }),
    );
    const { stderr } = await promisify(execFile)('sh', ['-c', `cat ${source} | "$NODE" "$CLI" bounce`], {
      cwd: folder,
      env: environment(),
    });
    expect(stderr).toContain('no message of ours');
  });

  it('asks at a terminal, which `script` lends', async () => {
    const id = await service.accept('ada@example.com', { lane: 'bulk' });
    const command = [process.execPath, CLI, 'outbox', 'cancel', '--lane', 'bulk'].map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: folder, env: environment() });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('[y/N]')) child.stdin.end('y\n');
    });
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    expect([code, said, await service.statusOf(id)]).toEqual([
      0,
      expect.stringContaining('1 message cancelled.'),
      'cancelled',
    ]);
  });

  it('has said a line to `head -1`, and ends as programs do at a pipe that was closed', async () => {
    // More than the pipe holds (64 KiB on Linux), so that some of it is written once the reader has gone.
    const rows = `INSERT INTO outbound_emails (id, lane, status, from_address, to_address, to_canonical, locale, seal_key_id, secret, max_attempts, message_id)
      SELECT gen_random_uuid(), 'bulk', 'sent', 'a@b.c', $1, $1, 'en', 'x', false, 1, n::text FROM generate_series(1, 400) AS n`;
    await otpost.database.query(rows, [`reader@${LONG}.example`]);
    const script = '{ "$NODE" "$CLI" outbox list --limit 400 --show-addresses 2>complaint; echo $? >code; } | head -1';
    const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: folder, env: environment() });
    const [code, complaint] = await Promise.all(
      ['code', 'complaint'].map((name) => readFile(join(folder, name), 'utf8')),
    );
    expect([code, complaint, stdout]).toEqual(['141\n', '', expect.stringMatching(/^[^\n]+\n$/)]);
  });

  it.each(['--help', 'nonsense 2>&1'])(
    'ends quietly where its reader has gone before it speaks: otpost %s | true',
    async (args) => {
      const script = `exec 4> >(true); wait $!; >&4 "$NODE" "$CLI" ${args}; echo $? >code`;
      const { stderr } = await promisify(execFile)('bash', ['-c', script], { cwd: folder, env: environment() });
      expect([await readFile(join(folder, 'code'), 'utf8'), stderr]).toEqual(['141\n', '']);
    },
  );

  it('finishes at Ctrl-C what is under way, and gives back the rest', async () => {
    const held: (() => void)[] = [];
    const sink = await SmtpSink.start({ onMailFrom: (_address, _session, done) => void held.push(done) });
    await Promise.all(Array.from({ length: 5 }, (_, n) => service.accept(`number${n}@example.com`)));
    const child = spawn(process.execPath, [CLI, 'queue', 'drain', '--json'], {
      cwd: folder,
      env: { ...environment(), MAIL_TRANSPORTS: sink.url, WORKER_CONCURRENCY: 'default:1' },
    });
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => void (out += chunk.toString()));
    await eventually(() => held.length > 0, 'a delivery to be under way');
    child.kill('SIGINT');
    const releasing = setInterval(() => held.splice(0).forEach((done) => done()), 20);
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    clearInterval(releasing);
    await sink.stop();
    const { endings, due } = JSON.parse(out) as { endings: { sent: number }; due: number };
    expect([code, endings.sent + due, endings.sent < 5]).toEqual([3, 5, true]);
  });
});
