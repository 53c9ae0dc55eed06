import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A client that sends bytes as they are, and reads only when it wants to. */
export class RawClient {
  private received = '';
  private readonly closed: Promise<void>;

  private constructor(private readonly socket: Socket) {
    // A server that cuts a connection resets it where something is unread.
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static async open(url: string): Promise<RawClient> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    const client = new RawClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** What the server says to `text`, from a client of its own, until the server closes. */
  static async ask(url: string, text: string): Promise<string> {
    const client = await RawClient.open(url);
    client.read();
    client.write(text);
    return client.untilClosed();
  }

  get isOpen(): boolean {
    return !this.socket.destroyed;
  }

  get bytesRead(): number {
    return this.socket.bytesRead;
  }

  /** Bytes that were written and that neither the server nor the network has taken. */
  get unsent(): number {
    return this.socket.writableLength;
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Until it is called nothing is read, nor noticed. */
  read(): this {
    this.socket.on('data', (chunk) => (this.received += chunk.toString('latin1')));
    return this;
  }

  /** The server has all that was written. */
  async sent(): Promise<void> {
    if (this.socket.writableLength > 0) await Promise.race([once(this.socket, 'drain'), this.closed]);
  }

  get text(): string {
    return this.received;
  }

  async untilClosed(): Promise<string> {
    await this.closed;
    return this.received;
  }

  hangUp(): void {
    this.socket.destroy();
  }
}

export interface RawAnswer {
  status: number;
  headers: string;
  body: string;
}

/** The answers in what a client read, whose bodies have a length. */
export function answersIn(text: string): RawAnswer[] {
  const answers: RawAnswer[] = [];
  for (let at = 0; at < text.length;) {
    const bodyAt = text.indexOf('\r\n\r\n', at) + 4;
    if (bodyAt < 4) break;
    const headers = text.slice(at, bodyAt).toLowerCase();
    const end = bodyAt + Number(/^content-length: (\d+)\r$/m.exec(headers)?.[1] ?? 0);
    answers.push({ status: Number(headers.slice(9, 12)), headers, body: text.slice(bodyAt, end) });
    at = end;
  }
  return answers;
}
