const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

const machine = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
const all = new Set<HeldTimers>();
let made = 0;

/**
 * Timers of this process that run out when the test says so, and not before: whatever is set with `setTimeout` for
 * `ms`, or for up to an hour less. All others are the machine's.
 */
export class HeldTimers {
  /** Milliseconds: a day or more, and the number of no other. */
  readonly ms = DAY_MS + 2 * HOUR_MS * (made++ % 100);
  private readonly set = new Map<unknown, () => void>();

  /** To be let go in the end. */
  static hold(): HeldTimers {
    const held = new HeldTimers();
    all.add(held);
    globalThis.setTimeout = Object.defineProperties(
      setHeld as typeof setTimeout,
      Object.getOwnPropertyDescriptors(machine.setTimeout),
    );
    globalThis.clearTimeout = clearHeld;
    return held;
  }

  /** Those that are set and not cleared. */
  get count(): number {
    return this.set.size;
  }

  /** All that are set by now. */
  runOut(): void {
    for (const [timer, run] of [...this.set]) {
      if (!this.set.has(timer)) continue; // cleared by one before it
      clearHeld(timer as NodeJS.Timeout);
      run();
    }
  }

  /** The worker of Jest goes on with the next file. */
  letGo(): void {
    for (const timer of this.set.keys()) machine.clearTimeout(timer as NodeJS.Timeout);
    this.set.clear();
    all.delete(this);
    if (all.size === 0) Object.assign(globalThis, machine);
  }

  take(timer: NodeJS.Timeout, ms: number, run: () => void): void {
    if (ms > this.ms - HOUR_MS && ms <= this.ms) this.set.set(timer, run);
  }

  forget(timer: unknown): void {
    this.set.delete(timer);
  }
}

function setHeld(callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): NodeJS.Timeout {
  const timer = machine.setTimeout(callback, ms, ...args);
  for (const held of all) held.take(timer, ms, () => callback(...args));
  return timer;
}

function clearHeld(timer?: NodeJS.Timeout | string | number): void {
  for (const held of all) held.forget(timer);
  machine.clearTimeout(timer);
}
