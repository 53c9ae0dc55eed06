import { readFile } from 'node:fs/promises';
import { readSettings } from '../../../src/configuration.js';
import type { Settings } from '../../../src/config/settings.js';
import { composeProcesses, readCompose } from '../../../tools/blueprints/compose.js';
import { KUBERNETES_VARIABLES, kubernetesProcesses, readManifests } from '../../../tools/blueprints/kubernetes.js';
import { type BlueprintProcess, generated, strangersIn } from '../../../tools/blueprints/process.js';
import { RAILWAY_VARIABLES, railwayProcesses, readRailway } from '../../../tools/blueprints/railway.js';
import { readRender, RENDER_VARIABLES, renderProcesses } from '../../../tools/blueprints/render.js';
import { readUnit, systemdProcess } from '../../../tools/blueprints/systemd.js';

/** The variables that docs/deploy/kubernetes.md puts into the Secret. */
const IN_SECRET = ['DATABASE_URL', 'REDIS_URL', 'APP_SECRET', 'MAIL_TRANSPORTS', 'METRICS_TOKEN'];
const OF_PLATFORMS = [
  ...[RENDER_VARIABLES, RAILWAY_VARIABLES, KUBERNETES_VARIABLES].flatMap((variables) => Object.keys(variables)),
  'POSTGRES_PASSWORD', // in Compose's .env, from which DATABASE_URL has it
];

/** By what stands in the documents as one deployment: its processes share a database, and so all that follows. */
const DEPLOYMENTS: [string, () => Promise<BlueprintProcess[]>, roles: string[]][] = [
  ['Render in one container', async () => renderProcesses('render.yaml', await readRender('render.yaml')), ['all']],
  [
    'Render apart',
    async () => renderProcesses('deploy/render-split.yaml', await readRender('deploy/render-split.yaml')),
    ['web', 'worker'],
  ],
  [
    'Railway in one container',
    async () => railwayProcesses('.railway/railway.ts', await readRailway('.railway/railway.ts')),
    ['all'],
  ],
  [
    'Railway apart',
    async () => railwayProcesses('.railway/split.ts', await readRailway('.railway/split.ts')),
    ['web', 'worker'],
  ],
  ['Compose', composed, ['all']],
  ['systemd', () => units('web', 'worker', 'migrate'), ['web', 'worker', 'all']],
  [
    'Kubernetes',
    async () => kubernetesProcesses('deploy/kubernetes', await readManifests('deploy/kubernetes'), IN_SECRET),
    ['all', 'web', 'worker'],
  ],
];

describe.each(DEPLOYMENTS)('the blueprint of %s', (_, read, roles) => {
  let processes: BlueprintProcess[];
  beforeAll(async () => {
    processes = await read();
  });

  it('gives each process an environment that is accepted in production, without a warning', () => {
    for (const process of processes) {
      expect({ [process.name]: resultOf(process) }).toEqual({ [process.name]: { production: true, warnings: [] } });
    }
  });

  it('starts the roles that its documents name', () => {
    expect(processes.map((process) => settingsOf(process).role).sort()).toEqual([...roles].sort());
  });

  it('names no variable that nobody reads', () => {
    for (const { name, env } of processes) expect({ [name]: strangersIn(env, OF_PLATFORMS) }).toEqual({ [name]: [] });
  });

  it('gives all processes what they have to share', () => {
    const shared = processes.map(({ env }) =>
      ['DATABASE_URL', 'REDIS_URL', 'APP_SECRET', 'APP_URL', 'MAIL_FROM', 'MAIL_TRANSPORTS'].map((name) => env[name]),
    );
    expect(new Set(shared.map((values) => JSON.stringify(values))).size).toBe(1);
  });

  it('says whose X-Forwarded-For to believe, where a proxy stands in front', () => {
    for (const process of processes.filter(
      ({ env, name }) => env['ROLE'] !== 'worker' && !name.startsWith('compose.yaml'),
    )) {
      expect({ [process.name]: settingsOf(process).http.trustedProxies }).not.toEqual({ [process.name]: undefined });
    }
  });

  it('waits for the drain before it kills', async () => {
    const [alone, underSupervisor] = await Promise.all([drainSeconds(), supervisorSeconds()]);
    for (const { name, env, graceSeconds } of processes) {
      if (graceSeconds === undefined) continue;
      const needed = env['ROLE'] === 'all' ? underSupervisor : alone;
      expect({ [name]: graceSeconds > needed && graceSeconds }).toEqual({ [name]: graceSeconds });
    }
    expect(processes.filter(({ graceSeconds }) => graceSeconds !== undefined).length).toBeGreaterThan(0);
  });
});

