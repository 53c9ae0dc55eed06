import type { Readable } from 'node:stream';
import SMTPConnection, {
  type SMTPConnectionOptions,
  type SMTPConnectionSendInfo,
  type SMTPEnvelope,
} from 'nodemailer/lib/smtp-connection';
import { SessionFailure } from './session-failure.js';
import type { Login } from './smtp-login.js';

export interface SessionSettings {
  connection: SMTPConnectionOptions;
  login: Login;
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
  static async open({ connection: options, login, setupMs }: SessionSettings): Promise<SmtpSession> {
    const connection = new SMTPConnection(options);
    const session = new SmtpSession(connection);
    const timer = setTimeout(() => session.abort(new SessionFailure('ETIMEDOUT', 'no login in time')), setupMs);
    try {
      await session.during<void>((settle) => connection.connect(settle));
      const auth = await session.unlessAborted(login());
      if (auth && connection.allowsAuth) await session.during<boolean>((settle) => connection.login(auth, settle));
      return session;
    } catch (error) {
      session.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  get usable(): boolean {
    return !this.closed;
  }

  send(envelope: SMTPEnvelope, message: Readable): Promise<SMTPConnectionSendInfo> {
    this.messages++;
    return this.during((settle) => this.connection.send(envelope, message, settle));
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
