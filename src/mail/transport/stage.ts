import { Readable } from 'node:stream';
import { type Offer, OfferRefused } from './transport.js';

/**
 * How far a message got on its way out. SMTP libraries hide it: a close at MAIL, at DATA or after the final dot all
 * look alike in their errors (measured on nodemailer 10.6.0), and only the last of them may have been taken.
 * connecting: up to the login. envelope: up to the server's 354. transferring: up to the offer. released: the last byte
 * is out of our hands.
 */
export type Stage = 'connecting' | 'envelope' | 'transferring' | 'released';

/** Milliseconds without progress that each stage may take once there is a connection. */
export type StagePatience = Record<Exclude<Stage, 'connecting'>, number>;

/**
 * The message's stream passes through here. Its end is held back until the offer is committed, so a row without
 * `offered_at` was provably not handed over, even after kill -9. Also watches the time: nodemailer has one time-out for
 * every silence, but the reply to the final dot deserves far more patience than the rest.
 */
export class StageRecorder {
  private current: Stage = 'connecting';
  private timer: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(
    private readonly offer: Offer,
    private readonly patience: StagePatience,
    private readonly onStall: () => void,
  ) {}

  get stage(): Stage {
    return this.current;
  }

  /**
   * To be put last, right before the connection: it starts when it is read, which is after the server's 354. A
   * transform further up is no gate: a small message runs through it into the buffers behind it, and reaches its end,
   * before the server even answered MAIL (measured on nodemailer 10.6.0).
   */
  gate(source: Readable): Readable {
    this.enter('envelope');
    return Readable.from(this.transfer(source), { objectMode: false });
  }

  /** The attempt is over, well or badly: whatever still flows gets no end. */
  end(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }

  private async *transfer(source: Readable): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      this.enter('transferring');
      yield chunk as Buffer;
    }
    await this.offer();
    // A server may answer before the end of the message; that answer was the outcome.
    if (this.ended) throw new OfferRefused('the attempt is over');
    this.enter('released');
  }

  private enter(stage: Exclude<Stage, 'connecting'>): void {
    this.current = stage;
    clearTimeout(this.timer);
    if (!this.ended) this.timer = setTimeout(this.onStall, this.patience[stage]);
  }
}
