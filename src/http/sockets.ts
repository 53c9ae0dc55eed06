import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { Problem } from '../core/problems.js';
import { askedIn, bareAnswer } from './bare-answer.js';
import { Connection } from './connection.js';
import { asDocument, type ProblemWriter } from './problem-writer.js';
import { type Seen, seen, SOCKET_BOUNDS, type SocketBounds, toCut } from './socket-policy.js';

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
 * An HTTP server whose connections hold no more than they may; everything that is asked of it goes to `answer`, and what
 * is no request is told so by `write`.
 */
export function boundedServer(answer: RequestListener, times: ServerTimes, bounds: SocketBounds = SOCKET_BOUNDS, write: ProblemWriter = asDocument): Server {
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

/** None where there is nobody to tell, or nothing was asked: browsers open connections ahead, and show what comes unasked. */
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
    last = new Map([...connections].map(([socket, connection]) => [socket, seen(last.get(socket), connection.look(), now)]));
    for (const socket of toCut(last, now, bounds)) connections.get(socket)?.cut();
  }, LOOK_EVERY_MS).unref();
  server.once('close', () => clearInterval(timer));
}
