import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Those that a script of package.json or a person starts, but for the gate and Prisma, which have options of their own. */
const TOOLS = [
  ...['bench/bench.mjs', 'bench/watch.mjs', 'tools/build.mjs', 'tools/build-web.mjs', 'tools/container/test.mjs'],
  ...['tools/late.mjs', 'tools/screenshots.mjs', 'tools/secrets-in-logs.mjs', 'tools/start.mjs'],
];

function run(tool: string, ...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [tool, ...args], { cwd: ROOT }, (_, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}

describe('a tool', () => {
  it.each([...TOOLS, 'tools/faults.mjs'])('%s says how it is used, and does nothing then', async (tool) => {
    const { code, out, err } = await run(tool, '--help');
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^ {2}(npm|node) /m);
  });

  it.each(TOOLS)('%s names an option that it does not have, and how it is used', async (tool) => {
    const { code, out, err } = await run(tool, '--nonsense');
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^Unknown option '--nonsense'\.\n\n[^]*^ {2}(npm|node) /m);
    expect(err).not.toMatch(/^ +at /m);
  });

  it.each([
    ['bench/bench.mjs', ['--rounds', 'many'], '--rounds is a whole number from 1 on.'],
    ['bench/bench.mjs', ['--rounds', '0'], '--rounds is a whole number from 1 on.'],
    ['bench/bench.mjs', ['speed'], 'There is no part "speed".'],
    ['bench/watch.mjs', [], 'Name the commit to compare with.'],
    ['bench/watch.mjs', ['no-such-commit'], 'git knows no commit "no-such-commit" here.'],
    ['tools/build.mjs', ['web'], 'There is no place for "web".'],
    ['tools/late.mjs', [], 'Say what is to be late: records, claims, statements, behind, ahead.'],
    ['tools/secrets-in-logs.mjs', [], 'Name the folder.'],
  ])('%s %j is refused in one line', async (tool, args, words) => {
    const { code, err } = await run(tool, ...args);
    expect([code, err.split('\n')[0]]).toEqual([2, words]);
  });
});
