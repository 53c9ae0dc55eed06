#!/usr/bin/env node
/**
 * Prisma's schema engine without a download.
 *
 * Every command of the Prisma CLI, `generate` included, starts a native program that it fetches from
 * binaries.prisma.sh first. Where only a package registry is reachable that fails, so this program takes its place:
 * the CLI starts whatever PRISMA_SCHEMA_ENGINE_BINARY names (prisma.mjs sets it) and speaks JSON-RPC with it, one
 * message a line. The work is done by the same engine compiled to WebAssembly, from npm, at the same commit.
 *
 * Must stay executable. Of what the native engine can do, TypedSQL (`generate --sql`) is missing.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import { MigrationAdapterFactory, connectOnce, createDatabase } from './migration-adapter.mjs';
import { loadSchemaEngine } from './load-schema-engine.mjs';

const { values: options, positionals } = parseArgs({
  strict: false,
  allowPositionals: true,
  options: {
    datasource: { type: 'string' },
    datamodels: { type: 'string', multiple: true },
    'enabled-preview-features': { type: 'string' },
    'extension-types': { type: 'string' },
    version: { type: 'boolean' },
  },
});
const datasource = JSON.parse(options.datasource ?? '{}');
const databaseUrl = datasource.url ?? process.env.DATABASE_URL;

/** What the CLI calls differently from what the WebAssembly build does. */
const METHOD_NAMES = { getDatabaseVersion: 'version' };

if (options.version) {
  console.log('schema-engine-cli wasm');
} else if (positionals[0] === 'cli') {
  process.exitCode = await runOnce(positionals[1]);
} else {
  await serve();
}

/**
 * `cli can-connect-to-database` and `cli create-database`: one question, answered by the exit code and a line on
 * stderr.
 */
async function runOnce(command) {
  try {
    if (command === 'create-database') await createDatabase(databaseUrl);
    else await connectOnce(databaseUrl);
    return 0;
  } catch (error) {
    logFailure({ message: error.message, is_panic: false, error_code: prismaErrorCode(error), meta: {} });
    return 1;
  }
}

/** The CLI creates a missing database when it is told P1003, and explains the other two. */
function prismaErrorCode(error) {
  if (error.code === '3D000') return 'P1003';
  if (error.code === '28P01' || error.code === '28000') return 'P1000';
  return 'P1001';
}

/** Answers requests in the order they came, until the CLI closes our standard input. */
async function serve() {
  const adapter = new MigrationAdapterFactory(databaseUrl, datasource.shadowDatabaseUrl);
  // A panic of the engine surfaces here. Exit code 1 and not the native engine's 101: on 101 the CLI offers to report
  // the crash and, without a terminal, ends with 0 as if all were well.
  process.once('uncaughtException', async (error) => {
    logFailure({ message: error.message, is_panic: false });
    await adapter.dropShadowDatabases();
    process.exit(1);
  });
  let engine;
  const openEngine = () => (engine ??= newEngine(adapter));
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    // The CLI acknowledges each `print` as if it answered a request of ours; nothing waits for that.
    if (request.method === undefined) continue;
    const response = await answer(request, openEngine);
    // Before answering: once the CLI has its answer it kills us, and the databases would stay.
    await adapter.dropShadowDatabases();
    write({ id: request.id, ...response });
  }
  process.exit(0);
}

async function newEngine(adapter) {
  const { SchemaEngine } = await loadSchemaEngine();
  const datamodels = (options.datamodels ?? []).map((path) => [path, readFileSync(path, 'utf8')]);
  return SchemaEngine.new(
    { datamodels: datamodels.length > 0 ? datamodels : undefined },
    () => {},
    bindMigrationAwareSqlAdapterFactory(adapter),
  );
}

async function answer({ method, params }, openEngine) {
  try {
    if (method === 'createDatabase') return { result: { databaseName: await createDatabase(databaseUrl) } };
    const engine = await openEngine();
    // evaluateDataLoss looks up the schema the migrations lead to in a cache that only devDiagnostic fills; without it
    // every table counts as new.
    if (method === 'evaluateDataLoss') {
      await engine.devDiagnostic({ migrationsList: params.migrationsList, filters: params.filters });
    }
    const result = await engine[METHOD_NAMES[method] ?? method](params);
    // The native engine asks the CLI to print a diff, this one returns it.
    if (method === 'diff' && typeof result.stdout === 'string') {
      write({ id: -1, method: 'print', params: { content: result.stdout } });
    }
    return { result: result ?? {} };
  } catch (error) {
    const message = error.message ?? String(error);
    return { error: { code: 4466, message, data: { is_panic: false, message, error_code: error.code } } };
  }
}

function write(message) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
}

function logFailure(fields) {
  // The CLI skips the first line of stderr and parses the others.
  process.stderr.write(
    `\n${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', timestamp: '', fields })}\n`,
  );
}
