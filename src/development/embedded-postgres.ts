import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { StartupError } from '../core/startup-error.js';
import {
  chooseAccount,
  folderThatBars,
  locateBinaries,
  type PostgresBinaries,
  type ServerAccount,
} from './binaries.js';
import { openCluster, readPassword, SUPERUSER } from './cluster.js';
import { ensureServer, type RunningServer, runningServer, type Server, stopServer } from './postmaster.js';

/** A running PostgreSQL that belongs to this process until `stop`. */
export interface EmbeddedPostgres {
  /** Connection string of the database `otpost`. */
  url: string;
  /** Shuts the server down, sessions included; takes a fraction of a second, at most about ten. Close pools first. */
  stop(): Promise<void>;
}

const DATABASE = 'otpost';
/** Two keys of an advisory lock in the database `postgres`, where nothing else takes any. */
const FOLDER_LOCK = [0x07b0, 0x0571] as const;
/** How long a holder that is just going (killed, or restarting) may take to let go. */
const HOLDER_LEAVES_WITHIN_MS = 1_000;
const CONNECT_WITHIN_MS = 30_000;

/**
 * Serves the PostgreSQL in `<dataDir>/postgres`, made on first use, to this process alone. Meant for development.
 *
 * Whose the folder is, a session lock inside the server tells: it ends with the process however that ends, so there
 * is no stale file to clear away. A server that outlived a killed process is taken up again.
 * @param dataDir made if missing; relative to the working directory unless absolute
 * @param moreSettings of the server, such as `max_connections=200`
 * @throws StartupError when the folder cannot be used or is in use, or the server does not start
 */
export async function startEmbeddedPostgres(
  dataDir: string,
  moreSettings: readonly string[] = [],
): Promise<EmbeddedPostgres> {
  const folder = resolve(dataDir);
  try {
    const binaries = locateBinaries();
    const account = await prepareFolder(folder, binaries);
    const { folder: clusterFolder, password } = await openCluster(folder, binaries, account);
    const server: Server = { clusterFolder, logFile: join(folder, 'postgres.log'), binaries, account, moreSettings };
    const { session, running } = await claimFolder(server, password);
    // The lock is held to the end: whoever starts meanwhile waits for the server to be gone and starts its own.
    const stop = async (): Promise<void> => {
      try {
        await stopServer(server, running);
      } finally {
        await session.end();
      }
    };
    await createDatabase(session).catch(async (error) => {
      await stop();
      throw error;
    });
    return { url: connectionString(running.port, password, DATABASE), stop };
  } catch (error) {
    throw explained(error, folder);
  }
}

/**
 * Connection string of the server that runs on this folder, for tools that look on; undefined when none runs.
 * Claims nothing: the server may stop at any time.
 */
export async function findEmbeddedPostgres(dataDir: string): Promise<string | undefined> {
  const clusterFolder = join(resolve(dataDir), 'postgres');
  const running = await runningServer(clusterFolder);
  return running && connectionString(running.port, await readPassword(clusterFolder), DATABASE);
}

async function prepareFolder(folder: string, binaries: PostgresBinaries): Promise<ServerAccount | undefined> {
  await mkdir(folder, { recursive: true });
  const account = chooseAccount(join(folder, 'postgres'));
  if (account === undefined) {
    if (process.getuid?.() !== 0) return undefined;
    throw new StartupError(
      'PostgreSQL refuses to run as root, and there is no account "postgres" or "nobody" to run it as.',
      'Start Otpost as an ordinary user, or set DATABASE_URL to a PostgreSQL database.',
    );
  }
  for (const path of [join(folder, 'postgres'), binaries.postgres]) {
    const barred = folderThatBars(path, account);
    if (barred === undefined) continue;
    throw new StartupError(
      `PostgreSQL refuses to run as root, and the account it runs as instead (${account.name}) cannot enter ${barred}.`,
      `Run "chmod o+x ${barred}", start Otpost as an ordinary user, or point DATA_DIR to a folder that everyone can reach, such as /var/lib/otpost.`,
    );
  }
  return account;
}

interface Claim {
  /** Holds the lock as long as it is open. */
  session: pg.Client;
  running: RunningServer;
}

/** Takes the folder for this process, starting its server if need be. */
async function claimFolder(server: Server, password: string): Promise<Claim> {
  const connectUntil = performance.now() + CONNECT_WITHIN_MS;
  let heldUntil: number | undefined;
  for (;;) {
    const running = await ensureServer(server);
    const session = new pg.Client({
      connectionString: connectionString(running.port, password, 'postgres'),
      application_name: `otpost pid ${process.pid}`,
      keepAlive: true,
    });
    // A server that goes away tells every pool; here it must only not be an unhandled event.
    session.on('error', () => undefined);
    try {
      await session.connect();
      if (await takeLock(session)) {
        // A server that shuts down drops the lock of its holder a moment before it drops us.
        if ((await runningServer(server.clusterFolder))?.pid === running.pid) return { session, running };
      } else {
        heldUntil ??= performance.now() + HOLDER_LEAVES_WITHIN_MS;
        if (performance.now() > heldUntil) throw await inUse(session, server);
      }
      await session.end();
    } catch (error) {
      await session.end();
      // Between finding the server and asking it, it may have shut down.
      if (!isGoingAway(error) || performance.now() > connectUntil) throw error;
    }
    await pause(25);
  }
}

async function takeLock(session: pg.Client): Promise<boolean> {
  const { rows } = await session.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', [
    ...FOLDER_LOCK,
  ]);
  return rows[0]?.taken === true;
}

function isGoingAway(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  if (code === undefined) return message?.startsWith('Connection terminated') === true;
  // 57P01 to 57P03: shut down by an operator, after a crash, or not accepting connections.
  return ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', '57P01', '57P02', '57P03'].includes(code);
}

async function inUse(session: pg.Client, server: Server): Promise<StartupError> {
  const { rows } = await session.query<{ application_name: string }>(
    `SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
      WHERE locktype = 'advisory' AND granted AND classid = $1 AND objid = $2`,
    [...FOLDER_LOCK],
  );
  const holder = rows[0]?.application_name.replace(/^otpost /, '') ?? 'pid unknown';
  return new StartupError(
    `Another Otpost (${holder}) is using the data folder ${join(server.clusterFolder, '..')}.`,
    'Stop it first, or give this one a folder of its own with DATA_DIR, or a database with DATABASE_URL.',
  );
}

async function createDatabase(session: pg.Client): Promise<void> {
  const { rowCount } = await session.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
  if (rowCount === 0) await session.query(`CREATE DATABASE ${DATABASE}`);
}

function connectionString(port: number, password: string, database: string): string {
  return `postgresql://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
}

/**
 * What the file system or the server says (it has a code) is for the operator to act on; the rest is a fault of ours.
 */
function explained(error: unknown, folder: string): unknown {
  if (error instanceof StartupError || typeof (error as { code?: unknown }).code !== 'string') return error;
  return new StartupError(
    `The embedded PostgreSQL in ${folder} cannot be used: ${(error as Error).message}`,
    'Make the folder writable for this user, point DATA_DIR to another one, or set DATABASE_URL to a PostgreSQL database.',
    { cause: error },
  );
}
