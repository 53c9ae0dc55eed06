import { spawn } from 'node:child_process';
import { chown, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { StartupError } from '../core/startup-error.js';
import { lastLine, type PostgresBinaries, runProgram, SERVER_ENVIRONMENT, type ServerAccount } from './binaries.js';
import { processLives } from './cluster.js';

/** What runs, where, and as whom. */
export interface Server {
  clusterFolder: string;
  logFile: string;
  binaries: PostgresBinaries;
  account: ServerAccount | undefined;
  /** Such as `fsync=off`; they win over ours. */
  moreSettings: readonly string[];
}

/** A server that takes connections. */
export interface RunningServer {
  /** Of the postmaster. */
  pid: number;
  port: number;
}

type PostmasterState = { kind: 'none' } | ({ kind: 'starting' | 'ready' | 'stopping' } & RunningServer);

/** Recovery after a power cut may take its time; everything else is a matter of milliseconds. */
const READY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 5_000;
const POLL_MS = 5;
const LOG_LIMIT_BYTES = 4 * 1024 * 1024;
const PORT_FILE = 'otpost.port';

/** For one developer: little memory, few processes, and the durability of the real thing (fsync stays on). */
const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=60',
  'shared_buffers=16MB',
  'min_wal_size=32MB',
  'max_wal_size=256MB',
  'max_wal_senders=0',
  'wal_level=minimal',
  'max_parallel_workers_per_gather=0',
  'io_method=sync',
  'jit=off',
  // Addresses stand in the values that a failed statement and its details would show.
  'log_error_verbosity=terse',
  'log_min_error_statement=panic',
];

/**
 * Returns the server of this cluster, started unless one runs already: it outlives a killed Node process
 * and is taken up again.
 * @throws StartupError with the server's last word when it does not come up
 */
export async function ensureServer(server: Server): Promise<RunningServer> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const found = await findPostmaster(server.clusterFolder);
    if (found.kind === 'ready') return found;
    if (found.kind === 'none') {
      const launched = await launch(server, deadline);
      if (launched) return launched;
    }
    if (performance.now() > deadline) throw notReady(server, found);
    await pause(POLL_MS);
  }
}

/** The cluster's server if it runs and takes connections. */
export async function runningServer(clusterFolder: string): Promise<RunningServer | undefined> {
  const state = await findPostmaster(clusterFolder);
  return state.kind === 'ready' ? state : undefined;
}

/**
 * Ends the server with this postmaster, open sessions included: a fast shutdown, and after 5 s an immediate one, which
 * costs the next start a recovery and no data. It is the process that is told and not, as by `pg_ctl stop`, whatever
 * serves the folder: the next Otpost may already have started a server of its own there.
 * @throws StartupError when neither works
 */
export async function stopServer(server: Server, { pid }: RunningServer): Promise<void> {
  for (const name of ['INT', 'QUIT'] as const) {
    await signal(server, pid, name);
    const deadline = performance.now() + STOPPED_WITHIN_MS;
    while (performance.now() <= deadline) {
      if (!(await isRunning(pid))) return;
      await pause(POLL_MS);
    }
  }
  throw new StartupError(`The embedded PostgreSQL (process ${pid}) does not stop.`, 'End that process by hand.');
}

/** Windows has no signals; PostgreSQL brings a program that delivers its own. */
async function signal({ clusterFolder, binaries, account }: Server, pid: number, name: 'INT' | 'QUIT'): Promise<void> {
  if (process.platform === 'win32') {
    await runProgram(binaries.pgCtl, ['kill', name, String(pid)], {
      account,
      cwd: clusterFolder,
      purpose: 'Stopping the embedded PostgreSQL',
      remedy: `End process ${pid} by hand.`,
    });
  } else if (await isRunning(pid)) {
    process.kill(pid, `SIG${name}`);
  }
}

