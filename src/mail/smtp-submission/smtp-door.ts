import type { SMTPServerAddress, SMTPServerAuthentication, SMTPServerDataStream, SMTPServerSession } from 'smtp-server';
import { allows } from '../../access/access-policy.js';
import { type ApiKeyRecord, ApiKeys } from '../../access/api-keys.js';
import { Settings } from '../../config/settings.js';
import { Clock } from '../../core/clock.js';
import { parseEmailAddress } from '../../core/email-address.js';
import { uuidv7 } from '../../core/ids.js';
import { Logger } from '../../core/logger.js';
import { RequestMetrics } from '../../core/metrics.js';
import { Problem } from '../../core/problems.js';
import { databaseProblemOf, DatabaseSilent } from '../../database/database-errors.js';
import { Limits } from '../../limits/limits.js';
import { Injectable } from '@nestjs/common';
import { senderFault } from '../submission/sender-policy.js';
import { Submission, type Submitter } from '../submission/submission.js';
import { SMTP_BOUNDS } from './bounds-policy.js';
import { ClientGone, IncomingMessage, Places } from './incoming-message.js';
import { type Arrival, readHeader } from './message-policy.js';
import {
  BAD_RECIPIENT,
  keyReply,
  overReply,
  queued,
  replyOf,
  scopeReply,
  SmtpRefusal,
  TOO_MANY_PASSWORDS,
  unknownParameter,
} from './replies-policy.js';

const SCOPE = 'emails:send';
/** What MAIL may say besides the address; AUTH= is for relays of others' mail, and may be ignored (RFC 4954 §5). */
const MAIL_PARAMETERS = ['SIZE', 'BODY', 'SMTPUTF8', 'AUTH'];

/** Who logged in on a connection. The key is asked after again with each message: it may have been revoked since. */
interface LoggedIn {
  key: string;
  record: ApiKeyRecord;
}

/** Where a client is connected. */
interface Place {
  /** What this host calls itself. */
  host: string;
  /** The message is in: the client waits for us from here on. */
  decide: () => void;
  /** The connection ends with the next answer. */
  end: () => void;
}

