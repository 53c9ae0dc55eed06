import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { expectNothingTold, tellStory, type Told } from '../support/service/story.js';
import { eventually } from '../support/signals/wait.js';

describe('the first minute, with nothing but Node', () => {
  let folder: string;
  let env: Record<string, string>;
  let running: OtpostProcess | undefined;
  let accountId: string;
  const told: Told[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'otpost-first-'));
    await chmod(folder, 0o755); // started by root, Postgres runs as another user inside
    env = { DATA_DIR: join(folder, '.data'), PORT: '0' };
  });
  afterAll(async () => {
    await running?.stop('SIGINT');
    await rm(folder, { recursive: true, force: true });
  });

  async function postmaster(): Promise<number> {
    return Number((await readFile(join(env['DATA_DIR']!, 'postgres/postmaster.pid'), 'utf8')).split('\n')[0]);
  }

  /** The commands of docs/operations.md. */
  async function documented(): Promise<{ keep: string; bringBack: string }> {
    const operations = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    return {
      keep: /^test ! -e \.data.*$/m.exec(operations)![0],
      bringBack: /`(tar -xzf otpost-data\.tgz)`/.exec(operations)![1]!,
    };
  }

  const bash = (command: string, cwd = folder): Buffer =>
    execFileSync('bash', ['-ec', command], { cwd, stdio: 'pipe' });

  const lives = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  it('makes its database, and says where to look', async () => {
    running = await OtpostProcess.start(env);
    expect(running.text).toContain('Applied migration');
    const { url } = await running.ready();
    const port = new URL(url!).port;
    await eventually(() => running!.text.includes('Ctrl-C'), 'the addresses');
    for (const place of ['', '/inbox', '/docs']) expect(running.text).toContain(`http://localhost:${port}${place}`);
    expect(running.text).toContain(env['DATA_DIR']);
    expect(running.text).toContain('Ctrl-C stops everything, Postgres too.');
  });

  it('brings the code into the inbox, and signs in', async () => {
    const story = await tellStory(await running!.api(), 'ada.lovelace@example.com');
    told.push(story);
    accountId = story.signedIn.account.id;
  });

  it('serves its pages, its API description and its health', async () => {
    const api = await running!.api();
    for (const page of ['/', '/inbox', '/docs']) {
      const { status, headers } = await api.get(page);
      expect([page, status, headers.get('content-type')]).toEqual([page, 200, expect.stringContaining('text/html')]);
    }
    const { body } = await api.get<{ openapi: string; paths: Record<string, unknown> }>('/docs/json');
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths)).toEqual(expect.arrayContaining(['/v1/accounts', '/v1/otp/{id}/verify', '/v1/me']));
    expect((await api.get('/health/live')).body).toEqual({ status: 'ok' });
    expect(await api.get('/health')).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  it('refuses a second process on the same data, in one line, and goes on itself', async () => {
    const second = new OtpostProcess(env);
    expect(await second.exit()).toBe(1);
    expect(second.output).toHaveLength(1);
    expect(second.output[0]).toContain(String(running!.child.pid));
    told.push(await tellStory(await running!.api(), 'grace.hopper@example.com'));
  });

  it('is not kept as docs/operations.md has it while it runs', async () => {
    const { keep } = await documented();
    expect(() => bash(keep)).toThrow('Command failed');
    expect(await readdir(folder)).toEqual(['.data']);
  });

  it('stops at Ctrl-C, Postgres too', async () => {
    const pid = await postmaster();
    expect(await running!.stop('SIGINT')).toBe(0);
    await eventually(() => !lives(pid), 'Postgres to be gone');
  });

  it('has kept no code, no token and no name in its log', () => {
    expectNothingTold(running!.text, told);
  });

  it('is kept once it is stopped, comes back from there, makes nothing anew, and knows the account', async () => {
    const { keep, bringBack } = await documented();
    bash(keep);
    const elsewhere = join(folder, 'elsewhere');
    await mkdir(elsewhere);
    bash(bringBack.replace('otpost-data', '../otpost-data'), elsewhere);
    env = { ...env, DATA_DIR: join(elsewhere, '.data') };
    running = await OtpostProcess.start(env);
    expect(running.text).not.toContain('Applied migration');
    const again = await tellStory(await running.api(), 'ada.lovelace@example.com');
    expect(again.signedIn.account.id).toBe(accountId);
    expectNothingTold(running.text, [again]);
  });

  it('recovers by itself after kill -9', async () => {
    await running!.stop('SIGKILL');
    expect(lives(await postmaster())).toBe(true); // it outlives its parent, and is found again
    running = await OtpostProcess.start(env);
    const again = await tellStory(await running.api(), 'ada.lovelace@example.com');
    expect(again.signedIn.account.id).toBe(accountId);
  });
});
