import pg from 'pg';

/** This deployment's own name, made by the first migration: keeps its wakes apart where a Redis is shared. */
export async function readDeployment(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>('SELECT id FROM deployment');
    return rows[0]!.id;
  } finally {
    await client.end();
  }
}
