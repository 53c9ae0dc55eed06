/**
 * What a process is started with for so many seconds to pass at once, by its monotonic clock, whenever it gets SIGUSR2:
 * what it measures with `performance.now()`. Its timers do not hurry.
 */
export function aheadAtSignal(seconds: number): Record<string, string> {
  const script = `
    const real = performance.now.bind(performance);
    let ahead = 0;
    performance.now = () => real() + ahead;
    process.on('SIGUSR2', () => void (ahead += ${seconds * 1_000}));`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}
