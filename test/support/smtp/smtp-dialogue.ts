import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { note } from '../text/test-logs.js';

/** Milliseconds after which no reply comes. */
const HANGS_MS = 120_000;

/** A client of SMTP that sends bytes as they are, and reads replies one by one. */
export class SmtpDialogue {
  private text = '';
  private waiting: (() => void)[] = [];
  closed = false;

  private constructor(private socket: Socket) {
    this.listen();
  }

  /** @param tls from the first byte; the certificate is not checked */
  static async open(port: number, { tls = false } = {}): Promise<SmtpDialogue> {
    const socket = tls
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : connect(port, '127.0.0.1');
    const dialogue = new SmtpDialogue(socket);
    // Where nobody listens, it is closed from the beginning.
    await new Promise<void>((resolve) =>
      socket.once(tls ? 'secureConnect' : 'connect', resolve).once('close', () => resolve()),
    );
    return dialogue;
  }

  /** Greeted, and logged in. */
  static async loggedIn(port: number, key: string): Promise<SmtpDialogue> {
    const dialogue = await SmtpDialogue.open(port);
    await dialogue.reply();
    await dialogue.say('EHLO client.example.com');
    const reply = await dialogue.logIn(key);
    if (!reply.startsWith('235 ')) throw new Error(reply);
    return dialogue;
  }

  async logIn(key: string, user = 'apikey'): Promise<string> {
    note('token', key);
    return this.say(`AUTH PLAIN ${Buffer.from(`\0${user}\0${key}`).toString('base64')}`);
  }

  /** Until the server wants the message. */
  async envelope(from: string, ...to: string[]): Promise<void> {
    for (const command of [`MAIL FROM:<${from}>`, ...to.map((one) => `RCPT TO:<${one}>`), 'DATA']) {
      const reply = await this.say(command);
      if (!/^(250|354) /.test(reply)) throw new Error(`${command}: ${reply}`);
    }
  }

  /** @param message with CRLF, dots stuffed, without the dot that ends it */
  async send(from: string, to: string | string[], message: string | Buffer): Promise<string> {
    await this.envelope(from, ...[to].flat());
    this.write(message);
    return this.say('\r\n.');
  }

  async say(line: string): Promise<string> {
    this.write(`${line}\r\n`);
    return this.reply();
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** The next reply, its lines as they came; empty where the server closed without one. */
  async reply(): Promise<string> {
    for (;;) {
      const whole = /^(?:\d{3}-[^\r]*\r\n)*\d{3}(?: [^\r]*)?\r\n/.exec(this.text)?.[0];
      if (whole !== undefined) {
        this.text = this.text.slice(whole.length);
        return whole.trimEnd();
      }
      if (this.closed) return '';
      await new Promise<void>((resolve, reject) => {
        const hangs = setTimeout(
          () => reject(new Error(`no reply, but ${JSON.stringify(this.text)}`)),
          HANGS_MS,
        ).unref();
        this.waiting.push(() => (clearTimeout(hangs), resolve()));
      });
    }
  }

  /** Replies until the server closes. */
  async rest(): Promise<string[]> {
    const replies: string[] = [];
    for (let next = await this.reply(); next !== ''; next = await this.reply()) replies.push(next);
    return replies;
  }

  /** @param behind written in the same piece, where nobody who means well writes anything */
  async startTls(behind = ''): Promise<void> {
    await this.say(`STARTTLS\r\n${behind}`.trimEnd());
    this.socket.removeAllListeners();
    this.socket = connectTls({ socket: this.socket, rejectUnauthorized: false });
    this.listen();
    await once(this.socket, 'secureConnect');
  }

  get certificate(): PeerCertificate {
    return (this.socket as TLSSocket).getPeerCertificate();
  }

  hangUp(): void {
    this.socket.destroy();
  }

  private listen(): void {
    const wake = (): void => this.waiting.splice(0).forEach((resolve) => resolve());
    this.socket.on('error', () => undefined); // a server that cuts a connection resets it where something is unread
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      wake();
    });
    this.socket.on('close', () => {
      this.closed = true;
      wake();
    });
  }
}
