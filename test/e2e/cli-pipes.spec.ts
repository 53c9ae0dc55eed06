import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { createApiKey } from '../support/api-key.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/otpost.js';

const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** Makes rows long. */
const LONG = ['d', 'e', 'f'].map((letter) => letter.repeat(60)).join('.');

describe('a command whose output nobody reads to its end', () => {
  let otpost: Otpost;
  let env: Record<string, string>;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-pipes-'));
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off' });
    env = { DATABASE_URL: otpost.database.url, APP_SECRET: TEST_SECRET };
    const authorization = `Bearer ${await createApiKey(otpost.database.url)}`;
    // More than the pipe holds (64 KiB on Linux), so that some of it is written once the reader has gone.
    for (let n = 0; n < 400; n += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, i) => otpost.api.post('/v1/emails', { to: `reader${n + i}@${LONG}.example`, subject: 'News', text: 'Hello.' }, { authorization })));
    }
  });
  afterAll(async () => {
    await otpost.stop();
    await rm(folder, { recursive: true });
  });

  /** In a shell, as people do; what the command itself ended with, and what it complained of. */
  async function piped(args: string, reader: string): Promise<{ code: number; complaint: string; read: string }> {
    const script = `{ "$NODE" "$CLI" ${args} 2>complaint; echo $? >code; } | ${reader}`;
    const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: folder, env: { PATH: process.env['PATH'], NODE: process.execPath, CLI, ...env } });
    const [code, complaint] = await Promise.all(['code', 'complaint'].map((name) => readFile(join(folder, name), 'utf8')));
    return { code: Number(code), complaint: complaint!, read: stdout };
  }

  it('has said a line to `head -1`, and ends as programs do at a pipe that was closed', async () => {
    const { code, complaint, read } = await piped('outbox list --limit 400', 'head -1');
    expect([code, complaint]).toEqual([141, '']);
    expect(read).toMatch(/^[^\n]+\n$/);
  });

  it.each([
    '--help', '--version', 'outbox list --help', 'outbox list', 'outbox stats --json', 'queue stats', 'transports list --json', 'keys list', 'keys create --name shop --scope emails:send',
    'admin list --json', 'audit list', 'signing-keys list', 'migrate --status', 'doctor', 'send --to ada@example.com --wait 1s',
  ])('ends quietly where its reader has gone before it speaks: otpost %s | true', async (args) => {
    const { code, complaint } = await piped(args, 'true');
    expect([code, complaint.includes('EPIPE'), /^ +at /m.test(complaint)]).toEqual([141, false, false]);
  });

  it('ends quietly where both of its outputs have no reader', async () => {
    for (const args of ['nonsense', 'keys create', 'outbox list']) {
      const script = `{ "$NODE" "$CLI" ${args} 2>&1; echo $? >code; } | true`;
      await promisify(execFile)('sh', ['-c', script], { cwd: folder, env: { PATH: process.env['PATH'], NODE: process.execPath, CLI, ...env } });
      expect([args, (await readFile(join(folder, 'code'), 'utf8')).trim()]).toEqual([args, '141']);
    }
  });
});
