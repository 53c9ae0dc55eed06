/**
 * `npm start`: builds what is stale, then runs what every start runs, in this very process so that signals reach it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readArguments } from './read-arguments.mjs';

readArguments(`Builds what is stale, and starts Otpost. Without DATABASE_URL it starts a Postgres of its own in .data/.

  npm start

Its settings are environment variables, or stand in .env: the README has a table of them. PORT=3001 npm start`);

const { status } = spawnSync(
  process.execPath,
  [fileURLToPath(new URL('./build.mjs', import.meta.url)), '--if-stale', '--no-web'],
  {
    stdio: 'inherit',
  },
);
if (status !== 0) process.exit(status ?? 1);

// Beside the service and after everything else, for a first code does not need it: until then the page says that it is
// being built. It says nothing but why it failed.
if (process.env.ROLE !== 'worker') {
  const script = fileURLToPath(new URL('./build-web.mjs', import.meta.url));
  const child = spawn(process.execPath, [script, '--quiet'], { stdio: ['ignore', 'ignore', 'inherit'] });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  child.unref();
}
await import(new URL('../dist/main.js', import.meta.url).href);
