import type { SmtpSettings } from '../../config/settings.js';
import { SmtpDial } from './smtp-dial.js';
import { classifySmtpFailure, deservesNewConnection, isDeadConnection, type SmtpError } from './smtp-reply.js';
import { type RefusedRcpt, SessionFailure } from './smtp-session.js';
import { SmtpSessions, type Taken, type Wanted } from './smtp-sessions.js';
import { type Stage, StageRecorder } from './stage.js';
import { type Timeouts, timeoutsFor } from './timeouts.js';
import {
  type Addressee,
  type ComposedMessage,
  type Offer,
  OfferRefused,
  type Outcome,
  type RefusedRecipient,
  type Transport,
} from './transport.js';
import { mailboxOf } from './mailbox.js';
import type { BuiltMail, MailBuilder } from './wire-form.js';

interface Try {
  outcome: Outcome;
  /** The connection was at fault, and another one may do. */
  again: boolean;
}

interface AddressedMail extends BuiltMail {
  recipients: readonly Addressee[];
}

interface SmtpTransportOptions {
  /**
   * Connections for mail other than codes: as many as there are such deliveries side by side, so that none waits for
   * another.
   */
  ordinary: number;
  builder: MailBuilder;
  timeouts: Timeouts;
  /** The name in EHLO where the settings have none. */
  helo: string;
}

/** SMTP over connections that are kept. */
export class SmtpTransport implements Transport {
  readonly name: string;
  private readonly sessions: SmtpSessions;
  private readonly builder: MailBuilder;
  private readonly timeouts: Timeouts;
  /**
   * Milliseconds that a new connection took for its first word, of late: some servers ask others before they answer.
   */
  private firstWordTook = 0;

  constructor(settings: SmtpSettings, { ordinary, builder, timeouts, helo }: SmtpTransportOptions) {
    this.name = settings.name;
    this.builder = builder;
    this.timeouts = settings.timeouts ? timeoutsFor(timeouts, settings.timeouts) : timeouts;
    this.sessions = new SmtpSessions(new SmtpDial(settings, this.timeouts, helo), ordinary, this.timeouts);
  }

  async send(message: ComposedMessage, offer: Offer, urgent = false): Promise<Outcome> {
    const mail = { ...(await this.builder.build(message)), recipients: message.recipients };
    const { outcome, again } = await this.try(mail, offer, { fresh: false, urgent });
    return again ? (await this.try(mail, offer, { fresh: true, urgent })).outcome : outcome;
  }

  async close(): Promise<void> {
    this.sessions.close();
  }

  private async try(mail: AddressedMail, offer: Offer, wanted: Wanted): Promise<Try> {
    let taken: Taken;
    try {
      taken = await this.sessions.take(wanted);
    } catch (error) {
      return { outcome: classifySmtpFailure(error as SmtpError, 'connecting'), again: false };
    }
    return this.transfer(mail, offer, taken);
  }

  private async transfer(mail: AddressedMail, offer: Offer, taken: Taken): Promise<Try> {
    const { session } = taken;
    const giveUp = (): void => session.abort(new SessionFailure('ETIMEDOUT', 'no progress'));
    const stages = new StageRecorder(offer, this.timeouts, giveUp, () => this.sessions.park(taken));
    const listening = this.listenForFirstWord(taken, giveUp);
    try {
      const { response, rejectedErrors } = await session.send(mail.envelope(), stages.gate(mail.bytes));
      this.sessions.give(taken);
      const sent: Outcome = { kind: 'sent', reply: response ?? '', ...refusedAmong(mail, rejectedErrors) };
      return {
        outcome: sent.refused?.length === mail.recipients.length ? ofAll(mail, rejectedErrors!) : sent,
        again: false,
      };
    } catch (error) {
      if (error instanceof OfferRefused) {
        this.sessions.drop(taken);
        return { outcome: { kind: 'withdrawn' }, again: false };
      }
      const { outcome, again } = this.refused(error as SmtpError, stages.stage, taken);
      const { rejectedErrors = [] } = error as { rejectedErrors?: RefusedRcpt[] };
      // What it said to all of them counts, whatever came of the connection after that (RFC 2920 §3.1: DATA goes
      // along).
      if (rejectedErrors.length === mail.recipients.length) {
        const isWorn = rejectedErrors.some((refusal) => deservesNewConnection(refusal, 'envelope', taken.kept));
        return { outcome: ofAll(mail, rejectedErrors), again: again && isWorn };
      }
      return {
        outcome: mail.recipients.length > 1 ? ofSeveral(outcome, mail, rejectedErrors, stages.stage) : outcome,
        again,
      };
    } finally {
      listening();
      stages.end();
    }
  }

