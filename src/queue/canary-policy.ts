/** Canaries in a row that a broker took and this process did not process, before it counts as stuck. */
export const MISSED_UNTIL_STUCK = 3;

/**
 * What canaries tell about a worker. A worker is stuck when the broker takes its canaries and they come back to nobody,
 * several in a row: a broker that is away, or has just come back, never makes a healthy worker look dead.
 */
export class CanaryPolicy {
  private missed = 0;
  private underWay = false;
  private heard = false;

  /** The broker took a canary. */
  sent(): void {
    this.underWay = true;
  }

  /** This process got one back through the broker: whatever was missed is forgiven. */
  processed(): void {
    this.underWay = false;
    this.missed = 0;
    this.heard = true;
  }

  /** The broker did not take the canary: from now on finished drains tell that the worker lives. */
  brokerFailed(): void {
    this.underWay = false;
    this.missed = 0;
    this.heard = false;
  }

  /** To be asked before the next canary is sent. */
  judge(): 'well' | 'stuck' {
    if (this.underWay) this.missed++;
    this.underWay = false;
    return this.missed >= MISSED_UNTIL_STUCK ? 'stuck' : 'well';
  }

  /** Whether drains write the heartbeat: until a canary makes its way, at the start and after an outage. */
  get drainsCount(): boolean {
    return !this.heard;
  }
}
