import type { AddressInfo, Socket } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { eventually } from '../signals/wait.js';
import { noteMail } from '../text/test-logs.js';

export interface Received {
  from: string;
  to: string[];
  mail: ParsedMail;
}

/** A real SMTP server that keeps what it takes. */
export class SmtpSink {
  readonly received: Received[] = [];
  /** Transfers that ended before the message did. */
  aborted = 0;

  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: SMTPServer,
    readonly port: number,
  ) {
    server.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  static async start(options: Partial<SMTPServerOptions> = {}, port = 0): Promise<SmtpSink> {
    const kept: { sink?: SmtpSink } = {};
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData: (stream, session, done) => {
        stream.on('error', () => kept.sink!.aborted++);
        simpleParser(stream).then(
          (mail) => {
            noteMail(`${mail.subject ?? ''}\n${mail.text ?? ''}`);
            const { mailFrom, rcptTo } = session.envelope;
            kept.sink!.received.push({
              from: mailFrom ? mailFrom.address : '',
              to: rcptTo.map(({ address }) => address),
              mail,
            });
            done(null, '2.0.0 taken');
          },
          (error: Error) => done(error),
        );
      },
      ...options,
    });
    server.on('error', () => undefined); // clients that hang up are part of the tests
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    kept.sink = new SmtpSink(server, (server.server.address() as AddressInfo).port);
    return kept.sink;
  }

  async waitForMailTo(address: string, count = 1): Promise<Received[]> {
    return eventually(() => {
      const found = this.received.filter(({ to }) => to.includes(address));
      return found.length >= count && found;
    }, `${count} mail(s) to ${address}`);
  }

  /** Every client loses its connection, without a word. */
  hangUp(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.server.close(resolve));
  }
}

/** The six digits that stand alone in a mail's text. */
export function codeIn(text: string | undefined): string {
  const code = /\b(\d{6})\b/.exec(text ?? '')?.[1];
  if (!code) throw new Error(`no code in: ${text}`);
  return code;
}
