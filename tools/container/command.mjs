import { spawn } from 'node:child_process';

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {string[]} args
 * @param {{ show?: boolean, timeoutMs?: number }} [options] `show`: what it prints is shown as it comes
 * @returns {Promise<{ code: number | null, output: string }>} a program that is not there has the code 127
 */
export function command(program, args, { show = false, timeoutMs = 60_000 } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
        if (show) process.stderr.write(chunk);
      });
    }
    child.on('error', (error) => resolve({ code: 127, output: error.message }));
    child.on('close', (code) => resolve({ code, output }));
  });
}

/**
 * The same for what has to succeed.
 * @param {string} program
 * @param {string[]} args
 * @param {{ show?: boolean, timeoutMs?: number }} [options]
 * @returns {Promise<string>} what it printed, trimmed
 */
export async function must(program, args, options) {
  const { code, output } = await command(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output.slice(-4_000)}`);
  return output.trim();
}
