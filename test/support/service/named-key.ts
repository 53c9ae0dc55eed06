import { KeyChanges } from '../../../src/access/api-keys.js';
import { Audit, OPERATOR } from '../../../src/audit/audit.js';
import { DatabaseClock } from '../../../src/database/database-clock.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import type { TestDatabase } from '../database/postgres.js';
import { note } from '../text/test-logs.js';
import { createApiKey } from './api-key.js';

export interface NamedKey {
  key: string;
  id: string;
  prefix: string;
}

/** A key called "test", with what commands name it by. */
export async function createNamedKey(
  database: TestDatabase,
  ...scopes: NonNullable<Parameters<typeof createApiKey>[1]>
): Promise<NamedKey> {
  const key = await createApiKey(database.url, scopes);
  const [names] = await database.query<{ id: string; prefix: string }>(
    'SELECT id, prefix FROM api_keys WHERE starts_with($1, prefix)',
    [key],
  );
  return { key, ...names! };
}

/** The key that takes over from another one, which still works. */
export async function successorOf(database: TestDatabase, { id }: Pick<NamedKey, 'id'>): Promise<NamedKey> {
  const prisma = new PrismaService({ url: database.url, poolSize: 1 });
  try {
    const clock = await DatabaseClock.read(prisma);
    const keys = new KeyChanges(new Transactions(prisma), clock, new Audit(prisma, clock));
    const rotation = await keys.rotate(id, 24, OPERATOR);
    if (rotation.kind !== 'rotated') throw new Error(rotation.kind);
    note('token', rotation.key);
    return { key: rotation.key, id: rotation.record.id, prefix: rotation.record.prefix };
  } finally {
    await prisma.$disconnect();
  }
}
