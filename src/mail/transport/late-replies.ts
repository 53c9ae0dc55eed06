import type { Offer } from './transport.js';

/** Messages whose final reply is overdue at a time, without any answer since, before a transport counts as silent. */
const SILENT_AFTER = 3;

/** Of one transport: messages that it has and does not answer for. */
export class LateReplies {
  private late = 0;

  /** The final reply of a message is overdue. Answers whether the transport counts as silent; one that is on trial does at once. */
  overdue(onTrial: boolean): boolean {
    this.late++;
    return onTrial || this.late >= SILENT_AFTER;
  }

  answered(): void {
    this.late = 0;
  }
}

/** Calls `onLate` once, when so many milliseconds have passed since the offer and nobody has said that it is `over`. */
export function watched(offer: Offer, ms: number, onLate: () => void): { offer: Offer; over: () => void } {
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  return {
    offer: async () => {
      await offer();
      clearTimeout(timer);
      if (!ended) timer = setTimeout(onLate, ms);
    },
    over: () => {
      ended = true;
      clearTimeout(timer);
    },
  };
}
