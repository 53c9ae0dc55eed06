import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import SMTPConnection, {
  type SMTPConnectionAuth,
  type SMTPConnectionOptions,
  type SMTPConnectionSendInfo,
  type SMTPEnvelope,
} from 'nodemailer/lib/smtp-connection';
import XOAuth2 from 'nodemailer/lib/xoauth2';
import type { SmtpPort, SmtpSettings } from '../../config/settings.js';

/** A failure of ours in the form that nodemailer gives its own. */
export class SessionFailure extends Error {
  override readonly name = 'SessionFailure';

  constructor(
    readonly code: 'ETIMEDOUT' | 'ECONNECTION' | 'EAUTH' | 'ETOKEN',
    message: string,
    /** Which wait was too long, in nodemailer's words. */
    readonly timeoutType?: 'CONNECT_TIMEOUT' | 'GREETING_TIMEOUT' | 'SETUP_TIMEOUT',
  ) {
    super(message);
  }
}

/** No access token for the login. The provider's own refusal is for the operator; whatever else happened may pass. */
export class TokenFailure extends SessionFailure {
  /** @param refusal `error` of RFC 6749 §5.2, such as invalid_grant */
  constructor(readonly refusal: string | undefined) {
    super(
      refusal === undefined ? 'ETOKEN' : 'EAUTH',
      refusal === undefined ? 'the address for tokens gave no token' : `the refresh token was refused: ${refusal}`,
    );
  }
}

/** How nodemailer is told of a port's TLS. */
export function encryptionOf(tls: SmtpPort['tls']): { secure: boolean; requireTLS: boolean; ignoreTLS: boolean } {
  return { secure: tls === 'implicit', requireTLS: tls === 'starttls', ignoreTLS: tls === 'off' };
}

/** What the server said to one RCPT. */
export type RefusedRcpt = NonNullable<SMTPConnectionSendInfo['rejectedErrors']>[number];

/** How a connection logs in. */
export interface Login {
  /** What it presents, asked for each connection; undefined: the server wants no login. @throws SessionFailure */
  present(): Promise<SMTPConnectionAuth | undefined>;
  /** SASL mechanisms in the order in which they are tried; undefined: whatever nodemailer takes. */
  order(offered: readonly string[]): readonly (string | undefined)[];
  /** That one is tried first from now on. */
  worked(mechanism: string | undefined): void;
}

/** A password, or an access token (SASL XOAUTH2) that is kept until it expires and then exchanged anew. */
export function loginOf(settings: SmtpSettings): Login {
  const present = presentationOf(settings);
  let first = settings.auth as string | undefined;
  return {
    present,
    // A mechanism may be offered and not work, such as CRAM-MD5 where the server keeps hashes only.
    order: (offered) => {
      if (settings.oauth) return [undefined];
      if (settings.auth !== undefined) return [settings.auth];
      const order =
        first !== undefined && offered.includes(first)
          ? [first, ...offered.filter((other) => other !== first)]
          : offered;
      return order.length === 0 ? [undefined] : order;
    },
    worked: (mechanism) => (first = mechanism ?? first),
  };
}

function presentationOf({ user, password, oauth }: SmtpSettings): Login['present'] {
  if (user === undefined) return () => Promise.resolve(undefined);
  if (!oauth) return () => Promise.resolve({ user, credentials: { user, pass: password ?? '' } });
  const { clientId, clientSecret, refreshToken, tokenUrl: accessUrl } = oauth;
  const oauth2 = new Tokens({ user, clientId, clientSecret, refreshToken, accessUrl });
  // Before the login rather than in it: there a provider that cannot be reached looks like a refused password.
  return async () => {
    await new Promise<void>((resolve, reject) => {
      oauth2.getToken(false, (error) => (error ? reject(error) : resolve()));
    });
    return { user, oauth2 };
  };
}

/** RFC 6749 §5.2; nodemailer hands the code on at the beginning of its message, and says nothing of the HTTP status. */
const REFUSAL =
  /^(invalid_request|invalid_client|invalid_grant|unauthorized_client|unsupported_grant_type|invalid_scope)\b/;

/**
 * Access tokens that are kept until they expire. A server that refuses one has nodemailer ask for another in the login.
 */
class Tokens extends XOAuth2 {
  override getToken(...[renew, callback]: Parameters<XOAuth2['getToken']>): void {
    super.getToken(renew, (error, token) =>
      callback(error && new TokenFailure(REFUSAL.exec(error.message)?.[1]), token),
    );
  }
}

interface SessionSettings {
  connection: SMTPConnectionOptions;
  login: Login;
  /** Told when it is dialled, for whoever wants to see how far it is. */
  opened?: (session: SmtpSession) => void;
  /** Told when the server is to be shown the credentials. */
  loggingIn?: () => void;
  /** Milliseconds from dialling to the connection. */
  connectMs: number;
  /** Milliseconds from dialling to the end of the login. */
  setupMs: number;
}

/** One connection to one server, logged in. Carries one message at a time. */
export class SmtpSession {
  /** Messages it was asked to carry. */
  messages = 0;
  private closed = false;
  private fail: ((error: Error) => void) | undefined;

