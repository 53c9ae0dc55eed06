import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import type { SchemaEngine } from '@prisma/schema-engine-wasm/schema_engine_bg';
import type { Migration } from './schema-history.js';

/** What boot asks of Prisma's schema engine. */
export interface MigrationEngine {
  /**
   * Applies what is missing and returns the names.
   * @throws what Postgres said, or the engine's own error with Prisma's code (P3005, P3009 and so on)
   */
  apply(migrations: Migration[]): Promise<string[]>;
  markRolledBack(name: string): Promise<void>;
  markApplied(name: string, migrations: Migration[]): Promise<void>;
  close(): Promise<void>;
}

/** The part used here; the compiler is not given the browser's types, which declare it. */
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: Record<string, unknown> } }>;
};

const NO_FILTERS = { externalTables: [], externalEnums: [] };

/**
 * The engine of the Prisma CLI, as WebAssembly in this process: production needs neither the CLI nor the native
 * program that it would download. Loads 5 MB; open it only when there is something to apply.
 */
export async function openMigrationEngine(databaseUrl: string): Promise<MigrationEngine> {
  const factory = new WholeScripts(databaseUrl);
  const bindings = await loadEngine();
  const engine: SchemaEngine = await bindings.SchemaEngine.new(
    { datamodels: [['schema.prisma', 'datasource db { provider = "postgresql" }']] },
    () => undefined,
    bindMigrationAwareSqlAdapterFactory(factory),
  );
  return {
    async apply(migrations) {
      const result = await engine
        .applyMigrations({ migrationsList: toList(migrations), filters: NO_FILTERS })
        .catch((error: unknown) => {
          throw factory.lastError ?? error;
        });
      return result.appliedMigrationNames;
    },
    async markRolledBack(migrationName) {
      await engine.markMigrationRolledBack({ migrationName });
    },
    async markApplied(migrationName, migrations) {
      await engine.markMigrationApplied({ migrationName, migrationsList: toList(migrations) });
    },
    async close() {
      engine.free();
      await factory.close();
    },
  };
}

let loaded: ReturnType<typeof instantiate> | undefined;

/** Once per process: a second instance would be called back by what is left of the first, and panic. */
function loadEngine(): ReturnType<typeof instantiate> {
  return (loaded ??= instantiate());
}

/** The package's own entry imports the .wasm file as a module, which Node 20 does not do; so it is wired by hand. */
async function instantiate() {
  // Where the engine leaves the reason of a panic; without it that would be lost. Prisma's client has one of its own.
  (globalThis as { PRISMA_WASM_PANIC_REGISTRY?: object }).PRISMA_WASM_PANIC_REGISTRY ??= {
    set_message(message: string): never {
      throw new Error(message);
    },
  };
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const glue = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg');
  const { instance } = await WebAssembly.instantiate(await readFile(glue.replace(/\.js$/, '.wasm')), {
    './schema_engine_bg.js': withoutLingeringTimers(bindings),
  });
  bindings.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();
  return bindings;
}

/**
 * The engine never clears the timer by which it limits the wait for its lock, and a process that only migrates would
 * sit it out: 10 s.
 */
function withoutLingeringTimers(bindings: object): object {
  const names = Object.keys(bindings).filter((name) => name.startsWith('__wbg_setTimeout_'));
  const unrefd = (callback: () => void, milliseconds: number) => setTimeout(callback, milliseconds).unref();
  return { ...bindings, ...Object.fromEntries(names.map((name) => [name, unrefd])) };
}

type Adapter = Awaited<ReturnType<PrismaPg['connect']>>;

/**
 * The published adapter cuts scripts at every `;`, also inside function bodies and literals. Sent whole, a script is
 * moreover one transaction, so that a migration takes effect entirely or not at all.
 */
class WholeScripts extends PrismaPg {
  /** What Postgres last refused; the engine passes on only a paraphrase. */
  lastError: unknown;
  readonly #adapters: Adapter[] = [];

  constructor(connectionString: string) {
    // One connection, because the engine's lock belongs to the session that took it.
    super({ connectionString, max: 1, application_name: 'otpost migrate' });
  }

  override async connect(): Promise<Adapter> {
    const adapter = await super.connect();
    this.#adapters.push(adapter);
    adapter.executeScript = async (script) => {
      await adapter
        .underlyingDriver()
        .query(script)
        .catch((error: unknown) => {
          this.lastError = error;
          throw error;
        });
    };
    return adapter;
  }

  async close(): Promise<void> {
    await Promise.all(this.#adapters.map((adapter) => adapter.dispose()));
  }
}

function toList(migrations: Migration[]) {
  return {
    baseDir: 'prisma/migrations',
    shadowDbInitScript: '',
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value: sql } },
    })),
  };
}
