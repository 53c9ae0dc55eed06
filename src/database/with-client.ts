import pg from 'pg';

/** Milliseconds until a host that does not answer counts as unreachable. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Does `work` over a connection of its own, closed afterwards; a transaction left open is thereby rolled back.
 * @param purpose shown to operators in pg_stat_activity
 * @throws what Postgres, the network or `work` throws
 */
export async function withClient<T>(url: string, purpose: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: `otpost ${purpose}`,
  });
  // A connection that breaks while idle is told here and again by the next query; only the latter is of use.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
