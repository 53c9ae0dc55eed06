/** What was measured, for people and for programs. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { quantile } from './load.mjs';
import { ROOT, versionOf } from './stage.mjs';

/** Each measure: its heading, and what is better. */
export const MEASURES = {
  rate: { heading: 'a second', more: true },
  p50: { heading: 'answer p50, ms' },
  p99: { heading: 'answer p99, ms' },
  code50: { heading: 'code at the sink p50, ms' },
  code95: { heading: 'code at the sink p95, ms' },
  code99: { heading: 'code at the sink p99, ms' },
  most: { heading: 'slowest answer, ms' },
  refused: { heading: 'answers 503' },
  cpu: { heading: 'processor, µs each' },
  postgres: { heading: 'processor of Postgres, µs each' },
  idle: { heading: 'idle, MiB' },
  loaded: { heading: 'under load, MiB' },
  statements: { heading: 'statements' },
  transactions: { heading: 'transactions' },
  wal: { heading: 'WAL, bytes' },
  tables: { heading: 'tables grow by, bytes' },
  indexes: { heading: 'indexes grow by, bytes' },
};

export const median = (numbers) => quantile(numbers, 0.5);

function number(value) {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}

/** The median, and the least and the most of the rounds. */
function summary(values) {
  if (values.length === 1) return number(values[0]);
  return `${number(median(values))} (${number(Math.min(...values))}–${number(Math.max(...values))})`;
}

const isOurs = (subject) => subject.startsWith('Otpost');

/** The measures of a case in order, without those that the system does not tell. */
function measuresOf(subjects) {
  const rounds = Object.values(subjects).flat();
  return Object.keys(MEASURES).filter((name) => rounds.some((round) => Number.isFinite(round[name])));
}

const valuesOf = (rounds, measure) => rounds.map((round) => round[measure]).filter(Number.isFinite);

/** How a subject stands to the first one of others, by the first measure that both have; empty of that one itself. */
function ratioTo(base, subjects, name, measures) {
  const measure = measures.find((one) => valuesOf(subjects[base], one).length && valuesOf(subjects[name], one).length);
  if (measure === undefined) return '';
  return `${(median(valuesOf(subjects[name], measure)) / median(valuesOf(subjects[base], measure))).toFixed(2)} ×`;
}

function table({ title, subjects }) {
  const names = Object.keys(subjects);
  const measures = measuresOf(subjects);
  const peers = names.filter((name) => !isOurs(name));
  const ours = names.filter(isOurs);
  // Nothing to compare with: figures that stand beside each other.
  const bases = ours.length === 0 ? [] : peers.length > 0 ? peers : ours.slice(0, 1);
  const ratios = names.length > 1 ? bases : [];
  const head = ['', ...measures.map((name) => MEASURES[name].heading), ...ratios.map((base) => `to ${base}`)];
  const rows = names.map((name) => [
    name,
    ...measures.map((measure) => {
      const values = valuesOf(subjects[name], measure);
      return values.length > 0 ? summary(values) : '–';
    }),
    ...ratios.map((base) => (base !== name && isOurs(name) ? ratioTo(base, subjects, name, measures) : '')),
  ]);
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [
    `### ${title}`,
    '',
    line(head),
    line(head.map((_, index) => (index === 0 ? '---' : '---:'))),
    ...rows.map(line),
    '',
  ].join('\n');
}

export function describeMachine(stage) {
  const [processor] = cpus();
  return {
    processor: processor?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: `${process.platform} ${release()}`,
    loadBefore: Number(loadavg()[0].toFixed(1)),
    node: process.version,
    postgres: stage.postgresVersion + (process.env['DATABASE_URL'] ? ' (DATABASE_URL)' : ''),
    redis: /v=(\S+)/.exec(versionOf('redis-server', '--version') ?? '')?.[1] ?? 'unknown',
    commit: versionOf('git', '-C', ROOT, 'rev-parse', '--short', 'HEAD') ?? 'unknown',
    changed: Boolean(versionOf('git', '-C', ROOT, 'status', '--porcelain', 'src', 'package-lock.json')),
  };
}

function markdown(scenarios) {
  const parts = Object.entries(scenarios).map(([name, { at, machine, options, versions, missing, cases }]) => {
    const { processor, cores, memoryGiB, system, loadBefore, node, postgres, redis, commit, changed } = machine;
    const { rounds, requests, messages, rows } = options;
    return [
      `## ${name}`,
      '',
      `${at.slice(0, 16).replace('T', ' ')} UTC, commit ${commit}${changed ? ' with changes that are not committed' : ''}, rounds: ${rounds}, after one that does not count; requests ${requests}, messages ${messages}, rows ${rows}.`,
      `${processor}, ${cores} cores, ${memoryGiB} GiB, ${system}, load average before it ${loadBefore ?? 'not noted'}. Node ${node.slice(1)}, Postgres ${postgres}, Redis ${redis}${Object.entries(
        versions,
      )
        .map(([peer, version]) => `, ${peer} ${version}`)
        .join('')}.`,
      ...Object.entries(missing).map(
        ([peer, why]) => `\n**${peer} was left out: it could not be installed (${why}).**`,
      ),
      '',
      ...cases.map(table),
    ].join('\n');
  });
  return `# Results

Made by \`npm run bench\`, which is what to change. Medians of the rounds, with the least and the most; the rounds of all
subjects alternate. Rates of delivery are those of the mail server, from the first MAIL to the last message taken.
Processor time is that of the service's or the peer's own processes; Postgres is apart. Ratios are those of the first column
that both have. Celery gets a fifteenth of the messages where the mail server is slow. All runs on one machine, the load and
the mail server included: read the ratios, and the processor time, before the rates.

${parts.join('\n')}`;
}

/** Scenarios that were run replace those of the same name in the files; others stay as they were. */
export function write(folder, results) {
  const file = join(folder, 'results.json');
  const former = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const all = { ...former, ...results };
  writeFileSync(file, `${JSON.stringify(all, undefined, 1)}\n`);
  writeFileSync(join(folder, 'RESULTS.md'), markdown(all));
}

export { table };
