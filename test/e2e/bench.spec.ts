import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describeWithRedisServer } from '../support/redis/redis-server.js';

/** The bench runs what is built in its dist/. */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

interface Results {
  [scenario: string]: { cases: { title: string; subjects: Record<string, Record<string, number>[]> }[] };
}

describeWithRedisServer('the bench', () => {
  let out: string;

  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), 'otpost-bench-spec-'));
  });
  afterAll(() => rm(out, { recursive: true, force: true }));

  it('measures every scenario of Otpost and its peers in this tree, and writes down what it saw', async () => {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'] };
    await run(process.execPath, ['bench/bench.mjs', '--smoke', '--out', out], { cwd: ROOT, env });
    const results = JSON.parse(await readFile(join(out, 'results.json'), 'utf8')) as Results;
    expect(Object.keys(results)).toEqual([
      'accept',
      'smtp',
      'deliver',
      'codes',
      'memory',
      'cost',
      'broadcast',
      'history',
      'backlog',
    ]);
    const figures = Object.values(results).flatMap(({ cases }) =>
      cases.flatMap(({ subjects }) => Object.values(subjects)),
    );
    for (const rounds of figures) {
      const [round] = rounds;
      expect(Object.values(round!).some((figure) => figure > 0)).toBe(true);
    }
    const page = await readFile(join(out, 'RESULTS.md'), 'utf8');
    for (const { cases } of Object.values(results)) for (const { title } of cases) expect(page).toContain(title);
    expect(page).toMatch(/\| Otpost \|/);
  });

  it('refuses a scenario that it does not have', async () => {
    const refused = run(process.execPath, ['bench/bench.mjs', 'speed'], { cwd: ROOT });
    await expect(refused).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('accept') as string });
  });
});
