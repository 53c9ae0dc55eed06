import pg from 'pg';

/**
 * A pool whose clients always have somebody to tell of a broken connection. pg-pool takes its own listener off when it
 * hands a client out, and whoever gets it may listen a moment later: an error in between ended the process (seen under
 * load, with `pg_terminate_backend`). The error is told again by the next query, so here it is only heard.
 */
export function openPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(config);
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}
