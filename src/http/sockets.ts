import { AsyncResource } from 'node:async_hooks';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Problem } from '../core/problems.js';
import { timedElsewhere } from './large-bodies.js';
import { asDocument, askedIn, bareAnswer, type ProblemWriter } from './problem-writer.js';
import { type Outgoing, type Seen, seen, SOCKET_BOUNDS, type SocketBounds, toCut } from './socket-policy.js';

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  answer: () => void;
}

/**
 * One connection of a client: a request begins when the answer to the one before has left. Node begins what it has read
 * at once, and never tells the later answers of a pipeline that the client hung up: their files stay open, and what
 * they wrote stays in memory. What has not begun holds nothing.
 */
export class Connection {
  private current: Exchange | undefined;
  private readonly waiting: Exchange[] = [];
  private lastWords: string | undefined;
  private ended = false;
  private leaving = false;

  constructor(
    private readonly socket: Socket,
    private readonly answer: RequestListener,
    private readonly mostWaiting: number,
  ) {}

  take(request: IncomingMessage, response: ServerResponse): void {
    if (this.socket.destroyed || this.ended || this.lastWords) return;
    const answer = (): void => this.answer(request, response);
    if (!this.current) this.begin({ request, response, answer });
    // Its turn comes in the asynchronous context of the answer before it, which is another request's.
    else if (this.waiting.length < this.mostWaiting)
      this.waiting.push({ request, response, answer: AsyncResource.bind(answer) });
    else this.cut();
  }

  /**
   * What came is no request, or came too slowly. It is answered with `words` when it has its turn, and nothing is read
   * after it.
   */
  refuse(words: string): void {
    if (this.socket.destroyed || this.ended || this.lastWords) return;
    // A request whose body is at fault waits in vain: an answer to it is the last one, if it has none yet.
    const turn = this.waiting.findIndex(({ request }) => !request.complete);
    if (turn >= 0) this.waiting.splice(turn);
    if (!this.current) this.end(words);
    else if (this.current.request.complete) this.lastWords = words;
    else if (this.current.response.headersSent) this.cut();
    else this.end(words);
  }

  cut(): void {
    this.waiting.length = 0;
    this.socket.destroy();
  }

  /** The server stops: what is under way is answered, and a request that is on its way has a moment to arrive. */
  leave(): void {
    this.leaving = true;
  }

  /** Whether Node's own time for a request is not for the one under way. */
  get isTimedElsewhere(): boolean {
    return this.current !== undefined && timedElsewhere.has(this.current.request);
  }

  look(): Outgoing {
    const { writableLength: waiting, bytesWritten = 0 } = this.socket;
    // Browsers open connections ahead; Node takes these for busy, and would wait for them.
    return { waiting, taken: bytesWritten - waiting, ended: this.ended || (this.leaving && !this.current) };
  }

  private begin(exchange: Exchange): void {
    this.current = exchange;
    // Other connections have their turn in between.
    exchange.response.once('close', () => (this.waiting.length > 0 ? setImmediate(() => this.next()) : this.next()));
    exchange.answer();
  }

  private next(): void {
    this.current = undefined;
    // After an answer with `Connection: close` too: what has not begun is the client's to ask again (RFC 9112 §9.6).
    if (!this.socket.writable) return void (this.waiting.length = 0);
    const following = this.waiting.shift();
    if (following) this.begin(following);
    else if (this.lastWords) this.end(this.lastWords);
    else if (this.leaving) this.end();
  }

  private end(words = ''): void {
    this.ended = true;
    if (this.socket.writable) this.socket.end(words);
    else this.socket.destroy();
  }
}

/** Milliseconds between two looks at all connections. */
const LOOK_EVERY_MS = 1_000;

export interface ServerTimes {
  /** Milliseconds to receive a request. */
  requestMs: number;
  /** Milliseconds for which a connection without a request is kept. */
  keepAliveMs: number;
  /** Milliseconds between two looks at how long requests take to come in. */
  checkEveryMs: number;
}

/**
 * An HTTP server whose connections hold no more than they may; everything that is asked of it goes to `answer`, and
 * what is no request is told so by `write`.
 */
export function boundedServer(
  answer: RequestListener,
  times: ServerTimes,
  bounds: SocketBounds = SOCKET_BOUNDS,
  write: ProblemWriter = asDocument,
): Server {
  const connections = new Map<Socket, Connection>();
  const server = createServer({
    requestTimeout: times.requestMs,
    keepAliveTimeout: times.keepAliveMs,
    connectionsCheckingInterval: times.checkEveryMs,
    requireHostHeader: false, // such a request is answered as a problem, like any other
  });
  server.on('connection', (socket) => {
    connections.set(socket, new Connection(socket, answer, bounds.waitingRequests));
    socket.once('close', () => connections.delete(socket));
  });
  // What a request expects is seen to with the rest of it; `100 Continue` is sent when its body is wanted.
  const take: RequestListener = (request, response) => {
    const connection = connections.get(request.socket)!;
    // OPTIONS for the server as a whole (RFC 9110 §9.3.7), which has nothing to say of itself; no route is asked for.
    if (request.url === '*') connection.refuse(bareAnswer(notHere()));
    else connection.take(request, response);
  };
  server.on('request', take).on('checkContinue', take).on('checkExpectation', take);
  server.on('connect', (_request, socket) => connections.get(socket as Socket)!.refuse(bareAnswer(notHere())));
  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
    // Told once: Node looks at this request no more.
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && connections.get(socket as Socket)?.isTimedElsewhere) return;
    const problem = problemOf(error.code, socket as Socket);
    if (problem) connections.get(socket as Socket)?.refuse(bareAnswer(problem, askedIn(error.rawPacket), write));
    else socket.destroy();
  });
  const closeIdle = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    closeIdle();
    for (const connection of connections.values()) connection.leave();
  };
  watch(server, connections, bounds);
  return server;
}

function notHere(): Problem {
  return new Problem('method_not_allowed', { headers: { allow: 'GET, HEAD, POST, PUT, PATCH, DELETE' } });
}

/**
 * None where there is nobody to tell, or nothing was asked: browsers open connections ahead, and show what comes
 * unasked.
 */
function problemOf(code: string | undefined, socket: Socket): Problem | undefined {
  switch (code) {
    case 'ECONNRESET':
    case 'EPIPE':
      return undefined;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return socket.bytesRead === 0 ? undefined : new Problem('request_timeout');
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers_too_large');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new Problem('body_too_large');
    default:
      return new Problem('bad_request');
  }
}

function watch(server: Server, connections: Map<Socket, Connection>, bounds: SocketBounds): void {
  let last = new Map<Socket, Seen>();
  const timer = setInterval(() => {
    const now = performance.now();
    last = new Map(
      [...connections].map(([socket, connection]) => [socket, seen(last.get(socket), connection.look(), now)]),
    );
    for (const socket of toCut(last, now, bounds)) connections.get(socket)?.cut();
  }, LOOK_EVERY_MS).unref();
  server.once('close', () => clearInterval(timer));
}