describe('the blueprint of Compose', () => {
  it('hands on whatever variable .env has, but for what belongs to its own services', async () => {
    const dotEnv = {
      ...{ APP_SECRET: generated(), POSTGRES_PASSWORD: 'x', SMTP_LISTEN: '2587', MAIL_SENDERS: '@shop.example.com' },
      ...{ HOST: '127.0.0.1', PORT: '4000', ROLE: 'web', DATABASE_URL: 'postgres://elsewhere/otpost' },
    };
    const [{ env }] = composeProcesses('compose.yaml', await readCompose('compose.yaml'), dotEnv) as [BlueprintProcess];
    const { mail, smtpIn, http, role, database } = readSettings(env).settings;
    expect([mail.senders, smtpIn.listeners.map(({ port }) => port)]).toEqual([['@shop.example.com'], [2587]]);
    expect([http.host, http.port, role, new URL(database.url!).hostname]).toEqual(['0.0.0.0', 3000, 'all', 'postgres']);
  });

  it('starts nothing without its generated secrets, and says where they come from', async () => {
    const compose = await readCompose('compose.yaml');
    expect(() => composeProcesses('compose.yaml', compose, {})).toThrow('generate .env first');
    expect(() => composeProcesses('compose.yaml', compose, { POSTGRES_PASSWORD: 'x' })).toThrow(
      'APP_SECRET: generate .env first',
    );
  });
});

describe('a blueprint that forgets', () => {
  it('a variable which production requires is found out', async () => {
    const [process] = renderProcesses('render.yaml', await readRender('render.yaml'));
    expect(() => readSettings({ ...process!.env, MAIL_FROM: undefined })).toThrow('MAIL_FROM');
  });

  it('what a variable comes from is found out', async () => {
    const blueprint = await readRender('render.yaml');
    expect(() => renderProcesses('render.yaml', { ...blueprint, databases: [] })).toThrow(
      'There is no database otpost-db.',
    );
    const project = await readRailway('.railway/split.ts');
    const resources = project.resources.filter(({ address }) => address !== 'database.redis');
    expect(() => railwayProcesses('.railway/split.ts', { ...project, resources })).toThrow(
      'There is no database.redis.',
    );
  });
});

async function composed(): Promise<BlueprintProcess[]> {
  // As the command at the head of the file makes them.
  return composeProcesses('compose.yaml', await readCompose('compose.yaml'), {
    APP_SECRET: generated(),
    POSTGRES_PASSWORD: 'ab12'.repeat(12),
  });
}

async function units(...names: string[]): Promise<BlueprintProcess[]> {
  const processes: BlueprintProcess[] = [];
  for (const name of names) {
    const file = `deploy/systemd/otpost-${name}.service`;
    processes.push(await systemdProcess(file, await readUnit(file), 'deploy/systemd/otpost.env'));
  }
  // Empty values are filled in once, as in the one file on a host.
  return processes.map(({ env, ...rest }) => ({
    ...rest,
    env: { ...env, APP_SECRET: processes[0]!.env['APP_SECRET']! },
  }));
}

function settingsOf({ env }: BlueprintProcess): Settings {
  return readSettings(env).settings;
}

function resultOf({ env }: BlueprintProcess): { production: boolean; warnings: string[] } {
  const { settings, warnings } = readSettings(env);
  return { production: settings.production, warnings };
}

/** Where the process has it. */
async function drainSeconds(): Promise<number> {
  const digits = /DRAIN_WITHIN_MS = ([\d_]+);/.exec(await readFile('src/process.ts', 'utf8'))?.[1];
  return Number(digits?.replaceAll('_', '')) / 1_000;
}

/** It stops its programs one after the other. */
async function supervisorSeconds(): Promise<number> {
  const waits = (await readFile('supervisord.conf', 'utf8')).matchAll(/^stopwaitsecs=(\d+)$/gm);
  return [...waits].reduce((sum, [, seconds]) => sum + Number(seconds), 0);
}
