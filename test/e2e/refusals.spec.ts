import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartupError } from '../../src/core/startup-error.js';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { OtpostInProcess } from '../support/service/otpost-in-process.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { eventually } from '../support/signals/wait.js';

describe('a start that cannot succeed', () => {
  let database: TestDatabase;
  const databases: TestDatabase[] = [];
  let folder: string;

  beforeAll(async () => {
    database = await createDatabase();
    databases.push(database);
    folder = await mkdtemp(join(tmpdir(), 'otpost-refused-'));
  });
  afterAll(async () => {
    await Promise.all(databases.map((one) => one.drop()));
    await rm(folder, { recursive: true, force: true });
  });

  const env = (more: Record<string, string> = {}): Record<string, string> => ({
    DATABASE_URL: database.url,
    APP_SECRET: TEST_SECRET,
    PORT: '0',
    LOG_LEVEL: 'silent',
    ...more,
  });

  /** The process that is started, with what it prints. */
  async function refusedProcess(environment: Record<string, string>): Promise<string> {
    const process = new OtpostProcess(environment, { cwd: folder });
    expect(await process.exit()).toBe(1);
    expect(process.text).not.toMatch(/^\s+at /m); // no stack
    return process.text;
  }

  /** What `main` prints of the reason, in this process; anything but a reason that an operator can mend is thrown. */
  async function refused(environment: Record<string, string>): Promise<string> {
    const started = await OtpostInProcess.start(environment).catch((error: unknown) => error);
    if (!(started instanceof StartupError)) throw started instanceof Error ? started : new Error('it has started');
    return started.lines.join('\n');
  }

  it('says that the port is taken, and how to choose another: one line of the process, which exits 1', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const line = await refusedProcess(env({ PORT: String(port) }));
    expect(line).toContain(`Port ${port} on 127.0.0.1 is taken`);
    expect(line).toContain('PORT=');
    expect(line.split('\n')).toHaveLength(1);
    server.close();
  });

  it('names the mapping of a generic source that is broken, and the member: one line of the process', async () => {
    await writeFile(join(folder, 'acme.yaml'), 'to: "{{ to"\nsubject: Hello\ntext: Hello\n');
    const mapping = { HOOK_IN_SECRETS: 'generic/acme:bearer:a-token-of-sixteen', HOOK_IN_MAPPINGS: folder };
    const line = await refusedProcess(env({ ...mapping, LOG_LEVEL: 'info' })); // nor does Nest say it on its own
    expect(line).toMatch(/The mapping \S+\/acme\.yaml cannot be used: to is not Liquid .*docs\/hooks-in\.md/);
    expect(line.split('\n')).toHaveLength(1);
  });

  it('says that the data folder cannot be written', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const line = await refused({ PORT: '0', LOG_LEVEL: 'silent', DATA_DIR: join(file, 'data') });
    expect(line).toContain(file);
    expect(line).toContain('DATA_DIR');
    expect(line.split('\n')).toHaveLength(1);
  });

  it('says that a web process needs a database of its own', async () => {
    const text = await refused({ ROLE: 'web' });
    expect(text).toContain('DATABASE_URL');
    expect(text).toContain('ROLE=web');
  });

  it('says where it waits for Postgres, without the password, and stops waiting when it is told to', async () => {
    const process = new OtpostProcess(
      env({ DATABASE_URL: 'postgres://otpost:hunter2@127.0.0.1:1/otpost', LOG_LEVEL: 'info' }),
      { cwd: folder },
    );
    await eventually(() => process.text.includes('127.0.0.1:1'), 'the line that says where it waits');
    expect(await process.stop()).toBe(1);
    expect(process.text).not.toContain('hunter2');
    expect(process.text).not.toMatch(/^\s+at /m); // no stack
  });

  it('lists every wrong setting at once, secrets masked', async () => {
    const text = await refused(
      env({
        PORT: '70000',
        ROLE: 'boss',
        MAIL_TRANSPORTS: 'smtp://user:hunter2@mail.example.com?tls=off',
        APP_SECRET: 'short',
      }),
    );
    for (const name of ['PORT', 'ROLE', 'MAIL_TRANSPORTS', 'APP_SECRET']) expect(text).toContain(name);
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('short (');
  });

  it('says that the secret is not the one that sealed the keys; succeeds with that one in APP_SECRET_PREVIOUS, and from then on without it', async () => {
    const startAndStop = async (more: Record<string, string>): Promise<void> =>
      (await OtpostInProcess.start(env(more))).stop();
    await startAndStop({});
    const another = `${TEST_SECRET} and another`;
    const line = await refused(env({ APP_SECRET: another }));
    expect(line).toContain('APP_SECRET');
    expect(line).toContain('APP_SECRET_PREVIOUS');
    expect(line.split('\n')).toHaveLength(1);

    await startAndStop({ APP_SECRET: another, APP_SECRET_PREVIOUS: TEST_SECRET });
    await startAndStop({ APP_SECRET: another });
    await startAndStop({ APP_SECRET_PREVIOUS: another });
  });

  /** As a later build leaves it, which says from which version on builds still work. */
  async function newer(oldest: string): Promise<TestDatabase> {
    const later = await createDatabase();
    databases.push(later);
    await later.query(
      `WITH m AS (INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
         VALUES (gen_random_uuid(), 'x', '29991231000000_newer', now(), 1))
       INSERT INTO schema_compatibility VALUES ('29991231000000_newer', '${oldest}')`,
    );
    return later;
  }

  it('succeeds on a database newer than the build, with a warning, when that one says that this build still works', async () => {
    const { url } = await newer('0.1.0');
    const started = await OtpostInProcess.start(env({ DATABASE_URL: url, LOG_LEVEL: 'info' }));
    expect(started.text).toMatch(/"level":"warn".*29991231000000_newer/);
    await started.stop();
  });

  it('refuses a database newer than the build when it does not', async () => {
    const { url } = await newer('99.0.0');
    expect(await refused(env({ DATABASE_URL: url }))).toContain('99.0.0');
  });
});
