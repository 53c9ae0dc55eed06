import { withClient } from './with-client.js';

/** This deployment's own name, made by the first migration: keeps its wakes apart where a Redis is shared. */
export async function readDeployment(databaseUrl: string): Promise<string> {
  return withClient(databaseUrl, 'start', async (client) => {
    const { rows } = await client.query<{ id: string }>('SELECT id FROM deployment');
    return rows[0]!.id;
  });
}
