import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { eventually } from '../signals/wait.js';

/** Where a server can fail us. `handshake` comes after it said yes to STARTTLS. */
export type Moment =
  | 'greeting'
  | 'EHLO'
  | 'STARTTLS'
  | 'handshake'
  | 'AUTH'
  | 'MAIL'
  | 'RCPT'
  | 'DATA'
  | 'in the message'
  | 'after the dot';

/**
 * A reply such as `450 4.2.0 later`, silence, a connection that ends without a word, bytes that mean nothing, or a
 * reply that comes late: so much later, or once something else has happened.
 */
export type Misbehaviour =
  | string
  | { hang: true }
  | { close: true }
  | { garbage: true }
  | { afterMs: number; reply: string }
  /** Once something has happened. */
  | { after: Promise<unknown>; reply: string };
export const HANG: Misbehaviour = { hang: true };
export const CLOSE: Misbehaviour = { close: true };
export const GARBAGE: Misbehaviour = { garbage: true };

/** The connection at that moment. */
export interface Session {
  /** Counted from 1 in the order in which they came. */
  readonly connection: number;
  /** Messages whose end it has brought. */
  messages: number;
  /** The recipient named last. */
  to: string;
  /** All that it took for this message. */
  recipients: readonly string[];
}

/** What a DATA was for, and what came with it. */
export interface Transfer {
  /** Those that it took at RCPT. */
  readonly recipients: readonly string[];
  /** Head and body, up to the dot. */
  readonly source: string;
  /** What it answered; empty where nothing. */
  readonly answer: string;
}

/**
 * What happens at a moment: always the same, or by how often it came, what the client said and where. Undefined: as it
 * should be.
 */
export type Script = Partial<
  Record<Moment, Misbehaviour | ((time: number, line: string, session: Session) => Misbehaviour | undefined)>
>;

interface Reading extends Session {
  /** It took that recipient. */
  accepted: boolean;
  /** Of the message, so far. */
  source: string[];
  inMessage: boolean;
  rest: string;
}

const PROPER: Record<Moment, string> = {
  greeting: '220 misbehaving ESMTP',
  EHLO: '250 misbehaving',
  STARTTLS: '220 2.0.0 go on',
  handshake: '',
  AUTH: '235 2.7.0 welcome',
  MAIL: '250 2.1.0 ok',
  RCPT: '250 2.1.5 ok',
  DATA: '354 go on',
  'in the message': '',
  'after the dot': '250 2.0.0 taken',
};

/** A raw SMTP server that does at each moment what its script says, and counts what it was given. */
export class MisbehavingSmtp {
  /** Every line it was told outside of messages, in order, over all connections. */
  readonly lines: string[] = [];
  /** Recipients of the messages whose end arrived, whatever was answered. */
  readonly ended: string[] = [];
  /** Recipients of the messages it answered with 2xx. */
  readonly taken: string[] = [];
  /** Every message whose end arrived, whatever was answered. */
  readonly transfers: Transfer[] = [];
  connections = 0;
  /** Called when it says nothing where a reply is due. */
  onSilence: (at: Moment) => void = () => undefined;

  private readonly times = new Map<Moment, number>();
  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(
    public script: Script,
    private extensions: readonly string[],
  ) {
    this.server = createServer((socket) => this.serve(socket));
  }

