/** Milliseconds after which something hangs: a busy machine does not get there, and no test is about them. */
export const HANGS_MS = 300_000;

/**
 * Looks again every few milliseconds until the answer is there; fails with the last reason when it seems that it never
 * will.
 */
export async function eventually<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
  what: string,
  withinMs = HANGS_MS,
): Promise<T> {
  const until = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > until) throw new Error(`${what}: not within ${withinMs} ms`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
