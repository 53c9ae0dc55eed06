import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OtpostProcess } from '../support/otpost-process.js';
import { TEST_SECRET } from '../support/otpost.js';
import { createDatabase, type TestDatabase } from '../support/postgres.js';
import { eventually } from '../support/wait.js';

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

  async function refused(environment: Record<string, string>): Promise<string> {
    const process = new OtpostProcess(environment, { cwd: folder });
    expect(await process.exit()).toBe(1);
    expect(process.text).not.toMatch(/^\s+at /m); // no stack
    return process.text;
  }

  it.concurrent('says that the port is taken, and how to choose another', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const line = await refused(env({ PORT: String(port) }));
    expect(line).toContain(`Port ${port} on 127.0.0.1 is taken`);
    expect(line).toContain('PORT=');
    expect(line.split('\n')).toHaveLength(1);
    server.close();
  });

  it.concurrent('says that the data folder cannot be written', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const line = await refused({ PORT: '0', LOG_LEVEL: 'silent', DATA_DIR: join(file, 'data') });
    expect(line).toContain(file);
    expect(line).toContain('DATA_DIR');
    expect(line.split('\n')).toHaveLength(1);
  });

  it.concurrent('says that a web process needs a database of its own', async () => {
    const text = await refused({ ROLE: 'web' });
    expect(text).toContain('DATABASE_URL');
    expect(text).toContain('ROLE=web');
  });

  it.concurrent('says where it waits for Postgres, without the password, and stops waiting when it is told to', async () => {
    const process = new OtpostProcess(env({ DATABASE_URL: 'postgres://otpost:hunter2@127.0.0.1:1/otpost', LOG_LEVEL: 'info' }), { cwd: folder });
    await eventually(() => process.text.includes('127.0.0.1:1'), 'the line that says where it waits');
    expect(await process.stop()).toBe(1);
    expect(process.text).not.toContain('hunter2');
    expect(process.text).not.toMatch(/^\s+at /m); // no stack
  });

  it.concurrent('lists every wrong setting at once, secrets masked', async () => {
    const text = await refused(
      env({ PORT: '70000', ROLE: 'boss', MAIL_TRANSPORTS: 'smtp://user:hunter2@mail.example.com?tls=off', APP_SECRET: 'short' }),
    );
    for (const name of ['PORT', 'ROLE', 'MAIL_TRANSPORTS', 'APP_SECRET']) expect(text).toContain(name);
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain('short (');
  });

  it.concurrent('says that the secret is not the one that sealed the keys; succeeds with that one in APP_SECRET_PREVIOUS, and from then on without it', async () => {
    const first = await OtpostProcess.start(env({ LOG_LEVEL: 'info' }));
    await first.stop();
    const another = `${TEST_SECRET} and another`;
    const line = await refused(env({ APP_SECRET: another }));
    expect(line).toContain('APP_SECRET');
    expect(line).toContain('APP_SECRET_PREVIOUS');
    expect(line.split('\n')).toHaveLength(1);

    const rotated = env({ APP_SECRET: another, LOG_LEVEL: 'info' });
    for (const more of [{ APP_SECRET_PREVIOUS: TEST_SECRET }, {}] as Record<string, string>[]) {
      const started = await OtpostProcess.start({ ...rotated, ...more });
      expect(await started.stop()).toBe(0);
    }
    const back = await OtpostProcess.start(env({ LOG_LEVEL: 'info', APP_SECRET_PREVIOUS: another }));
    expect(await back.stop()).toBe(0);
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

  it.concurrent('succeeds on a database newer than the build, with a warning, when that one says that this build still works', async () => {
    const { url } = await newer('0.1.0');
    const started = await OtpostProcess.start(env({ DATABASE_URL: url, LOG_LEVEL: 'info' }));
    expect(started.text).toMatch(/"level":"warn".*29991231000000_newer/);
    await started.stop();
  });

  it.concurrent('refuses a database newer than the build when it does not', async () => {
    const { url } = await newer('99.0.0');
    expect(await refused(env({ DATABASE_URL: url }))).toContain('99.0.0');
  });
});
