import { execFileSync, type StdioOptions } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chooseAccount, type ServerAccount } from '../../../src/development/binaries.js';
import { freePort } from '../network/free-port.js';

const DEBIAN = '/usr/lib/postgresql';

/**
 * Folder of the PostgreSQL programs that are installed on this machine, pg_dump among them; undefined where none are.
 */
export function installedPrograms(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const path = (process.env['PATH'] ?? '').split(':');
  return [...versions.map((version) => `${DEBIAN}/${version}/bin`), ...path].find((folder) =>
    ['pg_dump', 'initdb', 'pg_ctl'].every((program) => existsSync(join(folder, program))),
  );
}

/** A server of the machine's own PostgreSQL, for what its pg_dump is to read: the gate's is newer than most. */
export class InstalledPostgres {
  private constructor(
    private readonly programs: string,
    private readonly folder: string,
    private readonly account: ServerAccount | undefined,
    readonly url: string,
  ) {}

  static async start(programs: string): Promise<InstalledPostgres> {
    const folder = mkdtempSync(join(tmpdir(), 'otpost-installed-'));
    chmodSync(folder, 0o755); // started by root, Postgres runs as another user inside
    const data = join(folder, 'data');
    const account = chooseAccount(data);
    mkdirSync(data, { mode: 0o700 });
    if (account) chownSync(data, account.uid, account.gid);
    const port = await freePort();
    const server = new InstalledPostgres(programs, folder, account, `postgres://postgres@127.0.0.1:${port}/postgres`);
    server.run('initdb', '--pgdata', data, '--username=postgres', '--auth=trust', '--encoding=UTF8', '--no-sync');
    server.run(
      'pg_ctl',
      'start',
      '--wait',
      '--pgdata',
      data,
      '--log',
      join(data, 'log'),
      '--options',
      `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=60`,
    );
    return server;
  }

  stop(): void {
    this.run('pg_ctl', 'stop', '--mode=immediate', '--pgdata', join(this.folder, 'data'));
    rmSync(this.folder, { recursive: true, force: true });
  }

  private run(program: string, ...args: string[]): void {
    // Not a pipe: the server would inherit it, and whoever reads it would wait for the server's end.
    const stdio: StdioOptions = 'ignore';
    execFileSync(join(this.programs, program), args, {
      cwd: '/',
      stdio,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      ...(this.account ? { uid: this.account.uid, gid: this.account.gid } : {}),
    });
  }
}
