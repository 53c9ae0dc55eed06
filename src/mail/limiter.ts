import type { Lane } from '../core/lanes.js';

export interface Granted {
  /** Messages that may be sent now. */
  tokens: number;
  /** Milliseconds until the next one, when there is none. */
  retryAfterMs: number;
}

/** What bounds a transport, counted across all workers: a rate, a daily quota, or both. */
export interface Limiter {
  /** Takes up to `wanted`; mail other than codes leaves a reserve alone. */
  take(lane: Lane, wanted: number): Promise<Granted>;
  /** For tokens that found no message. */
  giveBack(tokens: number): Promise<void>;
  /** For a code that goes this way without a token, because another transport failed it. */
  charge(): Promise<void>;
  /** For a message that was tried and not sent, for no fault of its own. */
  notSent(): Promise<void>;
}

/** All of them have to grant; what a later one does not is given back to those before it. */
export class AllOf implements Limiter {
  constructor(private readonly limiters: readonly Limiter[]) {}

  async take(lane: Lane, wanted: number): Promise<Granted> {
    let granted: Granted = { tokens: wanted, retryAfterMs: 0 };
    for (const [index, limiter] of this.limiters.entries()) {
      const next = await limiter.take(lane, granted.tokens);
      const refused = granted.tokens - next.tokens;
      if (refused > 0) await Promise.all(this.limiters.slice(0, index).map((before) => before.giveBack(refused)));
      granted = next;
      if (granted.tokens === 0) break;
    }
    return granted;
  }

  async giveBack(tokens: number): Promise<void> {
    await Promise.all(this.limiters.map((limiter) => limiter.giveBack(tokens)));
  }

  async charge(): Promise<void> {
    await Promise.all(this.limiters.map((limiter) => limiter.charge()));
  }

  async notSent(): Promise<void> {
    await Promise.all(this.limiters.map((limiter) => limiter.notSent()));
  }
}