  private constructor(private readonly connection: SMTPConnection) {
    // Rejects whatever is under way; without a listener an error of an idle connection would end the process.
    connection.on('error', (error: Error) => {
      this.closed = true;
      this.fail?.(error);
    });
    connection.once('end', () => {
      this.closed = true;
      // nodemailer ends the connection a moment before it tells the sender of a 421.
      setImmediate(() => this.fail?.(new SessionFailure('ECONNECTION', 'the connection ended')));
    });
  }

  /** @throws what nodemailer says, with its structured fields; SessionFailure when the whole takes too long. */
  static async open({
    connection: options,
    login,
    opened,
    loggingIn,
    connectMs,
    setupMs,
  }: SessionSettings): Promise<SmtpSession> {
    const connection = new SMTPConnection(options);
    const session = new SmtpSession(connection);
    const unconnected = setTimeout(() => {
      if (!session.connected)
        session.abort(new SessionFailure('ETIMEDOUT', 'no connection in time', 'CONNECT_TIMEOUT'));
    }, connectMs);
    opened?.(session);
    const timer = setTimeout(
      () => session.abort(new SessionFailure('ETIMEDOUT', 'no login in time', 'SETUP_TIMEOUT')),
      setupMs,
    );
    try {
      await session.during<void>((settle) => connection.connect(settle));
      const auth = await session.unlessAborted(login.present());
      if (auth && connection.allowsAuth) {
        loggingIn?.();
        await session.logIn(auth, login);
      }
      return session;
    } catch (error) {
      session.close();
      throw error;
    } finally {
      clearTimeout(unconnected);
      clearTimeout(timer);
    }
  }

  /** Whether there is a connection, be there a greeting or not. */
  get connected(): boolean {
    return this.connection.stage === 'connected';
  }

  /** Whether the server has said anything. */
  get greeted(): boolean {
    return this.connection.lastServerResponse !== false;
  }

  /** For a user and a password, as the server offers and nodemailer speaks them, in its order. */
  private get mechanisms(): readonly string[] {
    return (this.connection as unknown as { _supportedAuth: string[] })._supportedAuth.filter(
      (mechanism) => mechanism !== 'XOAUTH2',
    );
  }

  /** Tells the first time that the server says anything from now on. Returns what ends that. */
  onWord(heard: () => void): () => void {
    const socket = (this.connection as unknown as { _socket: Socket })._socket; // nodemailer tells of whole envelopes only
    socket.once('data', heard);
    return () => void socket.off('data', heard);
  }

  /**
   * Where MAIL was refused there is no transaction (RFC 5321 §4.1.4), and what a pipelined RCPT heard is nobody's fate.
   * A 2xx or 3xx that nodemailer counts as a refusal of RCPT answers another command.
   */
  private get refusals(): RefusedRcpt[] {
    const { _envelope } = this.connection as unknown as {
      _envelope?: { mailError?: Error; rejectedErrors?: RefusedRcpt[] } | false;
    };
    if (!_envelope || _envelope.mailError) return [];
    return (_envelope.rejectedErrors ?? []).filter(({ responseCode = 0 }) => responseCode >= 400);
  }

  get usable(): boolean {
    return !this.closed;
  }

  /** Rejects with what nodemailer says, and `rejectedErrors`: the recipients that had been refused by then. */
  async send(envelope: SMTPEnvelope, message: Readable): Promise<SMTPConnectionSendInfo> {
    this.messages++;
    try {
      return await this.during((settle) => this.connection.send(envelope, message, settle));
    } catch (error) {
      throw Object.assign(error as Error, { rejectedErrors: this.refusals });
    }
  }

  /** Makes the session ready for the next message after a refusal. */
  async reset(): Promise<void> {
    await this.during<boolean>((settle) => this.connection.reset(settle));
  }

  /** Gives up what is under way. Before the last byte was released, this makes sure that it never is. */
  abort(reason: Error): void {
    this.fail?.(reason);
    this.close();
  }

  close(): void {
    this.closed = true;
    this.connection.close();
  }

  /** Takes leave of the server; for a session with nothing under way. */
  quit(): void {
    this.closed = true;
    this.connection.quit();
  }

  /** Tries what is offered one after the other while the server answers. @throws what it said to the first one */
  private async logIn(auth: SMTPConnectionAuth, login: Login): Promise<void> {
    let refusal: unknown;
    for (const mechanism of login.order(this.mechanisms)) {
      try {
        await this.during<boolean>((settle) =>
          this.connection.login(mechanism === undefined ? auth : { ...auth, method: mechanism }, settle),
        );
        login.worked(mechanism);
        return;
      } catch (error) {
        // nodemailer has made a refused login of it.
        if (error instanceof TokenFailure) throw new TokenFailure(error.refusal);
        refusal ??= error;
        const { responseCode } = error as { responseCode?: number };
        if (responseCode === undefined || responseCode === 421 || this.closed) break;
      }
    }
    throw refusal;
  }

  private unlessAborted<T>(work: Promise<T>): Promise<T> {
    return this.during<T>((settle) => void work.then((result) => settle(null, result), settle));
  }

  private async during<T>(start: (settle: (error?: Error | null, result?: T) => void) => void): Promise<T> {
    try {
      return await new Promise<T>((resolve, reject) => {
        this.fail = reject;
        start((error, result) => (error ? reject(error) : resolve(result as T)));
      });
    } finally {
      this.fail = undefined;
    }
  }
}
