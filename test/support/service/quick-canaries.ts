/**
 * What a worker is started with for its canaries to fly ten times as often as every 5 s, so that three of them are
 * missed within two seconds. No other of its timers is set to between 4 and 5 s; the times that it gives others are its
 * own.
 */
export function quickCanaries(): Record<string, string> {
  const script = `
    const real = globalThis.setTimeout;
    globalThis.setTimeout = (run, ms, ...given) => real(run, ms > 4000 && ms < 5000 ? ms / 10 : ms, ...given);`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}
