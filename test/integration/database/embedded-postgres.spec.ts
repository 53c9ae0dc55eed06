import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { StartupError } from '../../../src/core/startup-error.js';
import { findEmbeddedPostgres, startEmbeddedPostgres } from '../../../src/development/embedded-postgres.js';
import { DatabaseChild } from '../../support/database/database-child.js';
import { eventually } from '../../support/signals/wait.js';

const AS_ROOT = process.getuid?.() === 0;
const NOBODY = AS_ROOT ? { uid: 65_534, gid: 65_534 } : {};

/** Process id of the server of a data folder, from the file that the server keeps. */
function postmaster(dataDir: string): number {
  return Number(readFileSync(join(dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('The embedded PostgreSQL', () => {
  /** A stopped cluster to copy, because making one takes a while. */
  let made: string;
  let root: string;
  let dataDir: string;
  const roots: string[] = [];
  const children: DatabaseChild[] = [];

  function hold(folder = dataDir): DatabaseChild {
    const child = new DatabaseChild('hold', [folder]);
    children.push(child);
    return child;
  }

  beforeAll(async () => {
    made = mkdtempSync(join(tmpdir(), 'otpost-cluster-'));
    chmodSync(made, 0o755);
    await (await startEmbeddedPostgres(made)).stop();
  });

  // Not after each test: ext4 is slow to give out anew what was deleted seconds ago, and every cluster has 1,000 files.
  afterAll(() => {
    for (const folder of [made, ...roots]) rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'otpost-embedded-'));
    roots.push(root);
    chmodSync(root, 0o755);
    dataDir = join(root, 'data');
  });

  const copyCluster = () => execFileSync('cp', ['-a', made, dataDir]);

  afterEach(async () => {
    for (const child of children.splice(0)) await child.end('SIGKILL');
    await stopWhateverRuns();
  });

  async function stopWhateverRuns(): Promise<void> {
    if ((await findEmbeddedPostgres(dataDir)) !== undefined) await (await startEmbeddedPostgres(dataDir)).stop();
  }

  describe('on its first start', () => {
    it('serves an empty UTF-8 database to this machine alone, and keeps what is committed', async () => {
      const server = await startEmbeddedPostgres(dataDir);
      const [settings] = await query(
        server.url,
        `SELECT current_setting('server_encoding') AS encoding, current_setting('listen_addresses') AS addresses,
                current_setting('fsync') AS fsync, current_setting('TimeZone') AS zone, lower('ÄŐ') AS folded,
                (SELECT count(*)::int FROM pg_tables WHERE schemaname = 'public') AS tables`,
      );
      expect(settings).toEqual({
        encoding: 'UTF8',
        addresses: '127.0.0.1',
        fsync: 'on',
        zone: 'UTC',
        folded: 'äő',
        tables: 0,
      });
      await server.stop();
    });

    it('lets in only those who know the password, which only its owner can read', async () => {
      const server = await startEmbeddedPostgres(dataDir);
      const url = new URL(server.url);
      url.password = 'guessed';
      await expect(query(url.href, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
      expect(statSync(join(dataDir, 'postgres/otpost.password')).mode & 0o777).toBe(0o600);
      expect(statSync(join(dataDir, 'postgres.log')).mode & 0o777).toBe(0o600);
      await server.stop();
    });

    it('leaves nothing half-made when it is killed: the next one starts anew', async () => {
      const killed = hold();
      await eventually(
        () =>
          readdirSync(root).includes('data') && readdirSync(dataDir).some((name) => name.startsWith('postgres.new-')),
        'initdb to be at work',
      );
      await killed.end('SIGKILL');
      expect(readdirSync(dataDir)).not.toContain('postgres');

      const server = await startEmbeddedPostgres(dataDir);
      expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      expect(readdirSync(dataDir).sort()).toEqual(['postgres', 'postgres.log']);
      await server.stop();
    });

    it('takes one of two processes that start together and refuses the other', async () => {
      const reports = await Promise.all([hold().report, hold().report]);
      expect(reports.map(({ event }) => event).sort()).toEqual(['ready', 'refused']);
      const winner = reports.find(({ event }) => event === 'ready')!;
      expect(await query(winner.url!, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });
  });

  describe('on later starts', () => {
    beforeEach(copyCluster);

    it('has kept data, password and port', async () => {
      const first = await startEmbeddedPostgres(dataDir);
      await query(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
      const server = postmaster(dataDir);
      await first.stop();
      await eventually(() => !isAlive(server), 'the server to be gone');

      const second = await startEmbeddedPostgres(dataDir);
      expect(second.url).toBe(first.url);
      expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      await second.stop();
    });

    it('takes another port when the one of last time is taken', async () => {
      const first = await startEmbeddedPostgres(dataDir);
      await first.stop();
      const taken = Number(new URL(first.url).port);
      const squatter = createServer().listen(taken, '127.0.0.1');
      await eventually(() => squatter.listening, 'the port to be taken');
      try {
        const second = await startEmbeddedPostgres(dataDir);
        expect(new URL(second.url).port).not.toBe(String(taken));
        expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
        await second.stop();
      } finally {
        squatter.close();
      }
    });

    it('starts its log over when that has grown to megabytes', async () => {
      const first = await startEmbeddedPostgres(dataDir);
      await first.stop();
      writeFileSync(join(dataDir, 'postgres.log'), 'x'.repeat(5 * 1024 * 1024));
      const second = await startEmbeddedPostgres(dataDir);
      await second.stop();
      expect(statSync(join(dataDir, 'postgres.log')).size).toBeLessThan(1024 * 1024);
    });

    it('refuses a folder of another PostgreSQL, and one that holds something else', async () => {
      writeFileSync(join(dataDir, 'postgres/PG_VERSION'), '15\n');
      await expect(startEmbeddedPostgres(dataDir)).rejects.toThrow(/made by PostgreSQL 15/);
      rmSync(join(dataDir, 'postgres/PG_VERSION'));
      writeFileSync(join(dataDir, 'postgres/notes.txt'), 'mine');
      await expect(startEmbeddedPostgres(dataDir)).rejects.toThrow(/holds no PostgreSQL cluster/);
    });
  });

  describe('beside a process that uses the folder', () => {
    beforeEach(copyCluster);

    it('refuses a second one, names the first, and leaves its server alone', async () => {
      const first = hold();
      const { url } = await first.report;
      await expect(startEmbeddedPostgres(dataDir)).rejects.toMatchObject({
        name: 'StartupError',
        message: `Another Otpost (pid ${first.pid}) is using the data folder ${dataDir}.`,
        remedy: expect.stringContaining('DATA_DIR') as string,
      });
      expect(await query(url!, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    it('waits for one that is just leaving', async () => {
      const first = hold();
      await first.report;
      const leaving = first.end('SIGTERM');
      const second = await startEmbeddedPostgres(dataDir);
      await leaving;
      expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await second.stop();
    });

    it('tells tools where it runs, without taking it from the process that has it', async () => {
      expect(await findEmbeddedPostgres(dataDir)).toBeUndefined();
      const { url } = await hold().report;
      expect(await findEmbeddedPostgres(dataDir)).toBe(url);
    });
  });

  describe('after a process was killed', () => {
    beforeEach(copyCluster);

    it('goes on running and is taken up by the next process', async () => {
      const first = hold();
      const { url } = await first.report;
      await query(url!, 'CREATE TABLE kept AS SELECT 42 AS answer');
      const server = postmaster(dataDir);
      await first.end('SIGKILL');

      const second = hold();
      expect(await second.report).toEqual({ event: 'ready', url });
      expect(postmaster(dataDir)).toBe(server);
      expect(await query(url!, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      await second.end('SIGTERM');
      await eventually(() => !isAlive(server), 'the server to be gone');
    });

    it('recovers when the server was killed as well, and its file tells of a process that is gone', async () => {
      const first = hold();
      const { url } = await first.report;
      await query(url!, 'CREATE TABLE kept AS SELECT 42 AS answer');
      const server = postmaster(dataDir);
      await first.end('SIGKILL');
      process.kill(server, 'SIGKILL');
      await eventually(() => !isAlive(server), 'the server to be gone');

      const second = await startEmbeddedPostgres(dataDir);
      expect(await query(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
      await second.stop();
    });

    (process.platform === 'linux' ? it : it.skip)('is not misled by an unrelated process with the old id', async () => {
      // Of the server's own account, because PostgreSQL itself disregards processes of others.
      const { uid, gid } = statSync(join(dataDir, 'postgres'));
      const unrelated = spawn('sleep', ['60'], { uid, gid });
      const stale = [unrelated.pid, join(dataDir, 'postgres'), 1, 1, '', '127.0.0.1', '1 2', 'ready   ', ''];
      writeFileSync(join(dataDir, 'postgres/postmaster.pid'), stale.join('\n'));
      try {
        const server = await startEmbeddedPostgres(dataDir);
        expect(await query(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
        await server.stop();
      } finally {
        unrelated.kill();
      }
    });
  });

  it('is not reached by Ctrl-C, which the terminal sends to the whole process group', async () => {
    copyCluster();
    const child = hold();
    const session = new pg.Client({ connectionString: (await child.report).url });
    await session.connect();
    process.kill(-child.pid, 'SIGINT');
    // A fast shutdown would end the session long before.
    await expect(session.query('SELECT pg_sleep(0.5)')).resolves.toBeDefined();
    await session.end();
  });

  it('refuses a folder that may not be written to, and says what to do', async () => {
    mkdirSync(dataDir, { mode: 0o555 });
    const child = new DatabaseChild('hold', [dataDir], NOBODY);
    children.push(child);
    expect(await child.report).toMatchObject({
      event: 'refused',
      name: 'StartupError',
      message: expect.stringMatching(new RegExp(`${dataDir} cannot be used: EACCES`)) as string,
      remedy: expect.stringContaining('DATA_DIR') as string,
    });
  });

  (AS_ROOT ? it : it.skip)('as root, names the folder that its account may not enter', async () => {
    chmodSync(root, 0o700);
    const refusal = startEmbeddedPostgres(dataDir);
    await expect(refusal).rejects.toBeInstanceOf(StartupError);
    await expect(refusal).rejects.toMatchObject({
      message: expect.stringContaining(`cannot enter ${root}.`) as string,
      remedy: expect.stringContaining(`chmod o+x ${root}`) as string,
    });
    chmodSync(root, 0o755);
  });
});
