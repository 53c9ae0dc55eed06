/**
 * Bytes of the bodies that are being received in this process. Where there are too many, those give way that have been
 * coming in for longest: who sends a body has sent it in a moment, and who holds one back does so at the cost of nobody
 * else.
 */
export class BodyBudget<Body> {
  private readonly held = new Map<Body, number>();
  private total = 0;

  /** @param most bytes */
  constructor(private readonly most: number) {}

  /** Counts a part of a body. Answers the bodies that give way; they are no longer counted. */
  take(body: Body, bytes: number): Body[] {
    this.held.set(body, (this.held.get(body) ?? 0) + bytes);
    this.total += bytes;
    const givingWay: Body[] = [];
    for (const [oldest] of this.held) {
      if (this.total <= this.most) break;
      this.release(oldest);
      givingWay.push(oldest);
    }
    return givingWay;
  }

  /** It was received, or never will be. */
  release(body: Body): void {
    this.total -= this.held.get(body) ?? 0;
    this.held.delete(body);
  }

  get bytes(): number {
    return this.total;
  }
}
