import { KeyChanges } from '../../../src/access/api-keys.js';
import type { Scope } from '../../../src/access/access-policy.js';
import { Audit, OPERATOR } from '../../../src/audit/audit.js';
import { DatabaseClock } from '../../../src/database/database-clock.js';
import { PrismaService, Transactions } from '../../../src/database/prisma.service.js';
import { note } from '../text/test-logs.js';

/** A key as `otpost keys create` makes it, on the database of a test. */
export async function createApiKey(
  databaseUrl: string,
  scopes: Scope[] = ['emails:send', 'emails:read'],
): Promise<string> {
  const prisma = new PrismaService({ url: databaseUrl, poolSize: 1 });
  try {
    const clock = await DatabaseClock.read(prisma);
    const keys = new KeyChanges(new Transactions(prisma), clock, new Audit(prisma, clock));
    const { key } = await keys.create({ name: 'test', scopes }, OPERATOR);
    note('token', key);
    return key;
  } finally {
    await prisma.$disconnect();
  }
}
