import { randomUUID } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import { ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import pg from 'pg';

const { CHAR, TEXT } = pg.types.builtins;

/**
 * `PrismaPg` as the schema engine needs it. The published adapter is made for queries; on migrations it has three
 * faults that are put right here:
 * - it cuts scripts at every `;`, also inside function bodies and string literals: they are sent whole;
 * - it rejects the catalogue type "char", by which introspection tells a CHECK constraint from others;
 * - its shadow database is the real one when it is given a connection string, because the string wins over the
 *   `database` option: migrations would be replayed on real data. Here the name goes into the string.
 */
export class MigrationAdapterFactory extends PrismaPg {
  #databaseUrl;
  #shadowDatabaseUrl;
  #shadowDatabases = [];

  constructor(databaseUrl, shadowDatabaseUrl) {
    super(...poolArguments(databaseUrl));
    this.#databaseUrl = databaseUrl;
    this.#shadowDatabaseUrl = shadowDatabaseUrl;
  }

  async connect() {
    return repaired(await super.connect());
  }

  async connectToShadowDb() {
    if (this.#shadowDatabaseUrl) return connectTo(this.#shadowDatabaseUrl);
    const name = `prisma_migrate_shadow_db_${randomUUID()}`;
    const url = new URL(this.#databaseUrl);
    url.pathname = `/${name}`;
    await connectOnce(this.#databaseUrl, (client) => client.query(`CREATE DATABASE "${name}"`));
    this.#shadowDatabases.push(name);
    return connectTo(url.href);
  }

  /** Drops the shadow databases this factory made, whether or not the engine has let go of them. */
  async dropShadowDatabases() {
    for (const name of this.#shadowDatabases.splice(0)) {
      await connectOnce(this.#databaseUrl, (client) => client.query(`DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`));
    }
  }
}

/** Creates the database that `databaseUrl` names, connected to `postgres`; returns its name. */
export async function createDatabase(databaseUrl) {
  const url = new URL(databaseUrl);
  const name = decodeURIComponent(url.pathname.slice(1));
  url.pathname = '/postgres';
  await connectOnce(url.href, (client) => client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`));
  return name;
}

/** Connects, does `work`, disconnects; throws what Postgres or the network says. */
export async function connectOnce(databaseUrl, work) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await work?.(client);
  } finally {
    await client.end();
  }
}

async function connectTo(databaseUrl) {
  return repaired(await new PrismaPg(...poolArguments(databaseUrl)).connect());
}

function poolArguments(databaseUrl) {
  const schema = (databaseUrl && new URL(databaseUrl).searchParams.get('schema')) || 'public';
  return [{ connectionString: databaseUrl }, { schema }];
}

function repaired(adapter) {
  const performIO = adapter.performIO.bind(adapter);
  const queryRaw = adapter.queryRaw.bind(adapter);
  /** Rows of a result → indexes of its "char" columns. The adapter hands the same rows array on. */
  const charColumns = new WeakMap();

  adapter.performIO = async (query) => {
    const result = await performIO(query);
    const isChar = (field) => field.dataTypeID === CHAR;
    charColumns.set(
      result.rows,
      result.fields.flatMap((field, index) => (isChar(field) ? [index] : [])),
    );
    for (const field of result.fields.filter(isChar)) field.dataTypeID = TEXT;
    return result;
  };
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query);
    for (const index of charColumns.get(result.rows)) result.columnTypes[index] = ColumnTypeEnum.Character;
    return result;
  };
  adapter.executeScript = async (script) => {
    try {
      await adapter.underlyingDriver().query(script);
    } catch (error) {
      adapter.onError(error);
    }
  };
  return adapter;
}
