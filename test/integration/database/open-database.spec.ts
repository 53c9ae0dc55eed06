import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import pg from 'pg';
import { migrate } from '../../../src/database/migrate.js';
import { openDatabase } from '../../../src/database/open-database.js';
import { findEmbeddedPostgres } from '../../../src/development/embedded-postgres.js';
import { createEmptyDatabase } from '../../support/database/empty-database.js';
import { makeCertificate } from '../../support/smtp/certificate.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';

const NEWER = '20990101000000_newer';

function settings(url: string | undefined, dataDir = '', migrateOnStart = true) {
  return { dataDir, database: { url, poolSize: 2, migrateOnStart } };
}

describe('Opening an external database', () => {
  let database: TestDatabase;
  const log: string[] = [];
  const note = (level: string, message: string) => void log.push(`${level}: ${message}`);

  beforeEach(() => void log.splice(0));

  /** How often, depends on how fast the machine is. */
  function saidNothingBut(line: RegExp): void {
    expect(log.filter((said) => !line.test(said))).toEqual([]);
  }

  describe('that is there', () => {
    beforeEach(async () => {
      database = await createEmptyDatabase();
    });

    afterEach(() => database.drop());

    it('migrates it', async () => {
      const opened = await openDatabase(settings(database.url), note);
      expect(opened).toMatchObject({ url: database.url, embedded: false });
      expect(await database.query('SELECT count(*)::int AS accounts FROM accounts')).toEqual([{ accounts: 0 }]);
      await opened.close();
    });

    it('leaves it alone and refuses after a while when MIGRATE_ON_START is off', async () => {
      await expect(openDatabase(settings(database.url, '', false), note, { timeout: 1_000 })).rejects.toThrow(
        /MIGRATE_ON_START is off/,
      );
      saidNothingBut(/^info: Waiting for the migration job: The database lacks/);
      expect(await database.query(`SELECT 1 FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
    });

    it('waits for whoever migrates when MIGRATE_ON_START is off', async () => {
      const begun: { migrating?: Promise<unknown> } = {};
      const opening = openDatabase(settings(database.url, '', false), (level, message) => {
        note(level, message);
        begun.migrating ??= migrate(database.url, { log: () => undefined });
      });
      await expect(opening).resolves.toMatchObject({ url: database.url });
      await begun.migrating;
      expect(log.length).toBeGreaterThan(0);
      saidNothingBut(/^info: Waiting for the migration job: The database lacks/);
    });

    it('waits for it when it comes up later', async () => {
      const target = new URL(database.url);
      const sockets = new Set<Socket>();
      const proxy = createServer((inbound) => {
        const outbound = connect(Number(target.port), target.hostname);
        for (const socket of [inbound, outbound]) sockets.add(socket.on('error', () => undefined));
        inbound.pipe(outbound).pipe(inbound);
      });
      const port = await new Promise<number>((resolve) => {
        const probe = createServer().listen(0, '127.0.0.1', () => {
          const { port } = probe.address() as AddressInfo;
          probe.close(() => resolve(port));
        });
      });
      const url = new URL(database.url);
      url.port = String(port);
      try {
        const opening = openDatabase(settings(url.href), (level, message) => {
          note(level, message);
          if (!proxy.listening) proxy.listen(port, '127.0.0.1');
        });
        await expect(opening).resolves.toMatchObject({ embedded: false });
        expect(log[0]).toMatch(/^info: Waiting for PostgreSQL at .*ECONNREFUSED/);
      } finally {
        for (const socket of sockets) socket.destroy();
        proxy.close();
      }
    });

    it.each([
      ['an unknown database', (url: URL) => (url.pathname = '/nonesuch'), /does not exist/, /Create the database/],
      [
        'a wrong password',
        (url: URL) => (url.password = 'guessed'),
        /password authentication failed/,
        /Correct the user and the password/,
      ],
      [
        'TLS that the server has not',
        (url: URL) => (url.search = '?sslmode=verify-full'),
        /does not support SSL/,
        /take sslmode out/,
      ],
      [
        'a file that is not there',
        (url: URL) => (url.search = '?sslrootcert=/nonesuch.pem'),
        /ENOENT/,
        /path of the file/,
      ],
    ])('does not wait when its URL has %s, and says so without the password', async (_, spoil, message, remedy) => {
      const url = new URL(database.url);
      spoil(url);
      const refusal = openDatabase(settings(url.href), note);
      await expect(refusal).rejects.toMatchObject({
        name: 'StartupError',
        message: expect.stringMatching(message) as string,
        remedy: expect.stringMatching(remedy) as string,
      });
      await expect(refusal).rejects.toMatchObject({ message: expect.not.stringContaining(url.password) as string });
      expect(log).toEqual([]); // it says so when it waits
    });
  });

  it('does not wait for a server whose certificate nobody here knows, and says how to make it known', async () => {
    const certificate = await makeCertificate();
    // A Postgres says S to whoever asks for TLS.
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.write('S');
        new TLSSocket(socket, { isServer: true, ...certificate }).on('error', () => undefined);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const refusal = openDatabase(settings(`postgres://u:s3cret@localhost:${port}/x?sslmode=verify-full`), note);
      await expect(refusal).rejects.toMatchObject({
        message: expect.stringMatching(/self-signed certificate/) as string,
        remedy: expect.stringContaining('sslrootcert=FILE') as string,
      });
      expect(log).toEqual([]);
    } finally {
      server.close();
      await certificate.remove();
    }
  });

  it('gives up after a while when nothing answers, and says where it looked', async () => {
    const refusal = openDatabase(settings('postgresql://otpost:s3cret@127.0.0.1:1/otpost'), note, { timeout: 1_000 });
    await expect(refusal).rejects.toMatchObject({
      name: 'StartupError',
      message: 'Cannot use the database postgresql://otpost:***@127.0.0.1:1/otpost: connect ECONNREFUSED 127.0.0.1:1.',
      remedy: expect.stringContaining('Check that PostgreSQL runs') as string,
    });
    saidNothingBut(/^info: Waiting for PostgreSQL at /);
  });

  it('says every few seconds what it waits for, and stops waiting when it is told to', async () => {
    const stopping = new AbortController();
    let tries = 0;
    const closing = createServer((socket) => {
      tries++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve));
    const opening = openDatabase(
      settings(`postgresql://otpost:s3cret@127.0.0.1:${(closing.address() as AddressInfo).port}/otpost`),
      (level, message) => {
        note(level, message);
        if (log.length === 2) stopping.abort();
      },
      { stopping: stopping.signal },
    );
    await expect(opening).rejects.toMatchObject({
      name: 'StartupError',
      message: 'Stopped while waiting for the database.',
    });
    closing.close();
    // Not at each try.
    expect(tries).toBeGreaterThan(2);
    expect(log).toEqual([
      expect.stringMatching(/^info: Waiting for PostgreSQL/),
      expect.stringMatching(/^info: Waiting for PostgreSQL/),
    ]);
  });

  describe('that a newer build has migrated', () => {
    beforeEach(async () => {
      database = await createDatabase();
      await database.query(
        `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
         VALUES (gen_random_uuid()::text, 'x', $1, now(), 1)`,
        [NEWER],
      );
    });

    afterEach(() => database.drop());

    const sayOldest = (version: string) =>
      database.query('INSERT INTO schema_compatibility VALUES ($1, $2)', [NEWER, version]);

    it('goes on with a warning when the schema still fits this build', async () => {
      await sayOldest('0.0.1');
      const opened = await openDatabase(settings(database.url), note);
      await opened.close();
      expect(log).toEqual([expect.stringMatching(new RegExp(`^warn: .*newer Otpost \\(${NEWER}\\).* still works`))]);
    });

    it('refuses when the schema asks for a newer build, and names it', async () => {
      await sayOldest('99.1.0');
      await expect(openDatabase(settings(database.url), note)).rejects.toMatchObject({
        name: 'StartupError',
        message: expect.stringContaining(NEWER) as string,
        remedy: expect.stringContaining('Run version 99.1.0 or newer') as string,
      });
    });

    it('refuses when the newer migration does not say which builds fit', async () => {
      await expect(openDatabase(settings(database.url), note)).rejects.toThrow(/no longer fits/);
    });
  });
});

describe('Opening the embedded database', () => {
  let dataDir: string;

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'otpost-open-'));
    chmodSync(dataDir, 0o755);
  });

  afterEach(() => rmSync(dataDir, { recursive: true }));

  it('starts it, migrates it, and stops it on close', async () => {
    const opened = await openDatabase(settings(undefined, dataDir), () => undefined);
    expect(opened.embedded).toBe(true);
    const client = new pg.Client({ connectionString: opened.url });
    await client.connect();
    const { rows } = await client.query('SELECT count(*)::int AS accounts FROM accounts');
    await client.end();
    expect(rows).toEqual([{ accounts: 0 }]);
    await opened.close();
    expect(await findEmbeddedPostgres(dataDir)).toBeUndefined();
  });

  it('does not leave it running when its schema cannot be used', async () => {
    await expect(openDatabase(settings(undefined, dataDir, false), () => undefined)).rejects.toThrow(
      /MIGRATE_ON_START/,
    );
    expect(await findEmbeddedPostgres(dataDir)).toBeUndefined();
  });
});
