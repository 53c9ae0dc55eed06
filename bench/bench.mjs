/** `npm run bench`: Otpost against its peers, in rounds that alternate, on one machine. USAGE says how. */
import { mkdirSync } from 'node:fs';
import { accept } from './accept.mjs';
import { codes } from './codes.mjs';
import { deliver } from './deliver.mjs';
import { broadcast, history } from './history.mjs';
import * as install from './install.mjs';
import { Otpost } from './otpost.mjs';
import { describeMachine, table, write } from './report.mjs';
import { readArguments, refuse } from '../tools/read-arguments.mjs';
import { here, Stage } from './stage.mjs';
import { freePort, smtp } from './smtp.mjs';
import { backlog, cost, memory } from './service.mjs';

const SCENARIOS = { accept, smtp, deliver, codes, memory, cost, broadcast, history, backlog };
const BY_NAME_ONLY = ['backlog'];
const FULL = { rounds: 5, requests: 3_000, messages: 3_000, rows: 200_000, workers: 4, seconds: 60 };
const SMOKE = { rounds: 1, requests: 30, messages: 30, rows: 100, workers: 2, seconds: 1 };

const USAGE = `Measures Otpost against its peers, prints the figures, and writes RESULTS.md and results.json.

  npm run bench -- [PART …] [OPTION …]

Parts: ${Object.keys(SCENARIOS).join(', ')}.
Without a name all of them run, but for ${BY_NAME_ONLY.join(', ')}.

${Object.entries(FULL)
  .map(([name, count]) => `  --${`${name} N`.padEnd(14)} ${count} unless it is said`)
  .join('\n')}
  --out FOLDER     where the results are written; bench/ unless it is said
  --no-peers       Otpost alone: Better Auth and Celery are not fetched
  --smoke          shows that the bench works: tiny counts, one deployment, nothing fetched, no figures to quote
  -h, --help       this text

Postgres and Redis are its own, unless DATABASE_URL and REDIS_URL name others. Everything is on 127.0.0.1.`;

const { values, positionals } = readArguments(
  USAGE,
  {
    out: { type: 'string', default: here('.') },
    'no-peers': { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
  { most: Infinity, counts: Object.keys(FULL) },
);
const unknown = positionals.find((name) => !(name in SCENARIOS));
if (unknown !== undefined) refuse(`There is no part "${unknown}".`, USAGE);
const { smoke } = values;
const options = { smoke, ...(smoke ? SMOKE : FULL) };
for (const name of Object.keys(FULL)) options[name] = values[name] ?? options[name];
const names =
  positionals.length > 0 ? positionals : Object.keys(SCENARIOS).filter((name) => smoke || !BY_NAME_ONLY.includes(name));

const peers = smoke || values['no-peers'] ? {} : { betterAuth: install.betterAuth(), celery: install.celery() };
const [versions, missing] = [{}, {}];
for (const [name, { version, missing: why }] of Object.entries(peers)) {
  if (why === undefined) versions[name] = version;
  else {
    missing[name] = why;
    console.error(`\n*** ${name} IS LEFT OUT, for it cannot be installed: ${why}\n`);
  }
}

const stage = await Stage.open({ durable: !smoke });
await Otpost.prepare(stage);
if (smoke) stage.only = await Otpost.start(stage, { workers: 1, smtpPort: await freePort() }); // to start many is what takes the time
const machine = describeMachine(stage);
const results = {};

/** Runs the subjects one after the other, and all of them again; the first time is for warming up. */
function comparing(cases) {
  return async (title, subjects) => {
    console.log(`\n${title}`);
    const rounds = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
    for (let round = smoke ? 1 : 0; round <= options.rounds; round++) {
      for (const [name, run] of Object.entries(subjects)) {
        const figures = await run();
        if (round > 0) rounds[name].push(figures);
      }
      if (process.stderr.isTTY) process.stderr.write(`round ${round} of ${options.rounds}\r`);
    }
    cases.push({ title, subjects: rounds });
    console.log(table(cases.at(-1)));
  };
}

try {
  for (const name of names) {
    const cases = [];
    await SCENARIOS[name]({ stage, options, peers, compare: comparing(cases) });
    results[name] = { at: new Date().toISOString(), machine, options, versions, missing, cases };
  }
  mkdirSync(values.out, { recursive: true });
  write(values.out, results);
} finally {
  await stage.close();
}
