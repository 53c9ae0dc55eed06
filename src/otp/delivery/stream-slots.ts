import { MOST_STREAMS } from './stream-policy.js';

/** Counts the open streams of a process; one client cannot take the places of all others. */
export class StreamSlots {
  private readonly taken = new Map<string, number>();

  /** Gives the place back, once; undefined when there is none left. */
  take({ requester, challengeId }: { requester: string; challengeId: string }): (() => void) | undefined {
    const wanted: [key: string, most: number][] = [
      ['process', MOST_STREAMS.process],
      [`requester ${requester}`, MOST_STREAMS.requester],
      [`challenge ${challengeId}`, MOST_STREAMS.challenge],
    ];
    if (wanted.some(([key, most]) => this.count(key) >= most)) return undefined;
    for (const [key] of wanted) this.taken.set(key, this.count(key) + 1);
    let held = true;
    return () => {
      if (held) for (const [key] of wanted) this.giveBack(key);
      held = false;
    };
  }

  private count(key: string): number {
    return this.taken.get(key) ?? 0;
  }

  private giveBack(key: string): void {
    const left = this.count(key) - 1;
    if (left > 0) this.taken.set(key, left);
    else this.taken.delete(key);
  }
}
