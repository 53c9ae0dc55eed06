import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { Injectable, Module } from '@nestjs/common';
import type { SMTPServerSession } from 'smtp-server';
import { AccessModule } from '../../access/access.module.js';
import { Settings } from '../../config/settings.js';
import { heloName } from '../../config/smtp-entry.js';
import type { SmtpListener } from '../../config/smtp-listen.js';
import { Logger } from '../../core/logger.js';
import { StartupError } from '../../core/startup-error.js';
import { SubmissionModule } from '../submission/submission.module.js';
import { Connections, isNear, SMTP_BOUNDS } from './bounds-policy.js';
import { CertificateFiles } from './certificate.js';
import { NO_TLS_HERE, type SmtpReply, TOO_MANY_CONNECTIONS } from './replies-policy.js';
import { SmtpDoor } from './smtp-door.js';
import { SubmissionServer } from './smtp-server.js';

/** Milliseconds that a client which is not let in has to read why. */
const FAREWELL_MS = 1_000;

/** What listens for back ends' mail by SMTP: nothing, unless SMTP_LISTEN says where. */
@Injectable()
export class SmtpListeners {
  /** Where it listens, such as `127.0.0.1:587 (STARTTLS)`. */
  readonly places: string[] = [];
  private readonly connections = new Connections();
  private readonly open: { listener: Server; smtp: SubmissionServer }[] = [];
  private certificate: CertificateFiles | undefined;
  private readonly host: string;

  constructor(
    private readonly settings: Settings,
    private readonly log: Logger,
    private readonly door: SmtpDoor,
  ) {
    this.host = heloName(hostname(), settings.http.appUrl);
  }

  /** @throws StartupError; what was opened is closed by {@link close} */
  async listen(): Promise<void> {
    const { listeners, tls } = this.settings.smtpIn;
    if (listeners.length > 0 && tls) this.certificate = await CertificateFiles.open(tls);
    for (const one of listeners) this.places.push(await this.listenAt(one));
    this.certificate?.watch((certificate) => {
      for (const { smtp } of this.open) smtp.updateSecureContext(certificate);
    }, this.log);
  }

  /** Nothing more is taken in; what is being accepted is finished, within a bound. */
  async close(): Promise<void> {
    this.certificate?.stop();
    await Promise.all(
      this.open.splice(0).map(async ({ listener, smtp }) => {
        listener.close();
        await smtp.leave();
      }),
    );
  }

  private async listenAt(at: SmtpListener): Promise<string> {
    const hasStartTls = at.tls === 'starttls' && this.certificate !== undefined;
    const smtp = this.serverFor(at, hasStartTls);
    const onlyNear = at.tls === 'starttls' && !hasStartTls;
    const listener = createServer((socket) => this.admit(socket, smtp, { onlyNear, speaksTls: at.tls === 'implicit' }));
    this.open.push({ listener, smtp });
    await listening(listener, at);
    // Such as too many open files: those who are connected stay so.
    listener.on('error', (error) => this.log.error({ err: error }, 'a listener of SMTP has a trouble'));
    const { address, port, family } = listener.address() as AddressInfo;
    const shown = `${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    return `${shown} (${at.tls === 'implicit' ? 'TLS' : hasStartTls ? 'STARTTLS' : onlyNear ? 'plain, own networks only' : 'plain'})`;
  }

  private serverFor({ tls }: SmtpListener, startTls: boolean): SubmissionServer {
    const { door } = this;
    const place = (session: SMTPServerSession) => ({
      host: this.host,
      decide: () => smtp.connectionOf(session)?.decide(),
      end: () => smtp.connectionOf(session)?.endWithAnswer(),
    });
    const smtp: SubmissionServer = new SubmissionServer((reply, session) => this.note(reply, session), {
      name: this.host,
      startTls,
      secure: tls === 'implicit',
      ...(tls === 'off' ? {} : this.certificate?.first),
      onAuth: (auth, session, done) =>
        void door.logIn(auth, session).then(
          (user) => done(null, { user }),
          (error: Error) => done(error),
        ),
      onMailFrom: (address, session, done) => void door.mail(address, session).then(() => done(), done),
      onRcptTo: (address, _session, done) => answered(() => door.recipient(address), done),
      onData: (stream, session, done) =>
        void door.message(stream, session, place(session)).then(
          (words) => done(null, words),
          (error: Error) => done(error),
        ),
    });
    // Clients that hang up, and handshakes that come to nothing.
    smtp.on('error', (error: Error) => this.log.debug({ error: error.message }, 'a connection of SMTP broke'));
    return smtp;
  }

  private admit(
    socket: Socket,
    smtp: SubmissionServer,
    { onlyNear, speaksTls }: { onlyNear: boolean; speaksTls: boolean },
  ): void {
    const address = socket.remoteAddress;
    socket.on('error', () => socket.destroy());
    if (address === undefined) return void socket.destroy(); // gone already
    if (onlyNear && !isNear(address)) return this.turnAway(socket, speaksTls, NO_TLS_HERE);
    const release = this.connections.take(address);
    if (!release) return this.turnAway(socket, speaksTls, TOO_MANY_CONNECTIONS);
    if (speaksTls) {
      const timer = setTimeout(() => smtp.drop(socket), SMTP_BOUNDS.loginMs).unref();
      socket.once('close', () => clearTimeout(timer));
    }
    smtp.give(socket, release);
  }

  /** Whoever waits for TLS could not read why. */
  private turnAway(socket: Socket, speaksTls: boolean, { code, text }: SmtpReply): void {
    this.log.info({ code }, 'a connection of SMTP was refused');
    if (speaksTls) return void socket.destroy();
    socket.end(`${code} ${text}\r\n`);
    socket.resume();
    setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
  }

  /** Codes alone: addresses may stand in the words. */
  private note({ code, text }: SmtpReply, session: object): void {
    if (code < 400) return;
    const { id, user } = session as { id?: string; user?: { record: { id: string } } | false };
    const enhanced = /^\d\.\d+\.\d+/.exec(text)?.[0];
    this.log.info({ connection: id, apiKeyId: user ? user.record.id : undefined, code, enhanced }, 'refused by SMTP');
  }
}

function answered(work: () => void, done: (error?: Error) => void): void {
  try {
    work();
  } catch (error) {
    return done(error as Error);
  }
  done();
}

async function listening(listener: Server, { host, port }: SmtpListener): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    listener.once('error', (error: NodeJS.ErrnoException) => reject(refusalOf(error, host, port)));
    listener.listen(port, host === 'localhost' ? '127.0.0.1' : host, resolve);
  });
}

function refusalOf(error: NodeJS.ErrnoException, host: string, port: number): Error {
  switch (error.code) {
    case 'EADDRINUSE':
      return new StartupError(
        `Port ${port} on ${host} is taken.`,
        'Stop what listens there, or choose another: SMTP_LISTEN=2587.',
      );
    case 'EACCES':
      return new StartupError(
        `Port ${port} may not be used by this user.`,
        'Choose one above 1023, such as SMTP_LISTEN=2587.',
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new StartupError(
        `SMTP_LISTEN has ${host}, which is no address of this machine.`,
        'Leave it out, such as SMTP_LISTEN=2587.',
      );
    default:
      return error;
  }
}

/** SMTP submission, part of the web role. */
@Module({ imports: [AccessModule, SubmissionModule], providers: [SmtpDoor, SmtpListeners] })
export class SmtpSubmissionModule {}
