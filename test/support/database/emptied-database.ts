import pg from 'pg';

/** All that a test may change of a database beside rows, as one word: of copies of one database it is the same. */
const FORM = `
  SELECT md5(string_agg(part, ',' ORDER BY part)) AS form FROM (
    SELECT concat_ws(' ', 'class', oid, relname, relkind, relnatts, relpersistence, reloptions, relacl) AS part
      FROM pg_class WHERE oid >= 16384 AND relnamespace::regnamespace::text NOT LIKE 'pg\\_%'
    UNION ALL SELECT concat_ws(' ', 'attribute', attrelid, attname, atttypid, attnotnull, atthasdef, attisdropped)
      FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0
    UNION ALL SELECT concat_ws(' ', 'function', oid, xmin) FROM pg_proc WHERE oid >= 16384
    UNION ALL SELECT concat_ws(' ', 'constraint', oid, xmin) FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT concat_ws(' ', 'trigger', oid, xmin) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', 'index', indexrelid, indisvalid) FROM pg_index WHERE indexrelid >= 16384
    UNION ALL SELECT concat_ws(' ', 'default', oid, xmin) FROM pg_attrdef
    UNION ALL SELECT concat_ws(' ', 'label', enumtypid, enumlabel) FROM pg_enum
    UNION ALL SELECT concat_ws(' ', 'extension', extname) FROM pg_extension
    UNION ALL SELECT concat_ws(' ', 'schema', oid, nspacl) FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_t%'
    UNION ALL SELECT concat_ws(' ', 'object', oid) FROM pg_largeobject_metadata
    UNION ALL SELECT concat_ws(' ', 'database', datallowconn, datconnlimit, datacl) FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT concat_ws(' ', 'setting', setrole, setconfig)
      FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
  ) AS parts`;

/** Tables that anything was ever written to since they were made or emptied. */
const WRITTEN = `
  SELECT oid::regclass::text AS name FROM pg_class
  WHERE oid >= 16384 AND relkind = 'r' AND relnamespace::regnamespace::text NOT LIKE 'pg\\_%' AND pg_relation_size(oid) > 0`;

/** BullMQ makes one for each queue with its first job. */
const SEQUENCES_OF_QUEUES = `SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'S' AND relname LIKE 'bullmq\\_jid\\_%'`;

/** What a database is like that no test has used. */
export interface Untouched {
  form: string;
  /** What the migrations wrote. */
  tables: { name: string; rows: string }[];
}

async function ask<Row extends pg.QueryResultRow>(
  client: pg.Client,
  sql: string,
  values: unknown[] = [],
): Promise<Row[]> {
  return (await client.query<Row>(sql, values)).rows;
}

export async function untouched(url: string): Promise<Untouched> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const tables = [];
    for (const { name } of await ask<{ name: string }>(client, WRITTEN)) {
      const [found] = await ask<{ rows: string }>(
        client,
        `SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${name} t`,
      );
      tables.push({ name, rows: found!.rows });
    }
    return { form: await formOf(client), tables };
  } finally {
    await client.end();
  }
}

/**
 * Leaves nothing but what the migrations write. False: it has another form than they give it, or lets
 * nobody in, and is of no further use.
 */
export async function emptyDatabase(url: string, before: Untouched): Promise<boolean> {
  const client = new pg.Client({ connectionString: url });
  try {
    await client.connect();
  } catch {
    return false;
  }
  try {
    const sequences = await ask<{ name: string }>(client, SEQUENCES_OF_QUEUES);
    if (sequences.length > 0) await client.query(`DROP SEQUENCE ${sequences.map(({ name }) => name).join(', ')}`);
    if ((await formOf(client)) !== before.form) return false;
    const written = await ask<{ name: string }>(client, WRITTEN);
    await client.query(`TRUNCATE ${written.map(({ name }) => name).join(', ')} RESTART IDENTITY CASCADE`);
    await client.query('SET session_replication_role = replica'); // no trigger of what is written
    for (const { name, rows } of before.tables)
      await client.query(`INSERT INTO ${name} SELECT * FROM json_populate_recordset(NULL::${name}, $1)`, [rows]);
    return true;
  } finally {
    await client.end();
  }
}

async function formOf(client: pg.Client): Promise<string> {
  const [found] = await ask<{ form: string }>(client, FORM);
  return found!.form;
}
