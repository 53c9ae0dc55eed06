/**
 * Repeats a statement that handles up to `limit` rows until it finds fewer, so that a long backlog neither holds locks
 * for long nor makes one huge transaction. Returns how many it handled in all.
 */
export async function inBatches(
  signal: AbortSignal,
  step: (limit: number) => Promise<number>,
  limit = 1_000,
): Promise<number> {
  let all = 0;
  while (!signal.aborted) {
    const handled = await step(limit);
    all += handled;
    if (handled < limit) break;
  }
  return all;
}
