import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrate } from '../../../src/database/migrate.js';
import { MIGRATIONS_FOLDER } from '../../../src/database/schema-history.js';
import { createEmptyDatabase } from '../../support/database/empty-database.js';

const MIGRATION = '20261128200000_suppressions_expire';

describe('the suppressions of a build without ends', () => {
  it('get the end that they would have had: bounces 90 days after they were written, the others none', async () => {
    const database = await createEmptyDatabase();
    const folder = mkdtempSync(join(tmpdir(), 'otpost-migrations-'));
    try {
      cpSync(MIGRATIONS_FOLDER, folder, { recursive: true });
      const later = readdirSync(folder).filter((name) => /^\d/.test(name) && name >= MIGRATION);
      for (const name of later) rmSync(join(folder, name), { recursive: true });
      await migrate(database.url, { folder, log: () => undefined });
      await database.query(`
        INSERT INTO suppressions (address_canonical, scope, reason, source, created_at) VALUES
          ('old@example.com', 'all', 'hard_bounce', 'smtp', '2026-01-01T00:00:00Z'), ('eve@example.com', 'all', 'complaint', 'dsn', '2026-01-01T00:00:00Z'),
          ('eve@example.com', 'bulk', 'unsubscribe', 'page', '2026-01-01T00:00:00Z')`);
      await migrate(database.url, { folder: MIGRATIONS_FOLDER, log: () => undefined });
      expect(
        await database.query('SELECT reason, seen_at AS seen, expires_at AS ends FROM suppressions ORDER BY reason'),
      ).toEqual([
        { reason: 'complaint', seen: new Date('2026-01-01T00:00:00Z'), ends: null },
        { reason: 'hard_bounce', seen: new Date('2026-01-01T00:00:00Z'), ends: new Date('2026-04-01T00:00:00Z') },
        { reason: 'unsubscribe', seen: new Date('2026-01-01T00:00:00Z'), ends: null },
      ]);
      // As the former build goes on to write them during the upgrade.
      await database.query(
        `INSERT INTO suppressions (address_canonical, reason, source) VALUES ('new@example.com', 'hard_bounce', 'smtp') ON CONFLICT (address_canonical, scope) DO NOTHING`,
      );
    } finally {
      rmSync(folder, { recursive: true });
      await database.drop();
    }
  });
});
