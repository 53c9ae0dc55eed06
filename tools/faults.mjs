/** `npm run test:faults`: the fault suite alone, as the gate runs it, and its table at the end. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the gate has a short form of. */
const LONGER = [
  'test/integration/http/hostile-run.spec.ts',
  'test/integration/audiences/import.spec.ts',
  'test/integration/mail/search-plans.spec.ts',
  'test/e2e/large-messages.spec.ts',
];

const USAGE = `Runs test/faults, as the gate does, and prints what each case accepted, lost and sent twice.

  npm run test:faults -- [OPTION …] [SPEC …]

  --long           thousands of messages, outages as long as leases, deaths at points by chance, every hostile request
  --seed=N         repeats a run of --long, which prints its seed
  -h, --help       this text

What else is given goes to Jest.`;

const args = process.argv.slice(2);
if (args.some((arg) => arg === '--help' || arg === '-h')) {
  console.log(USAGE);
  process.exit(0);
}
const long = args.includes('--long');
const given = args.find((arg) => arg.startsWith('--seed='))?.slice('--seed='.length);
const seed = given ?? (long ? String(Date.now() % 1_000_000) : undefined);
const jestArguments = args.filter((arg) => arg !== '--long' && !arg.startsWith('--seed='));
const paths = jestArguments.some((arg) => !arg.startsWith('-')) ? [] : ['test/faults', ...(long ? LONGER : [])];

const folder = await mkdtemp(join(tmpdir(), 'otpost-faults-table-'));
const table = join(folder, 'table');
if (seed !== undefined) console.log(`seed ${seed}`);
const child = spawn(
  process.execPath,
  [fileURLToPath(new URL('gate.mjs', import.meta.url)), ...paths, ...jestArguments],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      FAULTS_TABLE: table,
      ...(long ? { FAULTS: 'long' } : {}),
      ...(seed === undefined ? {} : { FAULTS_SEED: seed }),
    },
  },
);
const code = await new Promise((resolve) => child.once('exit', resolve));
const lines = await readFile(table, 'utf8').catch((error) => {
  if (error.code === 'ENOENT') return ''; // nothing came so far as to be accounted for
  throw error;
});
await rm(folder, { recursive: true });
const header = [
  'case'.padEnd(62),
  'accepted',
  'unanswered',
  'at the sink',
  'duplicates',
  'unknown',
  'lost',
  'seconds',
].join(' | ');
console.log(`\n${header}\n${lines.trimEnd()}${seed === undefined ? '' : `\nseed ${seed}`}`);
process.exitCode = code ?? 1;