  private refused(failure: SmtpError, stage: StageRecorder['stage'], taken: Taken): Try {
    const outcome = classifySmtpFailure(failure, stage);
    const again = deservesNewConnection(failure, stage, taken.kept);
    if (taken.kept && isDeadConnection(failure, stage)) this.sessions.dropIdle();
    if (again) this.sessions.drop(taken);
    else this.leave(taken, failure, stage);
    if (!again && 'transport' in outcome && outcome.transport?.kind === 'slow') this.sessions.slowDown();
    return { outcome, again };
  }

  /**
   * A refusal at the right moment leaves the session in order. Anything else, and who knows what the server waits for.
   */
  private leave(taken: Taken, { responseCode }: SmtpError, stage: StageRecorder['stage']): void {
    const inOrder = responseCode !== undefined && responseCode >= 400 && responseCode !== 421 && responseCode !== 503;
    if (inOrder && stage === 'released') this.sessions.give(taken);
    else if (inOrder && stage === 'envelope') void this.sessions.reset(taken);
    else this.sessions.drop(taken);
  }

  /**
   * A proxy or a firewall may have forgotten a connection that was idle, and tells nobody: what has carried a message
   * before gets little time for its first word, measured by what new ones took. Returns what ends the listening.
   */
  private listenForFirstWord({ session, kept }: Taken, giveUp: () => void): () => void {
    const since = performance.now();
    const timer = kept ? setTimeout(giveUp, Math.max(this.timeouts.firstWordMs, 2 * this.firstWordTook)) : undefined;
    const deaf = session.onWord(() => {
      clearTimeout(timer);
      if (!kept) this.firstWordTook = performance.now() - since;
    });
    return () => {
      clearTimeout(timer);
      deaf();
    };
  }
}

/**
 * Those that were refused have answers of their own. A server that falls silent before it knows the message may do so
 * over one of its recipients, and is not to blame before it does so over each.
 */
function ofSeveral(outcome: Outcome, mail: AddressedMail, refusals: readonly RefusedRcpt[], stage: Stage): Outcome {
  const told = { ...outcome, ...refusedAmong(mail, refusals) };
  if (told.kind !== 'deferred' || stage !== 'envelope' || told.reply !== undefined || told.transport) return told;
  return { ...told, alone: true };
}

/** Of all that were refused each has an answer of its own, and the first one's stands for the message. */
function ofAll(mail: AddressedMail, [first, ...others]: readonly RefusedRcpt[]): Outcome {
  return { ...classifySmtpFailure(first!, 'envelope'), ...refusedAmong(mail, others) };
}

/** What the server said to each RCPT that it refused. Nothing where it took all of them. */
function refusedAmong(
  { recipients }: AddressedMail,
  refusals: readonly RefusedRcpt[] = [],
): { refused?: RefusedRecipient[] } {
  const refused = refusals.flatMap((refusal) => {
    const known = recipients.find(({ address }) => mailboxOf(address).address === refusal.recipient);
    const outcome = classifySmtpFailure(refusal, 'envelope');
    return known && (outcome.kind === 'deferred' || outcome.kind === 'failed')
      ? [{ address: known.address, outcome }]
      : [];
  });
  return refused.length === 0 ? {} : { refused };
}
