/** Processes of the gate, and what it counts. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** @type {{ passed: number, failed: number, skipped: string[] }} skipped: their names */
export const results = { passed: 0, failed: 0, skipped: [] };

/** @type {Set<import('node:child_process').ChildProcess>} */
const children = new Set();

/** Signal numbers (POSIX), by which a shell tells how a process ended. */
const INTERRUPTS = /** @type {const} */ ({ SIGHUP: 1, SIGINT: 2, SIGTERM: 15 });

/**
 * Leaves nothing running where somebody breaks the gate off: Postgres hears nothing of a Ctrl-C.
 * @param {() => Promise<unknown>} stop
 */
export function stopWhenInterrupted(stop) {
  for (const [signal, number] of Object.entries(INTERRUPTS))
    process.once(signal, async () => {
      console.error(`${signal}: the gate stops what it started.`);
      for (const child of children) child.kill(/** @type {NodeJS.Signals} */ (signal));
      await stop();
      process.exit(128 + number);
    });
}

/**
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, show?: boolean }} [options] `show`: as it comes
 * @returns {Promise<{ ok: boolean, output: string }>} output is empty when it was shown as it came
 */
export function run(command, args, { env = process.env, show = false } = {}) {
  return new Promise((resolve, reject) => {
    const out = show ? 'inherit' : 'pipe';
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', out, out] });
    children.add(child);
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      children.delete(child);
      resolve({ ok: code === 0, output });
    });
  });
}

/** Each counts as one test. @param {string} name @param {{ ok: boolean, output: string, ms: number }} result */
export function count(name, { ok, output, ms }) {
  if (!ok) console.error(output.trimEnd());
  console.log(`${ok ? 'passed' : 'FAILED'}  ${name} (${(ms / 1000).toFixed(1)} s)`);
  results[ok ? 'passed' : 'failed']++;
  return ok;
}

/**
 * @param {string} name @param {string[]} args of Node @param {{ tell?: boolean }} [options] `tell`: what it says is
 *   shown also when it passes
 */
export async function check(name, args, { tell = false } = {}) {
  const started = performance.now();
  const { ok, output } = await run(process.execPath, args);
  if (ok && tell) console.log(output.trimEnd());
  return count(name, { ok, output, ms: performance.now() - started });
}
