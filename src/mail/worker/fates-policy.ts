import { type Apart, type ClaimedEmail, type Ending, type Recipient, recipientsOf } from '../outbox/email-rows.js';
import type { Outcome } from '../transport/transport.js';

/** What a server, or a fault of ours, made of a message. */
export type Answer = Exclude<Outcome, { kind: 'withdrawn' }>;

/** Milliseconds until the next attempt. */
export type Delay = (outcome: Answer) => number | 'give_up';

/** @param delayMs of a deferred outcome: until the next attempt */
function endingOf(outcome: Answer, transport: string, delayMs: number | 'give_up'): Ending {
  if (outcome.kind === 'sent') {
    const { reply, providerMessageId } = outcome;
    return { status: 'sent', transport, reply, ...(providerMessageId === undefined ? {} : { providerMessageId }) };
  }
  const { errorCode, reply } = outcome;
  const told = { transport, errorCode, ...(reply === undefined ? {} : { reply }) };
  if (outcome.kind === 'unknown') return { status: 'unknown', ...told };
  if (outcome.kind === 'deferred' && delayMs !== 'give_up')
    return { status: 'deferred', ...told, delayMs, ...(outcome.uncounted ? { uncounted: true } : {}) };
  const suppress = outcome.kind === 'failed' && outcome.suppress;
  return { status: 'failed', ...told, ...(suppress ? { suppress: { reason: 'hard_bounce', source: transport } } : {}) };
}

/**
 * The ending of an attempt, and of those recipients whose fate is another one. One recipient's refusal never stops,
 * delays, doubles or suppresses the mail of another. What the server said to one RCPT holds for that recipient. What it
 * said to the message as a whole may be meant for one of those that were left, so each of them is tried alone from then
 * on. A fault of the transport, of the sender or of ours is no recipient's, and leaves them together. Recipients beyond
 * what one transfer takes go on at once.
 */
export function fatesOf(email: ClaimedEmail, outcome: Answer, transport: string, delay: Delay): Ending {
  const ending = endingOf(outcome, transport, delay(outcome));
  const recipients = recipientsOf(email);
  if (recipients.length === 1) return ending;
  const refused = new Map(outcome.refused?.map((one) => [one.address, one.outcome]));
  const apart = recipients.flatMap((recipient): Apart[] => {
    const own = refused.get(recipient.address);
    if (!own) return [];
    const fate = endingOf(own, transport, delay(own));
    return [{ recipient, ending: own.tooMany && !isOneTooMany(outcome) ? atOnce(fate) : fate }];
  });
  const [, ...others] = recipients.filter(({ address }) => !refused.has(address));
  if (others.length === 0 || !isWorthTryingAlone(outcome, transport))
    return apart.length === 0 ? ending : { ...ending, apart };
  const again: Ending = outcome.kind === 'failed' || isOneTooMany(outcome) ? atOnce(ending) : ending;
  return { ...again, apart: [...apart, ...others.map((recipient) => ({ recipient, ending: again }))] };
}

function isWorthTryingAlone(outcome: Answer, transport: string): boolean {
  if (outcome.kind === 'sent' || outcome.kind === 'unknown' || transport === 'none') return false;
  if (outcome.alone) return true;
  if (outcome.elsewhere) return false; // the message is too large, whoever it is for
  return outcome.kind === 'failed' ? !outcome.alert : !outcome.uncounted;
}

/** Where the first or only recipient is one too many, at once would be over and over. */
function isOneTooMany(outcome: Answer): boolean {
  return outcome.kind === 'deferred' && outcome.tooMany === true;
}

/** Due at once, uncounted, and of no address's reputation: it said nothing yet of any one of them. */
function atOnce({ transport, reply, errorCode }: Ending): Ending {
  const told = {
    ...(transport && { transport }),
    ...(reply !== undefined && { reply }),
    ...(errorCode && { errorCode }),
  };
  return { status: 'deferred', delayMs: 0, uncounted: true, ...told };
}

/**
 * Recipients that the message shows nowhere, with nobody left whom it shows: a provider without an envelope would have
 * to show one of them to the others. Each but the first goes out alone.
 */
export function hiddenApart(recipients: readonly Recipient[]): Apart[] {
  if (recipients.some(({ kind }) => kind !== 'bcc')) return [];
  return recipients.slice(1).map((recipient) => ({ recipient, ending: { status: 'queued' } }));
}
