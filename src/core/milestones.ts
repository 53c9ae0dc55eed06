import { channel } from 'node:diagnostics_channel';

/**
 * Where a process may be killed, in the order a message passes. accepted: its commit holds. waking: the broker is about
 * to be told. claimed: rows are leased. transferring: the server said 354, nothing has gone out. offered: the offer
 * is committed, the last byte not yet released. answered: the server's word is known here alone.
 */
export type Milestone = 'accepted' | 'waking' | 'claimed' | 'transferring' | 'offered' | 'answered';

const milestones = channel('otpost:milestone');

/**
 * Tells whoever listens on Node's diagnostics channel `otpost:milestone`; nobody does in production, and then it costs
 * a look at a flag. The fault tests listen, stop the process right there and kill it.
 */
export function passing(milestone: Milestone): void {
  if (milestones.hasSubscribers) milestones.publish(milestone);
}
