import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OperatedService } from '../support/cli-mail.js';
import { runCli } from '../support/cli.js';
import { createEmptyDatabase } from '../support/empty-database.js';
import { installedPrograms, InstalledPostgres } from '../support/installed-postgres.js';
import { type Otpost, startOtpost, TEST_SECRET } from '../support/otpost.js';
import { OtpostProcess } from '../support/otpost-process.js';
import type { TestDatabase } from '../support/postgres.js';
import { SmtpSink } from '../support/smtp-sink.js';
import { eventually } from '../support/wait.js';

const OPERATIONS = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');

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
  let sink: SmtpSink;
  let folder: string;
  let present: OtpostProcess | undefined;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'otpost-restore-'));
    sink = await SmtpSink.start();
    server = await InstalledPostgres.start(programs!);
    [saved, restored] = await Promise.all([createEmptyDatabase(server.url), createEmptyDatabase(server.url)]);
    former = await startOtpost({ DATABASE_URL: saved.url, ROLE: 'web', OUTBOX_RESCUE: 'off', MAIL_FROM: 'no-reply@example.com' });
  });
  afterAll(async () => {
    await present?.stop('SIGKILL');
    await former.stop();
    await Promise.all([saved.drop(), restored.drop()]);
    server.stop();
    await sink.stop();
    rmSync(folder, { recursive: true });
  });

  it('keeps every message, sends nothing until it is let, and then what waited', async () => {
    const service = await OperatedService.of(former, { DATABASE_URL: saved.url, APP_SECRET: TEST_SECRET });
    const [wanted, stale] = [await service.accept('wanted@example.com'), await service.accept('stale@example.com')];
    const bash = (command: string, url: string): void => void execFileSync('bash', ['-ec', command], { cwd: folder, env: { PATH: `${programs}:${process.env['PATH']}`, DATABASE_URL: url } });
    bash(documented('pg_dump '), saved.url);
    await service.accept('after-the-dump@example.com');
    bash(documented('pg_restore '), restored.url);

    const env = { DATABASE_URL: restored.url, APP_SECRET: TEST_SECRET, MAIL_TRANSPORTS: sink.url, MAIL_FROM: 'no-reply@example.com', PORT: '0' };
    const otpost = (line: string) => runCli(line.split(' ').slice(1), env);
    const [status, stats] = await Promise.all([otpost(documented('otpost migrate --status')), runCli(['outbox', 'stats', '--json'], env)]);
    expect(status.code).toBe(0);
    expect([stats.code, JSON.parse(stats.out)]).toMatchObject([0, { accepted: 2, imbalance: 0 }]);
    expect((await otpost(documented('otpost queue pause'))).code).toBe(0);

    present = await OtpostProcess.start({ ...env, ROLE: 'all' });
    const { out } = await otpost(documented('otpost outbox list'));
    expect([out.includes(wanted), out.includes(stale)]).toEqual([true, true]);
    expect((await runCli(['outbox', 'cancel', stale], env)).code).toBe(0);
    expect((await otpost(documented('otpost queue resume'))).code).toBe(0);
    await sink.waitForMailTo('wanted@example.com');
    await eventually(async () => (await restored.query<{ status: string }>('SELECT status FROM outbound_emails WHERE id = $1', [wanted]))[0]?.status === 'sent', 'the receipt');
    expect(sink.received.map(({ to }) => to)).toEqual([['wanted@example.com']]);
  });
});
