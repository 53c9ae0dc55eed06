import { WeightedSemaphore } from '../../core/semaphore.js';

/**
 * Bytes of attachments that are composed and handed over at a time, in one process. Each is there in several copies.
 */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Lets so many bytes of attachments in at a time, and further messages wait in the order in which they came. One that
 * is larger than all that there is room for goes alone. Mail without attachments waits for nothing.
 */
export class HeavyMail {
  private readonly semaphore: WeightedSemaphore;

  constructor(most = MOST_BYTES) {
    this.semaphore = new WeightedSemaphore(most, 'alone');
  }

  /** @param bytes of its attachments */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (bytes <= 0) return work();
    const release = await this.semaphore.acquire(bytes);
    try {
      return await work();
    } finally {
      release();
    }
  }
}
