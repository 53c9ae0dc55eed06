/** Milliseconds for an orderly end; a worker that is stuck may not be able to. */
const ORDERLY_MS = 5_000;

/** Ends this process with 1, so that whatever supervises it starts it anew: in good order if it still can. */
export function exitStuck(): void {
  // An orderly stop ends with 0, which a supervisor may take for intended.
  process.once('exit', () => {
    process.exitCode = 1;
  });
  setTimeout(() => process.exit(1), ORDERLY_MS);
  process.kill(process.pid, 'SIGTERM');
}
