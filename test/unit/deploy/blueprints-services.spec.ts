import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Manifest, type PodSpec, readManifests } from '../../../tools/blueprints/kubernetes.js';
import { readRailway } from '../../../tools/blueprints/railway.js';
import { readUnit, type Unit } from '../../../tools/blueprints/systemd.js';
import { runCli } from '../../support/service/cli.js';
import { HANGS_MS } from '../../support/signals/wait.js';

const UNITS = ['otpost-migrate', 'otpost-web', 'otpost-worker'];

describe('the services of systemd', () => {
  it.each(UNITS)('%s may write nothing but its /tmp, gain nothing, and leaves V8 its compiler', async (name) => {
    const unit = await readUnit(`deploy/systemd/${name}.service`);
    for (const [key, value] of Object.entries({
      NoNewPrivileges: 'yes',
      ProtectSystem: 'strict',
      ProtectHome: 'yes',
      PrivateTmp: 'yes',
      PrivateDevices: 'yes',
      CapabilityBoundingSet: '',
    })) {
      expect({ [key]: unit.get(`Service.${key}`) }).toEqual({ [key]: [value] });
    }
    expect(unit.get('Service.MemoryDenyWriteExecute')).toBeUndefined();
    expect(unit.get('Service.User')).toEqual(['otpost']);
  });

  it('run node itself, which a SIGTERM reaches, never npm', async () => {
    for (const name of UNITS) {
      const [command] = (await readUnit(`deploy/systemd/${name}.service`)).get('Service.ExecStart')!;
      expect(command).toMatch(/^\/usr\/bin\/node dist\/(main|cli)\.js\b/);
    }
  });

  it('migrate before web and worker start, and only there', async () => {
    for (const name of ['otpost-web', 'otpost-worker']) {
      const unit = await readUnit(`deploy/systemd/${name}.service`);
      expect(unit.get('Unit.Requires')).toEqual(['otpost-migrate.service']);
      expect(unit.get('Unit.After')!.join(' ').split(' ')).toContain('otpost-migrate.service');
      expect(unit.get('Service.Environment')!.join(' ')).toContain('MIGRATE_ON_START=off');
    }
  });

  it('pass systemd-analyze verify, where it is', async () => {
    const complaints = await verified(UNITS.map((name) => `deploy/systemd/${name}.service`));
    if (complaints === undefined) console.warn('systemd-analyze is not here: the units were not verified by it.');
    // A checkout is not installed: nothing is said of that.
    expect(
      (complaints ?? '').split('\n').filter((line) => line.includes('otpost-') && !line.includes('is not executable')),
    ).toEqual([]);
  });

  it('differ in nothing that hardens them', async () => {
    const hardening = async (name: string): Promise<string> => {
      const unit: Unit = await readUnit(`deploy/systemd/${name}.service`);
      return JSON.stringify(
        [...unit].filter(([key]) =>
          /^Service\.(Protect|Private|Restrict|Lock|Capab|Ambient|System|UMask|Remove|NoNew)/.test(key),
        ),
      );
    };
    expect(new Set(await Promise.all(UNITS.map(hardening))).size).toBe(1);
  });
});

