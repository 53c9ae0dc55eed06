/**
 * `npm run bench:watch -- COMMIT`: this tree against a commit, in rounds that alternate, and which figures it lost.
 *
 *   npm run bench:watch -- COMMIT [--rounds 5] [--requests 2000] [--messages 2000]
 *
 * The commit is built in a temporary folder, with the packages of this tree where the lock file is the same, else with
 * its own. A figure is lost when the median of its pairs is worse by more than noise: three times the median deviation
 * of the pairs from it, and 3 % at least. Ends with 1 when one is.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { acceptCases, countsOf } from './accept.mjs';
import { deliverCases } from './deliver.mjs';
import { Otpost } from './otpost.mjs';
import { median, MEASURES } from './report.mjs';
import { ROOT, Stage } from './stage.mjs';

const LEAST = 0.03;
const DEVIATIONS = 3;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    requests: { type: 'string', default: '2000' },
    messages: { type: 'string', default: '2000' },
  },
});
const [rounds, requests, messages] = [values.rounds, values.requests, values.messages].map(Number);
const [name] = positionals;
if (name === undefined) {
  console.error('Name the commit to compare with: npm run bench:watch -- COMMIT');
  process.exit(2);
}
const git = (...args) => execFileSync('git', args, { cwd: ROOT, maxBuffer: 256 * 1024 * 1024 });
const commit = git('rev-parse', '--verify', `${name}^{commit}`).toString().trim();

/** Nothing of git's own state is touched. */
function buildFormer(folder) {
  console.log(`building ${commit.slice(0, 12)}`);
  mkdirSync(folder);
  execFileSync('tar', ['-x', '-C', folder], { input: git('archive', '--format=tar', commit) });
  const lock = (of) => readFileSync(join(of, 'package-lock.json'), 'utf8');
  if (lock(folder) === lock(ROOT)) symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  else execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
  execFileSync(process.execPath, ['tools/build.mjs'], { cwd: folder, stdio: 'inherit' });
  return folder;
}

const stage = await Stage.open();
const lost = [];
try {
  const builds = { former: buildFormer(join(stage.folder, 'former')), here: ROOT };
  for (const build of Object.values(builds)) await Otpost.prepare(stage, build);
  /** @param start makes what is run, of one build */
  const compare = (title, start) =>
    stage.scope(async () => {
      const runs = {};
      for (const [side, build] of Object.entries(builds)) runs[side] = await start(build);
      const figures = { former: [], here: [] };
      for (let round = 0; round <= rounds; round++) {
        for (const [side, run] of Object.entries(runs)) {
          const figure = await run();
          if (round > 0) figures[side].push(figure);
        }
      }
      judge(title, figures);
    });
  for (const [title, run] of Object.entries(acceptCases)) {
    await compare(title, async (build) => run(await Otpost.start(stage, { build }), countsOf({ requests })));
  }
  for (const [title, more] of Object.entries(deliverCases)) {
    await compare(`one worker, ${title}`, async (build) => {
      const otpost = await Otpost.start(stage, { build, workers: 1, ...more });
      return () => otpost.deliver(messages);
    });
  }
} finally {
  await stage.close();
}
console.log(lost.length === 0 ? '\nNothing was lost.' : `\nLOST:\n${lost.join('\n')}`);
process.exitCode = lost.length === 0 ? 0 : 1;

function judge(title, { former, here }) {
  console.log(`\n${title}`);
  for (const [measure, { heading, more }] of Object.entries(MEASURES)) {
    const pairs = here.map((figure, round) => figure[measure] / former[round][measure]).filter(Number.isFinite);
    if (pairs.length === 0) continue;
    const ratio = median(pairs);
    const noise = Math.max(LEAST, DEVIATIONS * median(pairs.map((pair) => Math.abs(pair - ratio))));
    const worse = more ? 1 - ratio : ratio - 1;
    const verdict = worse > noise ? 'LOST' : worse < -noise ? 'won' : 'as before';
    const medians = [former, here].map((side) => median(side.map((figure) => figure[measure])).toFixed(1));
    const line = `${heading}: ${medians.join(' → ')} (${ratio.toFixed(2)} ×, noise ${(100 * noise).toFixed(0)} %)`;
    console.log(`  ${verdict.padEnd(9)} ${line}`);
    if (verdict === 'LOST') lost.push(`  ${title}, ${line}`);
  }
}
