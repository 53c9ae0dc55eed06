import type { Lane } from '../../../src/core/lanes.js';
import type { MailQueue } from '../../../src/queue/mail-queue.js';

/** A queue without Redis. The real one is tested with the processes; here only whether it is asked. */
export function queueOf(woken: Lane[] = []): MailQueue {
  return { wake: (lane: Lane) => void woken.push(lane) } as unknown as MailQueue;
}
