/** Peers that are no dependencies of Otpost: fetched once, into a folder of the user's cache. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { here } from './stage.mjs';

const CACHE =
  process.env['OTPOST_BENCH_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'otpost-bench');
/** Of Debian, with what it recommends left out: Celery, its Redis transport, and a driver of Postgres. */
const DEBIAN = ['python3-celery', 'python3-redis', 'python3-psycopg2'];
const IMPORTS = 'import celery, redis, psycopg2; print(celery.__version__)';

function run(program, args, options = {}) {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options }).trim();
}

/** What went wrong, in a line. */
function lastLine(error) {
  return String(error.stderr || error.message)
    .trim()
    .split('\n')
    .at(-1);
}

/** @returns {{ file: string, version: string } | { missing: string }} file: what to fork */
export function betterAuth() {
  const folder = join(CACHE, 'better-auth');
  const installed = join(folder, 'node_modules/better-auth/package.json');
  try {
    if (!existsSync(installed)) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
      console.log(`fetching Better Auth into ${folder}`);
      const packages = ['better-auth@1', 'pg@8', 'nodemailer'];
      run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', ...packages], {
        cwd: folder,
      });
    }
    copyFileSync(here('peers/better-auth.mjs'), join(folder, 'server.mjs'));
    return { file: join(folder, 'server.mjs'), version: JSON.parse(readFileSync(installed, 'utf8')).version };
  } catch (error) {
    return { missing: lastLine(error) };
  }
}

/** @returns {{ python: string, env: object, version: string } | { missing: string }} how to run `celery_peer.py` */
export function celery() {
  const folder = join(CACHE, 'celery');
  const tried = [];
  for (const [how, prepare] of [
    ['pip', withPip],
    ['apt', withApt],
  ]) {
    try {
      const { python, env } = prepare(join(folder, how));
      return { python, env, version: run(python, ['-c', IMPORTS], { env: { ...process.env, ...env } }) };
    } catch (error) {
      tried.push(`${how}: ${lastLine(error)}`);
    }
  }
  return { missing: tried.join('; ') };
}

function withPip(folder) {
  const python = join(folder, 'bin/python');
  const failed = join(folder, 'failed');
  if (existsSync(failed)) throw new Error(`${readFileSync(failed, 'utf8')} (remove ${folder} to try again)`);
  if (!existsSync(join(folder, 'done'))) {
    console.log(`fetching Celery into ${folder}`);
    mkdirSync(folder, { recursive: true });
    try {
      run('python3', ['-m', 'venv', folder]);
      run(python, ['-m', 'pip', 'install', '-q', '--retries', '1', 'celery[redis]>=5', 'psycopg2-binary']);
      writeFileSync(join(folder, 'done'), '');
    } catch (error) {
      writeFileSync(failed, lastLine(error));
      throw error;
    }
  }
  return { python, env: {} };
}

/** Debian's packages, unpacked beside the system and not into it. */
function withApt(folder) {
  const root = join(folder, 'root');
  if (!existsSync(join(folder, 'done'))) {
    console.log(`fetching Debian's Celery into ${folder}`);
    const archives = join(folder, 'archives');
    mkdirSync(join(archives, 'partial'), { recursive: true });
    const options = ['-y', '--no-install-recommends', '--download-only', '-o', `Dir::Cache::archives=${archives}`];
    run('apt-get', ['install', ...options, ...DEBIAN]);
    for (const name of readdirSync(archives))
      if (name.endsWith('.deb')) run('dpkg', ['-x', join(archives, name), root]);
    writeFileSync(join(folder, 'done'), '');
  }
  return { python: '/usr/bin/python3', env: { PYTHONPATH: join(root, 'usr/lib/python3/dist-packages') } };
}
