import { Readable } from 'node:stream';
import type { Offer } from './transport.js';

/**
 * How far a message got on its way out. SMTP libraries hide it: a close at MAIL, at DATA or after the final dot all
 * look alike in their errors (measured on nodemailer 10.6.0), and only the last of them may have been taken.
 */
export type Stage = 'not_started' | 'transferring' | 'released';

/**
 * The message's stream passes through here. Its end is held back until the offer is committed, so a row without
 * `offered_at` was provably not handed over, even after kill -9.
 */
export class StageRecorder {
  stage: Stage = 'not_started';

  constructor(private readonly offer: Offer) {}

  /**
   * To be put last, right before the connection: it starts when it is read, which is after the server's 354. A
   * transform further up is no gate: a small message runs through it into the buffers behind it, and reaches its end,
   * before the server even answered MAIL (measured on nodemailer 10.6.0).
   */
  gate(source: Readable): Readable {
    return Readable.from(this.transfer(source), { objectMode: false });
  }

  private async *transfer(source: Readable): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      this.stage = 'transferring';
      yield chunk as Buffer;
    }
    await this.offer();
    this.stage = 'released';
  }
}
