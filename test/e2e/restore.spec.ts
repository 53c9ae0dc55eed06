import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createEmptyDatabase } from '../support/database/empty-database.js';
import { InstalledPostgres, installedPrograms } from '../support/database/installed-postgres.js';
import type { TestDatabase } from '../support/database/postgres.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { OperatedService } from '../support/service/cli-mail.js';
import { runCli } from '../support/service/cli.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';
import { SmtpSink } from '../support/smtp/smtp-sink.js';

const [OPERATIONS, UPGRADES] = ['operations', 'upgrades'].map((page) =>
  readFileSync(fileURLToPath(new URL(`../../docs/${page}.md`, import.meta.url)), 'utf8'),
) as [string, string];

/** The line of the document that begins so, for bash to run. */
function documented(start: string): string {
  const line = OPERATIONS.split('\n').find((one) => one.startsWith(start));
  if (line === undefined) throw new Error(`docs/operations.md has no line that begins with ${start}`);
  return line;
}

const programs = installedPrograms();
if (programs === undefined) console.warn('SKIPPED: no restore was tried, for no PostgreSQL with pg_dump is installed');

(programs === undefined ? describe.skip : describe)('a backup and its restore, as docs/operations.md has them', () => {
  let server: InstalledPostgres;
  let former: Otpost;
  let saved: TestDatabase;
  let restored: TestDatabase;
  let decoy: TestDatabase;
  let sink: SmtpSink;
  let folder: string;
  let present: OtpostInProcess | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'otpost-restore-'));
    sink = await SmtpSink.start();
    server = await InstalledPostgres.start(programs!);
    [saved, restored, decoy] = await Promise.all([
      createEmptyDatabase(server.url),
      createEmptyDatabase(server.url),
      createEmptyDatabase(server.url),
    ]);
    await decoy.query('CREATE TABLE decoy ()');
    former = await startOtpost({
      DATABASE_URL: saved.url,
      ROLE: 'web',
      OUTBOX_RESCUE: 'off',
      MAIL_FROM: 'no-reply@example.com',
    });
  });
  afterAll(async () => {
    await present?.stop();
    await former.stop();
    await Promise.all([saved.drop(), restored.drop(), decoy.drop()]);
    server.stop();
    await sink.stop();
    rmSync(folder, { recursive: true });
  });

  it('keeps every message, sends nothing until it is let, and then what waited', async () => {
    const service = await OperatedService.of(former, { DATABASE_URL: saved.url, APP_SECRET: TEST_SECRET });
    const [wanted, stale] = [await service.accept('wanted@example.com'), await service.accept('stale@example.com')];
    // Another database is what the tools would take by themselves: none of it may come into the dump, nor out of it.
    const { hostname, port, username, password, pathname } = new URL(decoy.url);
    const ambient = {
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGPASSWORD: password,
      PGDATABASE: pathname.slice(1),
    };
    const bash = (command: string, url?: string): void =>
      void execFileSync('bash', ['--norc', '-ec', command], {
        cwd: folder,
        stdio: 'pipe',
        env: {
          PATH: `${programs}:${process.env['PATH']}`,
          ...ambient,
          ...(url === undefined ? {} : { DATABASE_URL: url }),
        },
      });
    for (const start of ['pg_dump ', 'pg_restore '])
      expect(() => bash(documented(start))).toThrow('is not set in this shell');
    expect(readdirSync(folder)).toEqual([]);
    expect(UPGRADES).toContain(documented('pg_dump '));
    bash(documented('pg_dump '), saved.url);
    await service.accept('after-the-dump@example.com');
    bash(documented('pg_restore '), restored.url);
    expect(
      await restored.query(
        `SELECT to_regclass('decoy') IS NULL AS absent, to_regclass('outbound_emails') IS NULL AS empty`,
      ),
    ).toEqual([{ absent: true, empty: false }]);
    expect(await decoy.query(`SELECT to_regclass('outbound_emails') IS NULL AS empty`)).toEqual([{ empty: true }]);

    const env = {
      DATABASE_URL: restored.url,
      APP_SECRET: TEST_SECRET,
      MAIL_TRANSPORTS: sink.url,
      MAIL_FROM: 'no-reply@example.com',
      PORT: '0',
    };
    const otpost = (line: string) => runCli(line.split(' ').slice(1), env);
    const [status, stats] = await Promise.all([
      otpost(documented('otpost migrate --status')),
      runCli(['outbox', 'stats', '--json'], env),
    ]);
    expect(status.code).toBe(0);
    expect([stats.code, JSON.parse(stats.out)]).toMatchObject([0, { accepted: 2, imbalance: 0 }]);
    expect((await otpost(documented('otpost queue pause'))).code).toBe(0);

    present = await OtpostInProcess.start({ ...env, ROLE: 'all' });
    const { out } = await otpost(documented('otpost outbox list'));
    expect([out.includes(wanted), out.includes(stale)]).toEqual([true, true]);
    expect((await runCli(['outbox', 'cancel', stale], env)).code).toBe(0);
    expect((await otpost(documented('otpost queue resume'))).code).toBe(0);
    await sink.waitForMailTo('wanted@example.com');
    await eventually(
      async () =>
        (await restored.query<{ status: string }>('SELECT status FROM outbound_emails WHERE id = $1', [wanted]))[0]
          ?.status === 'sent',
      'the receipt',
    );
    expect(sink.received.map(({ to }) => to)).toEqual([['wanted@example.com']]);
  });
});
