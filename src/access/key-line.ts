import { Prisma } from '../generated/prisma/client.js';

/**
 * Ids of an API key, of those that it took over from, and of those that took over from it: whoever rotates keys stays
 * one back end. Each step is found by an index, for this is asked with requests.
 */
export function keyLine(id: string): Prisma.Sql {
  return Prisma.sql`
    WITH RECURSIVE line (id) AS (
      SELECT ${id}::uuid
      UNION
      SELECT beside.id FROM line CROSS JOIN LATERAL (
        SELECT k.id FROM api_keys k WHERE k.replaced_by::text = line.id::text
        UNION ALL SELECT k.replaced_by FROM api_keys k WHERE k.id = line.id AND k.replaced_by IS NOT NULL
      ) AS beside (id)
    ) SELECT id::text FROM line`;
}
