import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export type SinkMoment = 'greeting' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'in the message' | 'after the dot';

/**
 * A reply such as `451 4.3.0 later`; `close` without a word; `stall` and never answer; `hold` the answer until
 * `release`. After the dot the message counts as taken in all cases but a 4xx or 5xx: a server may die on what it has
 * stored.
 */
export type SinkFault =
  | 'close'
  | 'stall'
  | 'hold'
  | { afterMs: number; then: 'answer' | 'close' }
  | `${4 | 5}${string}`;

/** What a door does at a moment; `to` is known from RCPT on. Undefined: as it should be. */
export type SinkScript = (moment: SinkMoment, to: string) => SinkFault | undefined;

export interface Copy {
  messageId: string;
  /** `performance.now()` at the dot. */
  at: number;
}

const PROPER: Record<SinkMoment, string> = {
  greeting: '220 sink ESMTP',
  EHLO: '250 sink',
  MAIL: '250 2.1.0 ok',
  RCPT: '250 2.1.5 ok',
  DATA: '354 go on',
  'in the message': '',
  'after the dot': '250 2.0.0 taken',
};
const COMMANDS = new Set<string>(['EHLO', 'MAIL', 'RCPT', 'DATA']);
const END = '\r\n.\r\n';

interface Session {
  socket: Socket;
  to: string;
  rest: string;
  inMessage: boolean;
  /** MAIL was refused: there is no transaction (RFC 5321 §4.1.4), and what a client sent ahead is nobody's. */
  senderRefused: boolean;
  begun: boolean;
  /** It stalls in mid-message: what comes is not looked at any more. */
  deaf: boolean;
}

/**
 * An SMTP server that counts the copies of every message it took, by recipient, and fails as it is told. It has several
 * doors (ports), each with a script of its own, and one count.
 */
export class FaultSink {
  /** Every copy of every message whose end arrived and was not refused. */
  readonly copies = new Map<string, Copy[]>();
  /** What was done wrong, in order. */
  readonly faults: { door: string; moment: SinkMoment; to: string; fault: SinkFault }[] = [];
  taken = 0;
  private readonly servers: Server[] = [];
  private readonly sockets = new Set<Socket>();
  private held: (() => void)[] = [];
  private readonly scripts = new Map<string, SinkScript>();

  /** Opens a door; answers its URL. */
  async door(script: SinkScript = () => undefined): Promise<string> {
    const server = createServer((socket) => this.serve(socket, url));
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.scripts.set(url, script);
    return url;
  }

  /** From now on; also for connections that are open. */
  rewrite(door: string, script: SinkScript = () => undefined): void {
    this.scripts.set(door, script);
  }

  /** Messages whose answer is held back now. */
  get holding(): number {
    return this.held.length;
  }

  /** Gives the answers that were held back to whoever still listens. */
  release(): void {
    for (const answer of this.held.splice(0)) answer();
  }

  copiesOf(to: string): number {
    return this.copies.get(to)?.length ?? 0;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))));
  }

  private serve(socket: Socket, door: string): void {
    const session: Session = {
      socket,
      to: '',
      rest: '',
      inMessage: false,
      senderRefused: false,
      begun: false,
      deaf: false,
    };
    const act = (moment: SinkMoment): string => this.act(session, door, moment);
    this.sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined); // clients that are killed are what this is for
    socket.on('data', (bytes: Buffer) => {
      session.rest += bytes.toString('latin1');
      while (session.inMessage ? this.readMessage(session, act) : this.readCommand(session, act));
    });
    act('greeting');
  }

  /** False: wants more bytes. */
  private readCommand(session: Session, act: (moment: SinkMoment) => string): boolean {
    const end = session.rest.indexOf('\r\n');
    if (end < 0) return false;
    const line = session.rest.slice(0, end);
    session.rest = session.rest.slice(end + 2);
    const said = line.slice(0, 4).toUpperCase();
    const verb = said === 'HELO' ? 'EHLO' : said;
    if (verb === 'RCPT') session.to = /<(.*)>/.exec(line)?.[1] ?? '';
    if (verb === 'MAIL') session.to = '';
    if (session.senderRefused && (verb === 'RCPT' || verb === 'DATA')) session.socket.write('503 5.5.1 no sender\r\n');
    else if (COMMANDS.has(verb)) {
      const reply = act(verb as SinkMoment);
      session.senderRefused = verb === 'MAIL' && /^[45]/.test(reply);
      session.inMessage = verb === 'DATA' && reply.startsWith('3');
      session.begun = false;
    } else if (verb === 'QUIT') session.socket.end('221 2.0.0 bye\r\n');
    else session.socket.write(verb === 'RSET' ? '250 2.0.0 forgotten\r\n' : '500 5.5.1 what?\r\n');
    return true;
  }

  private readMessage(session: Session, act: (moment: SinkMoment) => string): boolean {
    if (!session.begun && session.rest !== '') {
      session.begun = true;
      act('in the message');
    }
    const end = session.rest.indexOf(END);
    if (end < 0 || session.deaf || session.socket.destroyed || session.socket.writableEnded) return false;
    const messageId = /^message-id: *(\S+)/im.exec(session.rest.slice(0, end))?.[1] ?? '';
    session.rest = session.rest.slice(end + END.length);
    session.inMessage = false;
    const { to } = session;
    // Noted before the answer, for who gets the answer may look at once.
    const copies = this.copies.get(to) ?? [];
    this.copies.set(to, copies);
    copies.push({ messageId, at: performance.now() });
    this.taken++;
    if (/^[45]/.test(act('after the dot'))) {
      copies.pop();
      this.taken--;
      if (copies.length === 0) this.copies.delete(to);
    }
    return true;
  }

  /** Returns the reply that was given; empty when it was none. */
  private act(session: Session, door: string, moment: SinkMoment): string {
    const { socket, to } = session;
    const fault = this.scripts.get(door)!(moment, to);
    const proper = PROPER[moment];
    const say = (reply: string): void => void (reply !== '' && socket.writable && socket.write(`${reply}\r\n`));
    if (fault === undefined) {
      say(proper);
      return proper;
    }
    this.faults.push({ door, moment, to, fault });
    session.deaf = moment === 'in the message' && (fault === 'stall' || typeof fault === 'object');
    if (typeof fault === 'object') {
      setTimeout(() => (fault.then === 'close' ? socket.destroy() : say(proper)), fault.afterMs);
      return fault.then === 'answer' ? proper : '';
    }
    if (fault === 'close') socket.destroy();
    else if (fault === 'hold') {
      this.held.push(() => say(proper));
      return proper;
    } else if (fault !== 'stall') {
      say(fault);
      // RFC 5321 §3.8: who says 421 closes; and who refuses in mid-message does not read on.
      if (fault.startsWith('421') || moment === 'in the message') socket.end();
      return fault;
    }
    return '';
  }
}