/** Starts a postmaster; undefined when it gave way to another one or to a taken port, and trying again makes sense. */
async function launch(server: Server, deadline: number): Promise<RunningServer | undefined> {
  const { clusterFolder, binaries, account } = server;
  const port = await choosePort(server);
  const log = await openLog(server);
  const logStart = (await log.stat()).size;
  const args = [
    '-D',
    clusterFolder,
    '-p',
    String(port),
    ...[...SETTINGS, ...server.moreSettings].flatMap((setting) => ['-c', setting]),
  ];
  let ended: { cause?: Error } | undefined;
  const child = spawn(binaries.postgres, args, {
    ...(account && { uid: account.uid, gid: account.gid }),
    cwd: clusterFolder,
    env: SERVER_ENVIRONMENT,
    // A session of its own: Ctrl-C reaches the whole process group, and the database has to outlast the drain.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    windowsHide: true,
  });
  child.on('error', (cause) => (ended = { cause }));
  child.on('exit', () => (ended ??= {}));
  child.unref();
  await log.close();

  while (!ended && performance.now() <= deadline) {
    const state = await readPostmasterFile(clusterFolder);
    if (state.kind === 'ready' && state.pid === child.pid) return state;
    await pause(POLL_MS);
  }
  const gaveWay = (await findPostmaster(clusterFolder)).kind !== 'none' || !(await isFree(port));
  if (gaveWay) return undefined;
  const said = lastWord((await readFile(server.logFile, 'utf8')).slice(logStart));
  throw new StartupError(
    `The embedded PostgreSQL did not start: ${ended?.cause?.message ?? said ?? 'it ended without a word'}`,
    `See ${server.logFile}, or set DATABASE_URL to a PostgreSQL database.`,
    { cause: ended?.cause },
  );
}

/** Why a server ended: its last FATAL line, else its last line. */
function lastWord(log: string): string | undefined {
  return [...log.matchAll(/FATAL: +(.+)/g)].at(-1)?.[1] ?? lastLine(log);
}

/** The live postmaster of a cluster. A file left behind by one that was killed, or by a reboot, counts as none. */
async function findPostmaster(clusterFolder: string): Promise<PostmasterState> {
  const state = await readPostmasterFile(clusterFolder);
  if (state.kind === 'none' || (await isRunning(state.pid))) return state;
  // The id may have been given to another program since, and PostgreSQL itself would wait for that one to end.
  if (processLives(state.pid)) await rm(join(clusterFolder, 'postmaster.pid'), { force: true });
  return { kind: 'none' };
}

/**
 * postmaster.pid: line 1 the process id, 4 the port, 8 the state, padded with spaces
 * (src/include/utils/pidfile.h of PostgreSQL). Lines are added as the server comes up.
 */
async function readPostmasterFile(clusterFolder: string): Promise<PostmasterState> {
  const text = await readFile(join(clusterFolder, 'postmaster.pid'), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const lines = text.split('\n');
  const pid = Number(lines[0]);
  const port = Number(lines[3]);
  if (!(pid > 0)) return { kind: 'none' };
  const status = lines[7]?.trim();
  if (status === 'ready' && port > 0) return { kind: 'ready', pid, port };
  return { kind: status === 'stopping' ? 'stopping' : 'starting', pid, port };
}

/**
 * Whether a process is there and PostgreSQL. Only Linux tells the latter without another program, and a zombie apart.
 */
async function isRunning(pid: number): Promise<boolean> {
  if (!processLives(pid)) return false;
  if (process.platform !== 'linux') return true;
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined || command.includes('postgres');
}

/** The port of last time if it is free, so that tools keep their connections; else any free one, remembered. */
async function choosePort({ clusterFolder, account }: Server): Promise<number> {
  const file = join(clusterFolder, PORT_FILE);
  const remembered = Number(await readFile(file, 'utf8').catch(() => ''));
  if (remembered > 0 && (await isFree(remembered))) return remembered;
  const port = await listenOnce(0);
  await writeFile(file, `${port}\n`);
  if (account) await chown(file, account.uid, account.gid);
  return port;
}

async function isFree(port: number): Promise<boolean> {
  return listenOnce(port).then(
    () => true,
    () => false,
  );
}

/** Opens and closes a port (0: any) and returns its number; rejects when it is taken. */
function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}

/** Opens the log for appending. Starting over at a few MB is all the rotation a developer's folder needs. */
async function openLog({ logFile, account }: Server) {
  const log = await open(logFile, 'a', 0o600);
  if (account) await log.chown(account.uid, account.gid);
  if ((await log.stat()).size > LOG_LIMIT_BYTES) await log.truncate(0);
  return log;
}

function notReady({ clusterFolder, logFile }: Server, found: PostmasterState): StartupError {
  const who = found.kind === 'none' ? 'it' : `process ${found.pid}, ${found.kind},`;
  return new StartupError(
    `The embedded PostgreSQL in ${clusterFolder} is not ready after ${READY_WITHIN_MS / 1000} s (${who} holds it up).`,
    `See ${logFile}; end that process if it is stuck, and start again.`,
  );
}
