import type { UnitOfWork } from '../database/unit-of-work.js';

/**
 * Whoever is about to give an address to an account holds it until the end of the transaction. The unique index would
 * refuse the second of two as well, but by ending its whole transaction, with the code already used up in it.
 */
export async function holdAddress(canonical: string, db: UnitOfWork['db']): Promise<void> {
  await db.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${`address:${canonical}`}, 0))`;
}
