import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const ALERTS = `${ROOT}deploy/alerts.yaml`;

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string; description: string };
}
interface Panel {
  id: number;
  title: string;
  type: string;
  targets?: { expr: string }[];
}

/** Every metric that an expression or a text names; without what a histogram adds to its name. */
function namesIn(text: string): string[] {
  return [...new Set(text.match(/\b(otpost|nodejs|process)_[a-z0-9_]+/g) ?? [])].map((name) =>
    name.replace(/(?<=_seconds)_(bucket|sum|count)$/, ''),
  );
}

/** The labels that an expression wants a metric to have. */
function labelsIn(expression: string): [metric: string, label: string][] {
  return [...expression.matchAll(/\b(otpost_[a-z0-9_]+)\{([^}]*)\}/g)].flatMap(([, metric, matchers]) =>
    [...matchers!.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)/g)].map(([, label]): [string, string] => [
      metric!.replace(/_bucket$/, ''),
      label!,
    ]),
  );
}

describe('what stands in deploy/ for Prometheus and Grafana', () => {
  let otpost: Otpost;
  let exported: Set<string>;
  let documented: string;
  let rules: Rule[];
  let panels: Panel[];

  beforeAll(async () => {
    otpost = await startOtpost();
    const { body } = await otpost.api.get<string>('/metrics');
    exported = new Set([...body.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name!));
    documented = await readFile(`${ROOT}docs/metrics.md`, 'utf8');
    const file = load(await readFile(ALERTS, 'utf8')) as { groups: { rules: Rule[] }[] };
    rules = file.groups.flatMap((group) => group.rules);
    panels = (JSON.parse(await readFile(`${ROOT}deploy/grafana/otpost.json`, 'utf8')) as { panels: Panel[] }).panels;
  });
  afterAll(() => otpost.stop());

  const expressions = () => [
    ...rules.map(({ expr }) => expr),
    ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ];

  it('names only metrics that the service has', () => {
    expect(rules.length).toBeGreaterThan(10);
    expect(expressions().length).toBeGreaterThan(40);
    for (const expression of expressions()) {
      const names = namesIn(expression);
      expect([expression, names.length > 0, names.filter((name) => !exported.has(name))]).toEqual([
        expression,
        true,
        [],
      ]);
    }
  });

  it('and only labels that they have, as the documentation lists them', () => {
    const rows = [...documented.matchAll(/^\| `(otpost_\w+)` \| ([^|]*) \|/gm)].map(
      ([, name, labels]): [string, string] => [name!, labels!],
    );
    const known = new Map(
      rows.map(([name, labels]) => [name, new Set([...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label))]),
    );
    for (const [metric, label] of expressions().flatMap(labelsIn)) {
      if (label !== 'job') expect([metric, label, known.get(metric)?.has(label)]).toEqual([metric, label, true]);
    }
  });

  it('is documented, metric by metric', () => {
    const ours = [...exported].filter((name) => name.startsWith('otpost_'));
    const rows = new Set([...documented.matchAll(/^\| `(otpost_\w+)` \|/gm)].map(([, name]) => name!));
    expect([...rows].sort()).toEqual(ours.sort());
    expect(namesIn(documented).filter((name) => !exported.has(name))).toEqual([]);
  });

  it('says of every alert how bad it is and what to do', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels, annotations } of rules) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(critical|warning)$/)]);
      expect([alert, annotations.summary.length > 10, annotations.description.length > 30]).toEqual([
        alert,
        true,
        true,
      ]);
    }
  });

  it('gives every panel a place of its own', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { title, type, targets } of panels)
      expect([title, type === 'row' || targets!.length > 0]).toEqual([title, true]);
  });

  const promtool = spawnSync('promtool', ['--version']).status === 0 ? it : it.skip;
  promtool('fires when it should and not when it should not, where there is a promtool', () => {
    const cases = fileURLToPath(new URL('alerts.test.yaml', import.meta.url));
    for (const args of [
      ['check', 'rules', ALERTS],
      ['test', 'rules', cases],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
      expect([args[0], status, status === 0 ? '' : stdout + stderr]).toEqual([args[0], 0, '']);
    }
  });
});
