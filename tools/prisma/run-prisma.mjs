import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const cli = createRequire(import.meta.url).resolve('prisma/build/index.js');
const engine = fileURLToPath(new URL('./schema-engine.mjs', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs the Prisma CLI with the schema engine from npm instead of a downloaded one; resolves to its exit code.
 * Ctrl-C reaches the CLI through the terminal; this process stays to clear up.
 */
export function runPrisma(args, databaseUrl) {
  const child = spawn(process.execPath, [cli, ...args], {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}),
      PRISMA_SCHEMA_ENGINE_BINARY: engine,
      // No question to Prisma's servers whether there is a newer version.
      CHECKPOINT_DISABLE: '1',
    },
  });
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 1));
  });
}
