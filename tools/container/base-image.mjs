import { copyFile, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { command, must } from './command.mjs';

const STAND_IN = `localhost/otpost-test-node:${process.versions.node}`;
const PULL_MS = 60_000;
const BOOTSTRAP_MS = 10 * 60_000;
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/**
 * The image that the Dockerfile begins with; where no registry is to be reached, Debian's files with this machine's
 * Node.
 * @param {string} official
 */
export async function baseImage(official) {
  const have = (/** @type {string} */ name) =>
    command('buildah', ['inspect', '--type', 'image', name]).then(({ code }) => code === 0);
  if (await have(STAND_IN)) return STAND_IN;
  if (
    (await have(official)) ||
    (await command('buildah', ['pull', '-q', `docker.io/library/${official}`], { timeoutMs: PULL_MS })).code === 0
  )
    return official;
  console.log(`${official} cannot be pulled: making a stand-in from debootstrap and Node ${process.versions.node}`);
  await makeStandIn();
  return STAND_IN;
}

async function makeStandIn() {
  const folder = await mkdtemp(join(tmpdir(), 'otpost-base-'));
  const container = await must('buildah', ['from', 'scratch']);
  try {
    const root = join(folder, 'root');
    await must('debootstrap', ['--variant=minbase', '--include=ca-certificates,libstdc++6', 'bookworm', root], {
      timeoutMs: BOOTSTRAP_MS,
    });
    await must('chroot', [root, 'apt-get', 'clean']);
    await addNode(root);
    await must('sh', ['-c', `cp -a "$0/." "$(buildah mount ${container})"`, root], { timeoutMs: BOOTSTRAP_MS });
    await must('buildah', [
      'config',
      '--env',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      ...certificates(),
      container,
    ]);
    await must('buildah', ['commit', '-q', container, STAND_IN], { timeoutMs: BOOTSTRAP_MS });
  } finally {
    await must('buildah', ['rm', container]);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where the official image has it. @param {string} root */
async function addNode(root) {
  const bin = join(root, 'usr/local/bin');
  const npm = dirname(createRequire(process.execPath).resolve(await npmPackage()));
  await mkdir(join(root, 'usr/local/lib/node_modules'), { recursive: true });
  await copyFile(process.execPath, join(bin, 'node'));
  await cp(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true, verbatimSymlinks: true });
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(bin, 'npm'));
  await copyFile(CERTIFICATES, join(root, CERTIFICATES));
}

async function npmPackage() {
  return join(
    await must('npm', ['root', '-g', '--silent']).then((text) => text.split('\n').at(-1)),
    'npm/package.json',
  );
}

/** A network that re-signs TLS: without its certificate npm ci hangs. */
function certificates() {
  return process.env['NODE_EXTRA_CA_CERTS'] ? ['--env', `NODE_EXTRA_CA_CERTS=${CERTIFICATES}`] : [];
}
