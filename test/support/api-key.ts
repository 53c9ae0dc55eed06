import { ApiKeys } from '../../src/access/api-keys.js';
import type { Scope } from '../../src/access/scopes.js';
import { SystemClock } from '../../src/core/clock.js';
import { PrismaService } from '../../src/database/prisma.service.js';

/** A key as `otpost keys create` makes it, on the database of a test. */
export async function createApiKey(databaseUrl: string, scopes: Scope[] = ['emails:send', 'emails:read']): Promise<string> {
  const prisma = new PrismaService({ url: databaseUrl, poolSize: 1 });
  try {
    return (await new ApiKeys(prisma, new SystemClock()).create('test', scopes)).key;
  } finally {
    await prisma.$disconnect();
  }
}