/** SMTP submission for back ends: it translates, and Submission decides. What it throws is a reply. */
@Injectable()
export class SmtpDoor {
  private readonly places = new Places();
  private readonly wrongPasswords = new WeakMap<object, number>();

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly metrics: RequestMetrics,
    private readonly keys: ApiKeys,
    private readonly limits: Limits,
    private readonly submission: Submission,
  ) {}

  /** The user name is free: a key tells whose it is. @throws SmtpRefusal */
  async logIn({ password }: SMTPServerAuthentication, session: SMTPServerSession): Promise<LoggedIn> {
    return this.orRefused('auth', async () => {
      const check = await this.keys.authenticate(password ?? '');
      if (check.kind !== 'good') {
        await this.chargeFor(session);
        throw new SmtpRefusal(keyReply(check)!);
      }
      if (!allows(check.record.scopes, SCOPE)) throw new SmtpRefusal(scopeReply(SCOPE));
      return { key: password!, record: check.record };
    });
  }

  /** @throws SmtpRefusal */
  async mail({ address, args }: SMTPServerAddress, session: SMTPServerSession): Promise<void> {
    refuseUnknown(args, MAIL_PARAMETERS);
    await this.orRefused('mail', async () => {
      const { record } = await this.stillIn(session);
      const fault = address === '' ? undefined : this.senderFault(address, record);
      if (fault) throw fault;
    });
  }

  /** Not whether it is suppressed: whoever has a key could find out by that who complained. @throws SmtpRefusal */
  recipient({ address, args }: SMTPServerAddress): void {
    refuseUnknown(args, []);
    if (!parseEmailAddress(address)) throw new SmtpRefusal(BAD_RECIPIENT);
  }

  /** @returns what is said once it is committed @throws SmtpRefusal */
  async message(stream: SMTPServerDataStream, session: SMTPServerSession, place: Place): Promise<string> {
    const id = uuidv7(this.clock.now());
    const { record } = session.user as unknown as LoggedIn;
    const incoming = new IncomingMessage(
      (block) => readHeader(block, this.arrivalOf(id, session, place)),
      this.places,
      sizeOf(session),
    );
    try {
      return await this.orRefused('mail', async () => {
        const { message, mime, idempotencyKey, compared } = await incoming.receive(stream);
        place.decide();
        const { body, replayed } = await this.submission.accept(mime ? { ...message, mime } : message, {
          submitter: submitterOf(record, id),
          idempotencyKey,
          call: 'SMTP',
          compared,
        });
        this.metrics.submittedBySmtp(replayed ? 'replayed' : 'accepted');
        const facts = { id: body.id, recipients: session.envelope.rcptTo.length, bytes: stream.byteLength, replayed };
        this.log.info({ requestId: id, apiKeyId: record.id, ...facts }, 'a message was accepted by SMTP');
        return queued(body.id);
      });
    } catch (error) {
      if (error instanceof SmtpRefusal) this.metrics.submittedBySmtp(error.reply.code < 500 ? 'deferred' : 'refused');
      throw error;
    } finally {
      if (incoming.hasBrokenLines) place.end();
      incoming.release();
    }
  }

  private arrivalOf(
    id: string,
    { envelope, hostNameAppearsAs, transmissionType }: SMTPServerSession,
    { host }: Place,
  ): Arrival {
    return {
      envelope: {
        from: (envelope.mailFrom as SMTPServerAddress).address,
        to: envelope.rcptTo.map(({ address }) => parseEmailAddress(address)!.stored),
      },
      ...{ id, now: this.clock.now(), host, client: hostNameAppearsAs, protocol: transmissionType },
    };
  }

  private async stillIn({ user }: SMTPServerSession): Promise<LoggedIn> {
    const { key } = user as unknown as LoggedIn;
    const check = await this.keys.authenticate(key);
    if (check.kind !== 'good') throw new SmtpRefusal(overReply(keyReply(check)!));
    return { key, record: check.record };
  }

  private senderFault(address: string, { senders: keySenders }: ApiKeyRecord): Problem | undefined {
    const { from, senders } = this.settings.mail;
    return senderFault(address, { mailFrom: from.address, senders, keySenders });
  }

  /**
   * Whoever tries passwords is counted with all else that their network asks for, and has a few tries a connection.
   * @throws
   */
  private async chargeFor(session: SMTPServerSession): Promise<void> {
    const wrong = (this.wrongPasswords.get(session) ?? 0) + 1;
    this.wrongPasswords.set(session, wrong);
    await this.limits.take({ ip: session.remoteAddress, withMail: false });
    if (wrong >= SMTP_BOUNDS.wrongPasswords) throw new SmtpRefusal(TOO_MANY_PASSWORDS);
  }

  /** What is foreseen becomes its reply; what is not stays in the log. */
  private async orRefused<T>(moment: 'auth' | 'mail', work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof SmtpRefusal || error instanceof ClientGone) throw error;
      const known = error instanceof Problem ? error : databaseProblemOf(error);
      if (known?.code === 'unavailable') {
        const silent = new DatabaseSilent('no answer to SMTP', { cause: error });
        this.log.warn({ err: silent }, 'the database did not answer a client of SMTP');
      } else if (!known) this.log.error({ err: error }, 'a command of SMTP failed');
      throw new SmtpRefusal(replyOf(known ?? new Problem('internal', { cause: error }), moment), { cause: error });
    }
  }
}

function submitterOf({ id, senders }: ApiKeyRecord, requestId: string): Submitter {
  return { id, apiKeyId: id, senders, requestId };
}

/** Undefined where MAIL said nothing of it (RFC 1870). */
function sizeOf({ envelope: { mailFrom } }: SMTPServerSession): number | undefined {
  const size = mailFrom && mailFrom.args && mailFrom.args['SIZE'];
  return Number(size) || undefined;
}

function refuseUnknown(args: SMTPServerAddress['args'], known: readonly string[]): void {
  const unknown = Object.keys(args || {}).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new SmtpRefusal(unknownParameter(unknown.slice(0, 40)));
}
