import type { Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { SMTPConnection, type SMTPConnectionOptions } from 'smtp-server/lib/smtp-connection.js';
import { SMTP_BOUNDS } from './bounds-policy.js';
import { LARGEST_MESSAGE } from './incoming-message.js';
import { rephrased, SHUTTING_DOWN, type SmtpReply, TOO_MANY_RECIPIENTS, TOO_SLOW } from './replies-policy.js';

/** What is answered, for whoever counts and logs it. */
export type Told = (reply: { code: number; text: string }, session: object) => void;

type ReplyText = Parameters<SMTPConnection['send']>[1];
type ReplyContext = Parameters<SMTPConnection['send']>[2];

/**
 * One connection of the library's, with what it lacks: times that no trickle of bytes extends, an end that waits for
 * the message under way, and replies whose enhanced codes are ours.
 */
export class Connection extends SMTPConnection {
  private phase: 'opening' | 'command' | 'message' | 'deciding' = 'opening';
  private isLast = false;
  private left: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** To which more recipients were given than it may have. */
  private overfull: object | undefined;

  constructor(
    private readonly owner: SubmissionServer,
    socket: Socket,
    options: SMTPConnectionOptions | null | undefined,
  ) {
    super(owner, socket, options ?? {});
    this.limit(SMTP_BOUNDS.loginMs);
  }

  /** The message is in, and a decision is what the client waits for. */
  decide(): void {
    this.phase = 'deciding';
    clearTimeout(this.timer);
  }

  /** The next answer is the last one: nothing that was written behind the message is run. */
  endWithAnswer(): void {
    this.isLast = true;
  }

  /** Ends it: after the answer to the message under way, where there is one and it comes in time. */
  async leave(withinMs: number): Promise<void> {
    const over = new Promise<void>((resolve) => (this.left = resolve));
    if (this.isBusy) this.limit(withinMs, SHUTTING_DOWN);
    else this.say(SHUTTING_DOWN);
    await over;
  }

  private get isBusy(): boolean {
    return this.phase === 'message' || this.phase === 'deciding';
  }

  override send(code: number, data?: ReplyText, context?: ReplyContext): void {
    const ofLibrary = typeof data === 'string' && !OUR_WORDS.test(data);
    const words = typeof context === 'string' ? context : undefined;
    const withheld = Array.isArray(data) && this.owner.hasStartTls && !this.secure ? data.filter(isNoAuth) : data;
    const own = ofLibrary ? rephrased(code, words, { withTls: this.owner.hasStartTls && !this.secure }) : undefined;
    if (words === 'TOO_MANY_RECIPIENTS') this.overfull = this.session.envelope;
    this.enter(code);
    this.owner.told(
      { code: own?.code ?? code, text: own?.text ?? (typeof data === 'string' ? data : '') },
      this.session,
    );
    if (own) super.send(own.code, own.text, false);
    else super.send(code, withheld, ofLibrary ? context : false);
    if (this.isLast) this.close();
    else if (this.left && !this.isBusy && code !== SHUTTING_DOWN.code) this.say(SHUTTING_DOWN);
  }

  override handler_DATA(command: Buffer, callback: () => void): void {
    if (this.overfull !== this.session.envelope) return super.handler_DATA(command, callback);
    this._resetSession();
    this.say(TOO_MANY_RECIPIENTS);
    callback();
  }

  override close(): void {
    clearTimeout(this.timer);
    super.close();
    this.left?.();
  }

  private say({ code, text }: SmtpReply): void {
    this.send(code, text, false);
  }

  private enter(code: number): void {
    if (code === 354) {
      this.phase = 'message';
      this.limit(SMTP_BOUNDS.messageMs);
    } else if (this.session.user) {
      this.phase = 'command';
      this.limit(SMTP_BOUNDS.commandMs);
    } // before AUTH the time goes on
  }

  private limit(ms: number, reply = TOO_SLOW): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.say(reply), ms).unref();
  }
}

/**
 * EHLO does not offer AUTH before TLS (RFC 4954 §4): a client that tried it would have sent its password in plain text.
 */
function isNoAuth(line: string): boolean {
  return !line.startsWith('AUTH ');
}

/** Replies of ours begin with their enhanced code. */
const OUR_WORDS = /^[245]\.\d{1,3}\.\d{1,3} /;

/** What the library answers to, besides its commands for tests and for proxies. */
const DISABLED = ['WIZ', 'SHELL', 'KILL', 'XCLIENT', 'XFORWARD', 'LHLO'];

/** The library's server with {@link Connection}s. Sockets are given to it by whoever listens. */
export class SubmissionServer extends SMTPServer {
  readonly hasStartTls: boolean;
  private readonly bySession = new WeakMap<object, Connection>();
  private readonly endings = new WeakMap<object, () => void>();

  constructor(
    readonly told: Told,
    { startTls, ...options }: SMTPServerOptions & { startTls: boolean },
  ) {
    super({
      banner: 'Otpost',
      heloResponse: '%s',
      size: LARGEST_MESSAGE,
      maxRecipients: SMTP_BOUNDS.recipients,
      maxCommandLength: SMTP_BOUNDS.commandBytes,
      maxAllowedUnauthenticatedCommands: SMTP_BOUNDS.commandsBeforeLogin,
      socketTimeout: SMTP_BOUNDS.commandMs,
      authMethods: ['PLAIN', 'LOGIN'],
      hideENHANCEDSTATUSCODES: false,
      disableReverseLookup: true,
      minVersion: 'TLSv1.2',
      logger: false,
      allowInsecureAuth: !startTls,
      disabledCommands: startTls ? DISABLED : [...DISABLED, 'STARTTLS'],
      ...options,
    });
    this.hasStartTls = startTls;
  }

  override connect(socket: Socket, options?: SMTPConnectionOptions | null): void {
    const connection = new Connection(this, socket, options);
    this.bySession.set(connection.session, connection);
    const ending = this.endings.get(socket);
    if (ending) this.endings.set(connection.session, ending);
    this.connections.add(connection);
    connection.on('error', (error: Error) => this.emit('error', error));
    connection.init();
  }

  /**
   * @param ended called when the connection is over. The library takes off what listens to a socket when it begins TLS
   *   on it.
   */
  give(socket: Socket, ended: () => void): void {
    this.endings.set(socket, ended);
    socket.once('close', ended);
    this.server.emit('connection', socket);
  }

  override onClose(session: object): void {
    this.endings.get(session)?.();
  }

  connectionOf(session: object): Connection | undefined {
    return this.bySession.get(session);
  }

  /** A socket that has not come as far as a connection: its TLS handshake is not done. */
  drop(socket: Socket): void {
    this._pendingSockets.get(socket)?.destroy();
  }

  /**
   * Takes no more commands; what is idle ends at once, and what is under way with its answer, or when the time is over.
   */
  async leave(): Promise<void> {
    this.close();
    const connections = [...this.connections] as Connection[];
    await Promise.all(connections.map((connection) => connection.leave(SMTP_BOUNDS.leavingMs)));
  }
}
