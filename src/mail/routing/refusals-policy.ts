import { domainOf } from '../../core/email-address.js';
import type { Lane } from '../../core/lanes.js';
import { quote } from '../../core/mask.js';
import { enhancedCodeOf } from '../transport/smtp-reply.js';
import { KEPT_MS, type Outcome } from '../transport/transport.js';

/** Milliseconds for which a refusal counts. */
const WITHIN_MS = 10 * 60_000;
/** Different recipients refused alike, without one that was taken in between. */
const ALIKE = 3;
/** The same where the server speaks of the mailbox, of so many domains: dead addresses come in groups. */
const ALIKE_MAILBOXES = { recipients: 5, domains: 3 };
const BREAK_MS = 5_000;
/** Such a server may be right after all, so its breaks stay short. */
const MAILBOX_BREAK = { ms: 2_000, longestMs: 4_000 };

/** Refusals of different words that are remembered at a time, the newest. */
const REMEMBERED = 50;
/** Characters of a provider's answer, addresses hidden, that are compared. */
const BEGINNING = 120;

/** Reason of a break: not one recipient, all of them. */
export const REFUSES_ALL = 'refuses_all';
/** Error codes of a refused sender, of whom it is known what the server has against us. */
export const OF_SENDER: readonly string[] = ['smtp_sender', 'http_sender'];
/** Error codes of a breaker that is open because of what the transport refused: it may take other mail all the same. */
export const REFUSALS: readonly string[] = [REFUSES_ALL, ...OF_SENDER];

interface Refused {
  at: number;
  domain: string;
  messageId: string;
}

/**
 * What one transport refuses, one recipient after the other. A server that refuses several alike, and takes nobody in
 * between, has something against us and not against them, whatever it says: its transport gets a break, and the mail
 * goes another way or is kept. Times are milliseconds of a monotonic clock.
 */
export class RefusalsPolicy {
  /** By what was said: who was refused. */
  private readonly said = new Map<string, Map<string, Refused>>();
  private refusesAll: string | undefined;

  /**
   * What the outcome is in the light of those before it. @param messageId the same for all recipients of a message to
   * several
   */
  judge(outcome: Outcome, recipient: string, lane: Lane, now: number, messageId: string): Outcome {
    if (outcome.kind === 'sent') {
      this.said.clear();
      this.refusesAll = undefined;
    }
    if ((outcome.kind !== 'failed' && outcome.kind !== 'deferred') || outcome.reply === undefined) return outcome;
    if (outcome.transport && outcome.transport.kind !== 'slow') return outcome;
    const ofMailbox =
      ('suppress' in outcome && outcome.suppress) || (outcome.ofRecipient === true && !('sameTransport' in outcome));
    // A list has dead addresses.
    if (ofMailbox && lane === 'bulk') return outcome;
    const words = wordsOf(outcome.errorCode, outcome.reply);
    this.note(words, recipient.toLowerCase(), now, messageId);
    if (this.refusesAll !== words && !this.isAlike(words, ofMailbox)) return outcome;
    this.refusesAll = words;
    if (outcome.kind === 'deferred' && outcome.sameTransport) return { ...outcome, transport: { kind: 'slow' } };
    return {
      kind: 'deferred',
      uncounted: true,
      withinMs: KEPT_MS,
      alert: true,
      transport: {
        kind: 'backoff',
        ...(OF_SENDER.includes(outcome.errorCode) ? {} : { reason: REFUSES_ALL }),
        ...(ofMailbox ? MAILBOX_BREAK : { ms: BREAK_MS }),
      },
      errorCode: outcome.errorCode,
      reply: outcome.reply,
    };
  }

  /** One recipient of a message counts: that its others are refused alike may be the message's own doing. */
  private note(words: string, recipient: string, now: number, messageId: string): void {
    const refused = this.said.get(words) ?? new Map<string, Refused>();
    for (const [one, before] of refused)
      if (now - before.at > WITHIN_MS || before.messageId === messageId) refused.delete(one);
    if (refused.size < ALIKE_MAILBOXES.recipients)
      refused.set(recipient, { at: now, domain: domainOf(recipient), messageId });
    this.said.delete(words);
    this.said.set(words, refused);
    // A server may say something else each time.
    if (this.said.size > REMEMBERED) this.said.delete(this.said.keys().next().value!);
  }

  private isAlike(words: string, ofMailbox: boolean): boolean {
    const refused = [...this.said.get(words)!.values()];
    if (!ofMailbox) return refused.length >= ALIKE;
    return (
      refused.length >= ALIKE_MAILBOXES.recipients &&
      new Set(refused.map(({ domain }) => domain)).size >= ALIKE_MAILBOXES.domains
    );
  }
}

/**
 * The codes; the rest of a reply quotes the recipient, or a number of its own. Of a provider's answer, how it begins:
 * its codes are coarse.
 */
function wordsOf(errorCode: string, reply: string): string {
  if (errorCode.startsWith('http_')) return `${errorCode} ${quote(reply).slice(0, BEGINNING)}`;
  return `${errorCode} ${enhancedCodeOf(reply)}`;
}