describe('the manifests of Kubernetes', () => {
  let manifests: Manifest[];
  beforeAll(async () => {
    manifests = await readManifests('deploy/kubernetes');
  });

  it('are all named by the kustomization beside them', async () => {
    for (const folder of ['deploy/kubernetes', 'deploy/kubernetes/autoscaling']) {
      const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
      const text = await readFile(join(folder, 'kustomization.yaml'), 'utf8');
      for (const name of files) expect(text).toContain(`- ${name}\n`);
    }
  });

  it('restart what hangs, and take out of the traffic what cannot accept', () => {
    for (const name of ['otpost-web', 'otpost-worker']) {
      const [container] = podOf(named('Deployment', name)).containers as unknown as Record<
        string,
        { httpGet: { path: string } }
      >[];
      expect(container!['livenessProbe']!.httpGet.path).toBe('/health/live');
      expect(container!['startupProbe']!.httpGet.path).toBe('/health/live');
      expect(container!['readinessProbe']!.httpGet.path).toBe('/health');
    }
  });

  it('start a version when the Job has migrated for it, with commands that there are', async () => {
    const commands = manifests.flatMap((manifest) => {
      const pod = manifest.spec?.template && podOf(manifest);
      return pod
        ? [...(pod.initContainers ?? []), ...pod.containers].flatMap(({ command }) =>
            command ? [command.join(' ')] : [],
          )
        : [];
    });
    expect(commands).toEqual([
      'node dist/cli.js migrate',
      ...Array<string>(2).fill('node dist/cli.js migrate --wait --timeout 10min'),
    ]);
    // What is understood comes as far as the settings, which are wrong.
    for (const command of commands)
      expect((await runCli(command.split(' ').slice(2), { PORT: 'eighty' })).code).toBe(1);
  });

  it('probe a worker on the port that it opens', () => {
    const [container] = podOf(named('Deployment', 'otpost-worker')).containers as unknown as {
      env: { name: string; value: string }[];
      ports: { containerPort: number }[];
    }[];
    expect(container!.env).toContainEqual({ name: 'WORKER_PORT', value: String(container!.ports[0]!.containerPort) });
  });

  it('select the pods that they mean', () => {
    for (const name of ['otpost-web', 'otpost-worker']) {
      const { spec } = named('Deployment', name) as unknown as {
        spec: { selector: { matchLabels: object }; template: { metadata: { labels: object } } };
      };
      expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels);
      expect(
        (named('PodDisruptionBudget', name).spec as { selector: { matchLabels: object } }).selector.matchLabels,
      ).toEqual(spec.selector.matchLabels);
    }
    const web = named('Deployment', 'otpost-web') as unknown as { spec: { selector: { matchLabels: object } } };
    expect(named('Service', 'otpost-web').spec!['selector']).toEqual(web.spec.selector.matchLabels);
  });

  it('fit with web and worker on a node of 512 MB, as they ask for it', () => {
    const asked = ['otpost-web', 'otpost-worker'].map((name) => {
      const [container] = podOf(named('Deployment', name)).containers as unknown as {
        resources: { requests: { memory: string } };
      }[];
      return Number(/^(\d+)Mi$/.exec(container!.resources.requests.memory)?.[1]);
    });
    expect(asked[0]! + asked[1]!).toBeLessThan(400);
  });

  it('scale by a figure that /metrics has', async () => {
    const [scaled] = (await readManifests('deploy/kubernetes/autoscaling')).filter(
      ({ kind }) => kind === 'ScaledObject',
    );
    const triggers = scaled!.spec!['triggers'] as { metadata: { query: string } }[];
    const names = triggers.flatMap(({ metadata }) => metadata.query.match(/otpost_\w+/g) ?? []);
    expect(names).not.toEqual([]);
    const sources = await sourcesOf('src');
    for (const name of names)
      expect({ [name]: sources.some((text) => text.includes(`'${name}'`)) }).toEqual({ [name]: true });
    expect(podOf(named('Deployment', (scaled!.spec!['scaleTargetRef'] as { name: string }).name))).toBeDefined();
  });

  function named(kind: string, name: string): Manifest {
    const found = manifests.find((manifest) => manifest.kind === kind && manifest.metadata.name === name);
    if (!found) throw new Error(`There is no ${kind} ${name}.`);
    return found;
  }
});

describe('the services of Railway', () => {
  it.each(['.railway/railway.ts', '.railway/split.ts'])(
    '%s is asked for its readiness before it gets traffic, and is built from the Dockerfile',
    async (file) => {
      const services = (await readRailway(file)).resources.filter(({ kind }) => kind === 'service');
      for (const { config, variables } of services) {
        expect(config['build']).toEqual({ builder: 'DOCKERFILE', dockerfilePath: 'Dockerfile' });
        const role = variables['ROLE'] as { value: string };
        expect(config['healthcheck']).toBe(role.value === 'worker' ? undefined : '/health');
      }
    },
  );
});

function podOf({ spec }: Manifest): PodSpec {
  return spec!.template!.spec;
}

async function sourcesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
  return Promise.all(files.map((file) => readFile(file, 'utf8')));
}

/** What systemd says of the units; undefined where there is no systemd. */
function verified(files: string[]): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    execFile('systemd-analyze', ['verify', ...files], { timeout: HANGS_MS }, (error, stdout, stderr) => {
      const missing = (error as NodeJS.ErrnoException | null)?.code === 'ENOENT';
      if (error?.killed) reject(new Error('systemd-analyze hangs', { cause: error }));
      else resolve(missing ? undefined : `${stdout}${stderr}`);
    });
  });
}
