import type { Logger } from '../../core/logger.js';
import { WORKER_NAME } from '../../core/worker-name.js';
import type { WorkerRegistry } from '../../queue/worker-registry.js';
import type { Choice } from './choices.js';
import { shareOf } from './shared-slots.js';

/** Milliseconds for which a look at the other workers holds; for about as long the sum may be too high when one joins. */
const LOOK_EVERY_MS = 5_000;

/** Divides `?connections=` of a transport among the workers that are alive. */
export class ConnectionShares {
  private readonly shared: NonNullable<Choice['shared']>[];
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    choices: readonly Choice[],
    private readonly workers: WorkerRegistry,
    private readonly log: Logger,
  ) {
    this.shared = choices.flatMap(({ shared }) => (shared ? [shared] : []));
  }

  /** Costs a statement every few seconds, and none where no transport has such a bound. */
  async refresh(): Promise<void> {
    if (this.shared.length === 0 || performance.now() - this.lookedAt < LOOK_EVERY_MS) return;
    this.lookedAt = performance.now();
    try {
      const alive = await this.workers.alive();
      for (const { total, slots } of this.shared) slots.resize(shareOf(total, alive, WORKER_NAME));
    } catch (error) {
      this.log.warn({ err: error }, 'the other workers could not be counted; this one keeps its part of the connections');
    }
  }
}
