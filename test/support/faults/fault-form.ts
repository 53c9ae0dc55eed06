import { eventually, HANGS_MS } from '../signals/wait.js';

/** `npm run test:faults -- --long`: thousands of messages, real outages, points of death by chance. */
export const LONG = process.env['FAULTS'] === 'long';

/** Chosen and printed by tools/faults.mjs, so that a run by chance can be repeated; always the same in the gate. */
export const SEED = Number(process.env['FAULTS_SEED'] ?? 1);

/** The figure of the form that runs: in the gate, or with `--long`. */
export function sized<T>(inTheGate: T, long: T): T {
  return LONG ? long : inTheGate;
}

/** Uniform in [0, 1), the same for the same seed: mulberry32. */
export function chance(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const seconds = (n: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, n * 1_000));

/** `eventually`; with thousands of messages on the way it takes a while. Nothing here is a measurement. */
export function inTime<T>(look: Parameters<typeof eventually<T>>[0], what: string): Promise<T> {
  return eventually(look, what, sized(HANGS_MS, 600_000));
}

/** Milliseconds for a test; all of a file start at once, and some wait for their turn. */
export const WITHIN_MS = sized(600_000, 1_800_000);
