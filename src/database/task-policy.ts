export type RunEnding =
  | { kind: 'done'; result: string }
  /** The process stopped meanwhile; what is left is for another one. */
  | { kind: 'interrupted'; result: string }
  | { kind: 'failed'; error: string };

/** Milliseconds after which work that failed is tried again at the latest; a daily task must not wait for a day. */
export const AGAIN_WITHIN_MS = 60_000;

/** Milliseconds from the end of a run to the next one: counted from its start, so that slow work keeps its rhythm. */
export function waitUntilNextRun(ending: RunEnding, everyMs: number, tookMs: number): number {
  if (ending.kind === 'interrupted') return 0;
  if (ending.kind === 'failed') return Math.min(everyMs, AGAIN_WITHIN_MS);
  return Math.max(0, everyMs - tookMs);
}
