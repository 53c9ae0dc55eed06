/** Bytes of attachments that are composed and handed over at a time, in one process. Each is there in several copies. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Lets so many bytes of attachments in at a time, and further messages wait in the order in which they came. One that is
 * larger than all that there is room for goes alone. Mail without attachments waits for nothing.
 */
export class HeavyMail {
  private readonly waiting: { bytes: number; begin: () => void }[] = [];
  private held = 0;

  constructor(private readonly most = MOST_BYTES) {}

  /** @param bytes of its attachments */
  async run<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (bytes <= 0) return work();
    await new Promise<void>((begin) => {
      this.waiting.push({ bytes, begin });
      this.letIn();
    });
    try {
      return await work();
    } finally {
      this.held -= bytes;
      this.letIn();
    }
  }

  private letIn(): void {
    for (let next = this.waiting[0]; next && this.hasRoomFor(next.bytes); next = this.waiting[0]) {
      this.waiting.shift();
      this.held += next.bytes;
      next.begin();
    }
  }

  private hasRoomFor(bytes: number): boolean {
    return this.held === 0 || this.held + bytes <= this.most;
  }
}
