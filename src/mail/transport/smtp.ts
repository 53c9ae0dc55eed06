import type { SmtpSettings } from '../../config/settings.js';
import type { Outcome } from '../outcome.js';
import { classifySmtpFailure, deservesNewConnection, isDeadConnection, type SmtpFailure } from '../smtp-reply.js';
import type { BuiltMail, MailBuilder } from './build-mail.js';
import { type Patience, patienceWith } from './patience.js';
import { SessionFailure } from './session-failure.js';
import { SmtpDial } from './smtp-dial.js';
import { SmtpSessions, type Taken, type Wanted } from './smtp-sessions.js';
import { StageRecorder } from './stage.js';
import { type ComposedMessage, type Offer, OfferRefused, type Transport } from './transport.js';

interface Try {
  outcome: Outcome;
  /** The connection was at fault, and another one may do. */
  again: boolean;
}

export interface SmtpTransportOptions {
  /** Connections for mail other than codes: as many as there are such deliveries side by side, so that none waits for another. */
  ordinary: number;
  builder: MailBuilder;
  patience: Patience;
  /** The name in EHLO where the settings have none. */
  helo: string;
}

/** SMTP over connections that are kept. */
export class SmtpTransport implements Transport {
  readonly name: string;
  private readonly sessions: SmtpSessions;
  private readonly builder: MailBuilder;
  private readonly patience: Patience;
  /** Milliseconds that a new connection took for its first word, of late: some servers ask others before they answer. */
  private firstWordTook = 0;

  constructor(settings: SmtpSettings, { ordinary, builder, patience, helo }: SmtpTransportOptions) {
    this.name = settings.name;
    this.builder = builder;
    this.patience = settings.timeouts ? patienceWith(patience, settings.timeouts) : patience;
    this.sessions = new SmtpSessions(new SmtpDial(settings, this.patience, helo), ordinary, this.patience);
  }

  async send(message: ComposedMessage, offer: Offer, urgent = false): Promise<Outcome> {
    const mail = await this.builder.build(message);
    const { outcome, again } = await this.try(mail, offer, { fresh: false, urgent });
    return again ? (await this.try(mail, offer, { fresh: true, urgent })).outcome : outcome;
  }

  async close(): Promise<void> {
    this.sessions.close();
  }

  private async try(mail: BuiltMail, offer: Offer, wanted: Wanted): Promise<Try> {
    let taken: Taken;
    try {
      taken = await this.sessions.take(wanted);
    } catch (error) {
      return { outcome: classifySmtpFailure(error as SmtpFailure, 'connecting'), again: false };
    }
    return this.transfer(mail, offer, taken);
  }

  private async transfer(mail: BuiltMail, offer: Offer, taken: Taken): Promise<Try> {
    const { session } = taken;
    const giveUp = (): void => session.abort(new SessionFailure('ETIMEDOUT', 'no progress'));
    const stages = new StageRecorder(offer, this.patience, giveUp, () => this.sessions.park(taken));
    const listening = this.listenForFirstWord(taken, giveUp);
    try {
      const { response, rejectedErrors } = await session.send(mail.envelope(), stages.gate(mail.bytes));
      this.sessions.give(taken);
      // One recipient a message: a partial refusal is a refusal of ours.
      const [rejected] = rejectedErrors ?? [];
      if (rejected) return { outcome: classifySmtpFailure(rejected, 'envelope'), again: false };
      return { outcome: { kind: 'sent', reply: response ?? '' }, again: false };
    } catch (error) {
      if (error instanceof OfferRefused) {
        this.sessions.drop(taken);
        return { outcome: { kind: 'withdrawn' }, again: false };
      }
      return this.refused(error as SmtpFailure, stages.stage, taken);
    } finally {
      listening();
      stages.end();
    }
  }

  private refused(failure: SmtpFailure, stage: StageRecorder['stage'], taken: Taken): Try {
    const outcome = classifySmtpFailure(failure, stage);
    const again = deservesNewConnection(failure, stage, taken.kept);
    if (taken.kept && isDeadConnection(failure, stage)) this.sessions.dropIdle();
    if (again) this.sessions.drop(taken);
    else this.leave(taken, failure, stage);
    if (!again && 'transport' in outcome && outcome.transport?.kind === 'slow') this.sessions.slowDown();
    return { outcome, again };
  }

  /** A refusal at the right moment leaves the session in order. Anything else, and who knows what the server waits for. */
  private leave(taken: Taken, { responseCode }: SmtpFailure, stage: StageRecorder['stage']): void {
    const inOrder = responseCode !== undefined && responseCode !== 421 && responseCode !== 503;
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
    const timer = kept ? setTimeout(giveUp, Math.max(this.patience.firstWordMs, 2 * this.firstWordTook)) : undefined;
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
