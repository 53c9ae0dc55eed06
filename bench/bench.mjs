/**
 * `npm run bench`: Otpost against its peers, alternating, on one machine. All of it, or what is named:
 *
 *   npm run bench -- [accept] [smtp] [deliver] [codes] [memory] [cost] [broadcast] [history] [backlog] [--rounds 5] [--requests 3000] [--messages 3000]
 *     [--rows 200000] [--workers 4] [--seconds 60] [--out bench] [--no-peers] [--smoke]
 *
 * It prints, and writes RESULTS.md and results.json. `backlog` runs only by name. `--smoke`: tiny counts, one
 * deployment for everything, nothing fetched: it shows that the bench works, and no figures. Postgres is one of its own
 * unless DATABASE_URL is given, Redis likewise (REDIS_URL). Everything is on 127.0.0.1.
 */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { accept } from './accept.mjs';
import { codes } from './codes.mjs';
import { deliver } from './deliver.mjs';
import { broadcast, history } from './history.mjs';
import * as install from './install.mjs';
import { Otpost } from './otpost.mjs';
import { describeMachine, table, write } from './report.mjs';
import { here, Stage } from './stage.mjs';
import { freePort, smtp } from './smtp.mjs';
import { backlog, cost, memory } from './service.mjs';

const SCENARIOS = { accept, smtp, deliver, codes, memory, cost, broadcast, history, backlog };
const BY_NAME_ONLY = ['backlog'];
const FULL = { rounds: 5, requests: 3_000, messages: 3_000, rows: 200_000, workers: 4, seconds: 60 };
const SMOKE = { rounds: 1, requests: 30, messages: 30, rows: 100, workers: 2, seconds: 1 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...Object.fromEntries(Object.keys(FULL).map((name) => [name, { type: 'string' }])),
    out: { type: 'string', default: here('.') },
    'no-peers': { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
  },
});
const unknown = positionals.find((name) => !(name in SCENARIOS));
if (unknown !== undefined) {
  console.error(`There is no "${unknown}": ${Object.keys(SCENARIOS).join(', ')}.`);
  process.exit(2);
}
const { smoke } = values;
const options = { smoke, ...(smoke ? SMOKE : FULL) };
for (const name of Object.keys(FULL)) if (values[name] !== undefined) options[name] = Number(values[name]);
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
