/** How far the monotonic clock of this process is ahead of the machine's, milliseconds. */
let ahead = 0;
let machine: (() => number) | undefined;

/**
 * So much time passes for all that runs in this process and measures with `performance.now()`; its timers do not hurry.
 */
export function letPass(seconds: number): void {
  machine ??= performance.now.bind(performance);
  const now = machine;
  ahead += seconds * 1_000;
  performance.now = () => now() + ahead;
}

/** For the end of a file: the worker of Jest goes on with the next one. */
export function backToNow(): void {
  if (machine) performance.now = machine;
  machine = undefined;
  ahead = 0;
}