  static async start(script: Script = {}, extensions: readonly string[] = []): Promise<MisbehavingSmtp> {
    const smtp = new MisbehavingSmtp(script, extensions);
    await new Promise<void>((resolve) => smtp.server.listen(0, '127.0.0.1', resolve));
    return smtp;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** Connections at this moment. */
  get open(): number {
    return this.sockets.size;
  }

  /** How many commands began so. */
  count(verb: string): number {
    return this.lines.filter((line) => line.startsWith(verb)).length;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** As if it had just been started: every client has lost its connection, and nothing is remembered. */
  async startAnew(script: Script = {}, extensions: readonly string[] = []): Promise<void> {
    // Until the clients have closed their end too, and those that came meanwhile: none takes its connection for a good
    // one any more.
    await eventually(() => {
      for (const socket of this.sockets) socket.end();
      return this.sockets.size === 0;
    }, 'all clients to hang up');
    this.script = script;
    this.extensions = extensions;
    this.connections = 0;
    this.times.clear();
    for (const kept of [this.lines, this.ended, this.taken, this.transfers]) kept.length = 0;
  }

  private serve(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined); // clients that hang up are part of the tests
    const session: Reading = {
      connection: this.connections,
      messages: 0,
      to: '',
      accepted: false,
      recipients: [],
      source: [],
      inMessage: false,
      rest: '',
    };
    socket.on('data', (bytes: Buffer) => {
      session.rest += bytes.toString('latin1');
      // Whoever closed reads no further; an error of writing all the same would have its stack mapped, for 400 ms.
      for (
        let end = session.rest.indexOf('\r\n');
        end >= 0 && !socket.writableEnded;
        end = session.rest.indexOf('\r\n')
      ) {
        const line = session.rest.slice(0, end);
        session.rest = session.rest.slice(end + 2);
        if (session.inMessage) this.messageLine(socket, session, line);
        else this.command(socket, session, line);
      }
    });
    this.act(socket, 'greeting', '', session);
  }

  private messageLine(socket: Socket, session: Reading, line: string): void {
    if (line === '') this.act(socket, 'in the message', line, session); // between header and body
    if (line !== '.') return void session.source.push(line);
    session.inMessage = false;
    this.ended.push(session.to);
    const { recipients, source } = session;
    const answer = this.act(socket, 'after the dot', line, session);
    if (answer.startsWith('2') && session.accepted) this.taken.push(session.to);
    this.transfers.push({ recipients, source: source.join('\r\n'), answer });
    session.messages++;
  }

  private command(socket: Socket, session: Reading, line: string): void {
    this.lines.push(line);
    const verb = line.split(' ', 1)[0]!.toUpperCase();
    if (verb === 'RSET') return void socket.write('250 2.0.0 forgotten\r\n');
    if (verb === 'QUIT') return void socket.end('221 2.0.0 bye\r\n');
    if (!(verb in PROPER)) return void socket.write('500 5.5.1 what?\r\n');
    if (verb === 'MAIL') Object.assign(session, { recipients: [], source: [] });
    if (verb === 'RCPT') session.to = /<(.*)>/.exec(line)?.[1] ?? '';
    const reply = this.act(socket, verb as Moment, line, session);
    if (verb === 'RCPT') session.accepted = reply.startsWith('2');
    if (verb === 'RCPT' && session.accepted) session.recipients = [...session.recipients, session.to];
    if (verb === 'DATA' && reply.startsWith('3')) session.inMessage = true;
    if (verb === 'STARTTLS' && reply.startsWith('2')) this.act(socket, 'handshake', '', session);
  }

  /** Returns the reply that was given; empty when it was none. */
  private act(socket: Socket, moment: Moment, line: string, session: Session): string {
    const time = (this.times.get(moment) ?? 0) + 1;
    this.times.set(moment, time);
    const scripted = this.script[moment];
    const behaviour =
      (typeof scripted === 'function' ? scripted(time, line, session) : scripted) ?? this.proper(moment);
    if (typeof behaviour === 'string') {
      if (behaviour !== '') socket.write(`${behaviour}\r\n`);
      // RFC 5321 §3.8: who says 421 closes.
      if (behaviour.startsWith('421')) socket.end();
      return behaviour;
    }
    if ('hang' in behaviour) this.onSilence(moment);
    if ('close' in behaviour) socket.destroy();
    if ('garbage' in behaviour) socket.write('\x00\x01 this is no answer \xff\r\n', 'latin1');
    if ('afterMs' in behaviour) {
      setTimeout(() => socket.write(`${behaviour.reply}\r\n`), behaviour.afterMs);
      return behaviour.reply;
    }
    if ('after' in behaviour) {
      void behaviour.after.then(() => socket.write(`${behaviour.reply}\r\n`));
      return behaviour.reply;
    }
    return '';
  }

  private proper(moment: Moment): string {
    if (moment !== 'EHLO' || this.extensions.length === 0) return PROPER[moment];
    const lines = ['misbehaving', ...this.extensions];
    return lines.map((text, index) => `250${index === lines.length - 1 ? ' ' : '-'}${text}`).join('\r\n');
  }
}
