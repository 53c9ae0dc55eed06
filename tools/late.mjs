/** `npm run test:late`: the program made late on purpose, and the tests that do not stand it. USAGE says how. */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments, refuse } from './read-arguments.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const PATHS = ['test/integration', 'test/e2e'];

/** @type {(file: string, statement: string, ms: number) => Place} */
const waitBefore = (file, at, ms) => ({
  file,
  at,
  instead: `await new Promise((resolve) => setTimeout(resolve, ${ms}));\n${at}`,
});

const DELIVER = 'src/mail/worker/deliver.ts';
const WEBHOOK = 'src/mail/webhooks/webhook-delivery.ts';
const QUERY = 'return query(config, Array.isArray(values) ? values.map(storableParameter) : values, ...rest);';
const CLOCK = { file: 'src/database/database-clock.ts', at: 'return new Date(at + this.offset)' };

/**
 * What stands in a file once, and what is put there.
 * @typedef {{ file: string, at: string, instead: string }} Place
 * @type {Record<string, Place[]>}
 */
export const LATE = {
  /** Deliveries begin 0.3 s late, and are recorded 0.5 s late. */
  records: [
    waitBefore(DELIVER, 'await this.telemetry.follow(email', 300),
    waitBefore(DELIVER, 'return await this.outbox.finish(email', 500),
  ],
  /** Messages are claimed 0.7 s late; webhooks begin and are recorded 0.4 s late. */
  claims: [
    waitBefore('src/mail/outbox/outbox.ts', 'const due = await this.prisma.statements.runSql<DueEmail>', 700),
    waitBefore(WEBHOOK, 'const answer = await this.sender.post(request', 400),
    waitBefore(WEBHOOK, 'const until = performance.now() + RECORD_WITHIN_MS', 400),
  ],
  /** Each statement of the service comes to Postgres 40 ms late: those of the test overtake it. */
  statements: [
    {
      file: 'src/database/pool.ts',
      at: QUERY,
      instead: `return new Promise((go) => setTimeout(go, 40)).then(() => { ${QUERY} });`,
    },
  ],
  /** What the service takes for the time of Postgres is 0.3 s behind it, or before it. */
  behind: [{ ...CLOCK, instead: 'return new Date(at + this.offset - 300)' }],
  ahead: [{ ...CLOCK, instead: 'return new Date(at + this.offset + 300)' }],
};

const USAGE = `Runs tests of services and processes with the program made late on purpose.

  npm run test:late -- KIND [PATH …]

Kinds: ${Object.keys(LATE).join(', ')}. Without a path: ${PATHS.join(' and ')}.

What fails has taken something for done that was only begun, a mail that the server has seen for one that is recorded,
or two clocks for one: on a busy machine it fails of itself, one day. Or it holds the very time that was taken from it.
It works on a copy of the tree as it is (new files must be known to git), which is removed at the end.`;

/**
 * @param {string} source of a file
 * @param {Place} place
 * @returns {string} the same, late
 * @throws {Error} where the statement is not there once
 */
export function makeLate(source, { file, at, instead }) {
  const parts = source.split(at);
  if (parts.length !== 2) throw new Error(`${file} has "${at}" ${parts.length - 1} times: name the place in LATE.`);
  return parts.join(instead);
}

/** @param {string[]} args of git, in the tree */
const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

/** @param {string} folder @param {string[]} paths @returns {Promise<number>} exit code */
async function gate(folder, paths) {
  process.on('SIGINT', () => undefined); // the gate hears of Ctrl-C as well, ends, and the tree is removed
  const child = spawn('npm', ['test', '--', ...paths], { cwd: folder, stdio: 'inherit' });
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
}

/** @param {string} kind @param {string[]} paths */
async function runLate(kind, paths) {
  const parent = mkdtempSync(join(tmpdir(), 'otpost-late-'));
  chmodSync(parent, 0o755); // started by root, Postgres runs as another user
  const folder = join(parent, 'tree');
  // What is changed and not committed yet, as a commit that nothing names.
  git('worktree', 'add', '--quiet', '--detach', folder, git('stash', 'create') || 'HEAD');
  try {
    for (const part of ['node_modules', 'src/generated'])
      cpSync(join(root, part), join(folder, part), { recursive: true, verbatimSymlinks: true });
    for (const place of LATE[kind]) {
      const file = join(folder, place.file);
      writeFileSync(file, makeLate(readFileSync(file, 'utf8'), place));
    }
    return await gate(folder, paths);
  } finally {
    git('worktree', 'remove', '--force', folder);
    rmSync(parent, { recursive: true, force: true, maxRetries: 20, retryDelay: 500 }); // a build may still write
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [kind = '', ...paths] = readArguments(USAGE, {}, { most: Infinity }).positionals;
  if (!(kind in LATE)) refuse(`Say what is to be late: ${Object.keys(LATE).join(', ')}.`, USAGE);
  process.exitCode = await runLate(kind, paths.length > 0 ? paths : PATHS);
}
