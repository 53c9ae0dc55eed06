/**
 * `npm run bench:watch -- COMMIT`: this tree against a commit, in rounds that alternate, and which figures it lost.
 *
 * The commit is built in a temporary folder, with the packages of this tree where the lock file is the same, else with
 * its own. A figure is lost when the median of its pairs is worse by more than noise: three times the median deviation
 * of the pairs from it, and 3 % at least.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments, refuse } from '../tools/read-arguments.mjs';
import { acceptCases, countsOf } from './accept.mjs';
import { deliverCases } from './deliver.mjs';
import { Otpost } from './otpost.mjs';
import { median, MEASURES } from './report.mjs';
import { ROOT, Stage } from './stage.mjs';

const LEAST = 0.03;
const DEVIATIONS = 3;

const USAGE = `Measures this tree against a commit, and ends with 1 where it lost more than noise.

  npm run bench:watch -- COMMIT [OPTION …]

  --rounds N       5 unless it is said
  --requests N     2000 unless it is said
  --messages N     2000 unless it is said
  -h, --help       this text`;

const { values, positionals } = readArguments(USAGE, {}, { most: 1, counts: ['rounds', 'requests', 'messages'] });
const { rounds = 5, requests = 2_000, messages = 2_000 } = values;
const [name] = positionals;
if (name === undefined) refuse('Name the commit to compare with.', USAGE);
const git = (...args) => execFileSync('git', args, { cwd: ROOT, maxBuffer: 256 * 1024 * 1024, stdio: 'pipe' });
const commit = commitOf(name);

function commitOf(named) {
  try {
    return git('rev-parse', '--verify', `${named}^{commit}`).toString().trim();
  } catch {
    return refuse(`git knows no commit "${named}" here.`, USAGE);
  }
}

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
