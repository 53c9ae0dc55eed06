import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from '../../../src/database/migrate.js';
import { chooseAccount, locateBinaries, runProgram, type ServerAccount } from '../../../src/development/binaries.js';
import { openCluster, SUPERUSER } from '../../../src/development/cluster.js';
import { freePort } from '../network/free-port.js';

/** A PostgreSQL of a suite's own, with room for many processes, to be stopped and started at will. */
export class FaultPostgres {
  private databases = 0;
  private template: Promise<string> | undefined;

  private constructor(
    private readonly folder: string,
    private readonly cluster: { folder: string; password: string },
    private readonly account: ServerAccount | undefined,
    private readonly port: number,
  ) {}

  static async start(): Promise<FaultPostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'otpost-faults-'));
    await chmod(folder, 0o755); // started by root, Postgres runs as another user inside
    const data = join(folder, 'data');
    await mkdir(data);
    const account = chooseAccount(join(data, 'postgres'));
    if (account) await chown(data, account.uid, account.gid); // for its log
    const cluster = await openCluster(data, locateBinaries(), account);
    const server = new FaultPostgres(folder, cluster, account, await freePort());
    await server.start();
    return server;
  }

  /** Resolves when it takes connections. */
  async start(): Promise<void> {
    const settings = [
      'listen_addresses=127.0.0.1',
      'unix_socket_directories=',
      'max_connections=250',
      'shared_buffers=32MB',
      'io_method=sync',
    ];
    const options = [`-p ${this.port}`, ...settings.map((setting) => `-c ${setting}`)].join(' ');
    await this.control('start', '-l', join(this.cluster.folder, '..', 'postgres.log'), '-o', options);
  }

  /** `fast` ends the sessions first; `immediate` ends like a crash, and the next start recovers. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.control('stop', '-m', mode);
  }

  /** A fresh database, as the migrations leave it; answers its URL. */
  async createDatabase(): Promise<string> {
    this.template ??= this.migrated();
    const copy = await this.copyOf(await this.template);
    // Copies must not take each other for one deployment on a shared Redis.
    await this.run(copy, 'UPDATE deployment SET id = gen_random_uuid()');
    return this.urlOf(copy);
  }

  private async migrated(): Promise<string> {
    const name = await this.copyOf('template0');
    await migrate(this.urlOf(name), { log: () => undefined });
    return name;
  }

  private async copyOf(template: string): Promise<string> {
    const name = `faults_${++this.databases}`;
    await this.run('postgres', `CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY file_copy`);
    return name;
  }

  private async run(database: string, sql: string): Promise<void> {
    const client = new pg.Client({ connectionString: this.urlOf(database) });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }

  async remove(): Promise<void> {
    await this.stop('immediate');
    await rm(this.folder, { recursive: true, force: true });
  }

  private urlOf(database: string): string {
    return `postgresql://${SUPERUSER}:${this.cluster.password}@127.0.0.1:${this.port}/${database}`;
  }

  private async control(action: 'start' | 'stop', ...args: string[]): Promise<void> {
    await runProgram(locateBinaries().pgCtl, [action, '-D', this.cluster.folder, '-w', '-t', '30', ...args], {
      account: this.account,
      cwd: this.cluster.folder,
      purpose: `pg_ctl ${action}`,
      remedy: 'See its log.',
    });
  }
}
