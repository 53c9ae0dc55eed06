import type { SmtpSettings } from '../../config/settings.js';
import type { Outcome } from '../outcome.js';
import { classifySmtpFailure, deservesNewConnection, type SmtpFailure } from '../smtp-reply.js';
import type { BuiltMail, MailBuilder } from './build-mail.js';
import type { Patience } from './patience.js';
import { SessionFailure } from './session-failure.js';
import { SmtpDial } from './smtp-dial.js';
import type { SmtpSession } from './smtp-session.js';
import { SmtpSessions } from './smtp-sessions.js';
import { StageRecorder } from './stage.js';
import { type ComposedMessage, type Offer, OfferRefused, type Transport } from './transport.js';

interface Try {
  outcome: Outcome;
  /** The connection was at fault, and another one may do. */
  again: boolean;
}

/** SMTP over connections that are kept. */
export class SmtpTransport implements Transport {
  readonly name: string;
  private readonly sessions: SmtpSessions;

  /** `connections`: as many as there are deliveries side by side, so that none waits for another. */
  constructor(
    settings: SmtpSettings,
    connections: number,
    private readonly builder: MailBuilder,
    private readonly patience: Patience,
  ) {
    this.name = settings.name;
    this.sessions = new SmtpSessions(new SmtpDial(settings, patience), connections);
  }

  async send(message: ComposedMessage, offer: Offer): Promise<Outcome> {
    const mail = await this.builder.build(message);
    const { outcome, again } = await this.try(mail, offer, false);
    return again ? (await this.try(mail, offer, true)).outcome : outcome;
  }

  async close(): Promise<void> {
    this.sessions.close();
  }

  private async try(mail: BuiltMail, offer: Offer, fresh: boolean): Promise<Try> {
    let session: SmtpSession;
    try {
      session = await this.sessions.take(fresh);
    } catch (error) {
      return { outcome: classifySmtpFailure(error as SmtpFailure, 'connecting'), again: false };
    }
    return this.transfer(mail, offer, session);
  }

  private async transfer(mail: BuiltMail, offer: Offer, session: SmtpSession): Promise<Try> {
    const stages = new StageRecorder(offer, this.patience, () => session.abort(new SessionFailure('ETIMEDOUT', 'no progress')));
    const reused = session.messages > 0;
    try {
      const { response, rejectedErrors } = await session.send(mail.envelope(), stages.gate(mail.bytes));
      this.sessions.give(session);
      // One recipient a message: a partial refusal is a refusal of ours.
      const [rejected] = rejectedErrors ?? [];
      if (rejected) return { outcome: classifySmtpFailure(rejected, 'envelope'), again: false };
      return { outcome: { kind: 'sent', reply: response ?? '' }, again: false };
    } catch (error) {
      if (error instanceof OfferRefused) {
        this.sessions.drop(session);
        return { outcome: { kind: 'withdrawn' }, again: false };
      }
      const failure = error as SmtpFailure;
      const outcome = classifySmtpFailure(failure, stages.stage);
      if ('transport' in outcome && outcome.transport?.kind === 'slow') this.sessions.slowDown();
      this.leave(session, failure, stages.stage);
      return { outcome, again: deservesNewConnection(failure, stages.stage, reused) };
    } finally {
      stages.end();
    }
  }

  /** A refusal at the right moment leaves the session in order. Anything else, and who knows what the server waits for. */
  private leave(session: SmtpSession, { responseCode }: SmtpFailure, stage: StageRecorder['stage']): void {
    const inOrder = responseCode !== undefined && responseCode !== 421 && responseCode !== 503;
    if (inOrder && stage === 'released') this.sessions.give(session);
    else if (inOrder && stage === 'envelope') void this.sessions.reset(session);
    else this.sessions.drop(session);
  }
}
