import type { TestDatabase } from '../database/postgres.js';
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
