import { Queue, type QueueOptions } from 'bullmq';
import type { Broker } from './broker.js';
import type { WorkerRegistry } from './worker-registry.js';

/** BullMQ allows no colon in the name of a queue. */
export function canaryQueueName(worker: string): string {
  return `canary-${worker.replaceAll(':', '-')}`;
}

/** What dead workers leave behind: a row of `workers`, and a queue that nobody works. */
export class CanaryQueues {
  constructor(
    private readonly registry: WorkerRegistry,
    private readonly broker: Broker,
    /** Keeps apart deployments that share a Redis. */
    readonly prefix: QueueOptions['prefix'],
  ) {}

  /** The queue first: the row is what tells of it. Returns how many workers were forgotten. Rejects while the broker is down. */
  async removeOfDead(silentMs: number): Promise<number> {
    const dead = await this.registry.deadFor(silentMs);
    for (const name of dead) {
      await this.remove(canaryQueueName(name));
      await this.registry.removeDead(name, silentMs);
    }
    return dead.length;
  }

  private async remove(name: string): Promise<void> {
    // Without its description, which BullMQ writes beside other calls and may write after the removal.
    const queue = new Queue(name, { connection: this.broker.producer, prefix: this.prefix, skipMetasUpdate: true });
    queue.on('error', (error) => this.broker.wentDown(error));
    try {
      await queue.obliterate({ force: true });
    } finally {
      await queue.close();
    }
  }
}
