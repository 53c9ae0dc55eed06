import { randomBytes } from 'node:crypto';
import { chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartupError } from '../core/startup-error.js';
import { type PostgresBinaries, runProgram, type ServerAccount } from './binaries.js';

/** Whether a process with this id exists, be it ours or another user's. */
export function processLives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A data folder made by initdb, and what only its owner knows. */
interface Cluster {
  folder: string;
  password: string;
}

export const SUPERUSER = 'otpost';

/** Lies in the cluster's own folder, so that the rename that makes the cluster appear brings its password along. */
const PASSWORD_FILE = 'otpost.password';
const DRAFT_PREFIX = 'postgres.new-';

/**
 * Opens the cluster in `<dataDir>/postgres`, made on first use. It is made under another name and renamed when
 * complete: a process killed half-way leaves a draft that the next start sweeps away, and of two processes that start
 * together one wins the rename and the other takes what it finds.
 * @throws StartupError when the folder belongs to someone else or to another major version of PostgreSQL
 */
export async function openCluster(
  dataDir: string,
  binaries: PostgresBinaries,
  account: ServerAccount | undefined,
): Promise<Cluster> {
  const folder = join(dataDir, 'postgres');
  await sweepDrafts(dataDir);
  if (!(await hasEntries(folder))) await createCluster(dataDir, folder, binaries, account);
  await checkVersion(folder, binaries);
  return { folder, password: await readPassword(folder) };
}

export async function readPassword(clusterFolder: string): Promise<string> {
  return (await readFile(join(clusterFolder, PASSWORD_FILE), 'utf8')).trim();
}

async function createCluster(
  dataDir: string,
  folder: string,
  binaries: PostgresBinaries,
  account: ServerAccount | undefined,
): Promise<void> {
  const draft = join(dataDir, `${DRAFT_PREFIX}${process.pid}-${randomBytes(4).toString('hex')}`);
  const cluster = join(draft, 'cluster');
  const passwordFile = join(draft, PASSWORD_FILE);
  await mkdir(cluster, { recursive: true, mode: 0o700 });
  await writeFile(passwordFile, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 });
  if (account) for (const path of [draft, cluster, passwordFile]) await chown(path, account.uid, account.gid);

  await runProgram(binaries.initdb, initdbArguments(cluster, passwordFile), {
    account,
    cwd: draft,
    purpose: 'Creating the embedded PostgreSQL',
    remedy: `Check that ${dataDir} has room and is on a local disk, or set DATABASE_URL to a PostgreSQL database.`,
  });
  await rename(passwordFile, join(cluster, PASSWORD_FILE));
  await rename(cluster, folder).catch(async (error: NodeJS.ErrnoException) => {
    // Someone else's cluster came first.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST' && error.code !== 'EPERM') throw error;
    if (!(await hasEntries(folder))) throw error;
  });
  await rm(draft, { recursive: true, force: true });
}

function initdbArguments(cluster: string, passwordFile: string): string[] {
  return [
    `--pgdata=${cluster}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The built-in provider sorts and folds the same on every machine and needs no locale of the system.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--no-locale',
    // It makes words that people choose hard to guess, at several ms a connection; this password is 24 random bytes.
    '--set=scram_iterations=1',
    // Given, it spares initdb a search through the time zone database.
    '--set=timezone=UTC',
    // Halves the time of the first start. At stake is a power cut in the first seconds of a folder that is still empty.
    '--no-sync',
    '--no-instructions',
  ];
}

async function checkVersion(folder: string, binaries: PostgresBinaries): Promise<void> {
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (version === undefined) {
    throw new StartupError(
      `${folder} is not empty and holds no PostgreSQL cluster.`,
      'Move its content away, or point DATA_DIR to another folder.',
    );
  }
  if (version.trim() !== binaries.majorVersion) {
    throw new StartupError(
      `${folder} was made by PostgreSQL ${version.trim()}; the embedded one is ${binaries.majorVersion} and cannot read it.`,
      'Move the folder away to start anew, or serve it with its own version and set DATABASE_URL.',
    );
  }
}

/** Removes what processes that are no more left half-made. */
async function sweepDrafts(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (!name.startsWith(DRAFT_PREFIX)) continue;
    const maker = Number.parseInt(name.slice(DRAFT_PREFIX.length), 10);
    // In a container each start has the same process id: then age tells.
    const ours = maker === process.pid && (await stat(join(dataDir, name))).mtimeMs >= performance.timeOrigin;
    if (ours || (maker !== process.pid && processLives(maker))) continue;
    // An initdb whose starter was killed may still be writing there for a moment: what it adds is removed again.
    await rm(join(dataDir, name), { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }
}

async function hasEntries(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(ignoreMissing);
  return found !== undefined && (await readdir(folder)).length > 0;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
