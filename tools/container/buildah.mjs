import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseImage } from './base-image.mjs';
import { command, must } from './command.mjs';

const IMAGE = 'localhost/otpost-container-test';
const BUILD_MS = 20 * 60_000;
const NEEDED = ['buildah', 'debootstrap', 'crun'];

/** Builds and runs without a daemon, as root; installs what it takes where apt may. */
export async function buildahIsThere() {
  if (process.getuid?.() !== 0) return false;
  const missing = async () => {
    const codes = await Promise.all(NEEDED.map((name) => command('sh', ['-c', `command -v ${name}`])));
    return NEEDED.filter((_, index) => codes[index].code !== 0);
  };
  const wanted = await missing();
  if (wanted.length === 0) return true;
  console.log(`installing ${wanted.join(', ')} with apt-get`);
  await command('apt-get', ['update', '-qq'], { timeoutMs: 120_000 });
  await command('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wanted], { timeoutMs: 300_000 });
  return (await missing()).length === 0;
}

/**
 * crun refuses a machine with both kinds of cgroups mounted, also where it is told to leave them alone; here it sees
 * one.
 * @param {string[]} args
 */
function crun(args) {
  const script = 'umount -l /sys/fs/cgroup/unified 2>/dev/null; exec crun --cgroup-manager=disabled "$@"';
  return /** @type {const} */ (['unshare', ['--mount', 'sh', '-c', script, 'crun', ...args]]);
}

/** @type {string | undefined} */
let mounted;

async function rootfs() {
  mounted ??= await must('buildah', ['from', '--pull-never', IMAGE]);
  return must('buildah', ['mount', mounted]);
}

async function imageConfig() {
  return JSON.parse(await must('buildah', ['inspect', '--type', 'image', IMAGE])).Docker.config;
}

/** @type {import('./test.mjs').Engine} */
export const buildah = {
  name: 'buildah and crun',

  async build(root) {
    const official = /^ARG NODE_IMAGE=(\S+)$/m.exec(await readFile(join(root, 'Dockerfile'), 'utf8'))[1];
    const base = await baseImage(official);
    // Docker's own format: the other one knows no HEALTHCHECK.
    const options = [
      '--format',
      'docker',
      '--isolation',
      'chroot',
      '--network',
      'host',
      '--pull-never',
      '--layers',
      '--build-arg',
      `NODE_IMAGE=${base}`,
    ];
    await must('buildah', ['bud', ...options, '-t', IMAGE, root], { show: true, timeoutMs: BUILD_MS });
    const bytes = Number((await must('du', ['-sb', await rootfs()])).split('\t')[0]);
    return { base, bytes };
  },

  async shell(script) {
    return must('chroot', [await rootfs(), '/bin/sh', '-c', `cd /app; ${script}`]);
  },

  async healthcheck() {
    return (await imageConfig()).Healthcheck.Test.slice(1);
  },

  async run(env, { uid }) {
    const { Env, Cmd, WorkingDir } = await imageConfig();
    const bundle = await mkdtemp(join(tmpdir(), 'otpost-bundle-'));
    const id = `otpost-test-${process.pid}-${Date.now()}`;
    await must('crun', ['spec', '--bundle', bundle]);
    const spec = JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8'));
    spec.process = {
      ...spec.process,
      terminal: false,
      user: { uid, gid: uid },
      args: Cmd,
      cwd: WorkingDir,
      env: [...Env, ...Object.entries(env).map(([key, value]) => `${key}=${value}`)],
      capabilities: { bounding: [], effective: [], permitted: [] },
      rlimits: [],
    };
    spec.root = { path: await rootfs(), readonly: true };
    spec.mounts = [
      ...spec.mounts.filter(({ type }) => type !== 'cgroup'),
      { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'nodev', 'mode=1777'] },
    ];
    spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== 'network');
    delete spec.linux.resources;
    await writeFile(join(bundle, 'config.json'), JSON.stringify(spec));
    const process_ = spawn(...crun(['run', '--bundle', bundle, id]));
    process_.on('close', () => void rm(bundle, { recursive: true, force: true }));
    return {
      process: process_,
      exec: (args) => command(...crun(['exec', '--user', `${uid}:${uid}`, id, ...args])),
      kill: async (signal) => void (await command(...crun(['kill', id, signal]))),
    };
  },

  async close() {
    if (mounted) await command('buildah', ['rm', mounted]);
  },
};
