import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Problem } from '../core/problems.js';
import { bareAnswer } from './bare-answer.js';
import type { Outgoing } from './socket-policy.js';

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

/**
 * One connection of a client: a request begins when the answer to the one before has left. Node begins what it has read
 * at once, and never tells the later answers of a pipeline that the client hung up: their files stay open, and what they
 * wrote stays in memory. What has not begun holds nothing.
 */
export class Connection {
  private current: Exchange | undefined;
  private readonly waiting: Exchange[] = [];
  private lastWords: Problem | undefined;
  private ended = false;
  private leaving = false;

  constructor(
    private readonly socket: Socket,
    private readonly answer: RequestListener,
    private readonly mostWaiting: number,
  ) {}

  take(request: IncomingMessage, response: ServerResponse): void {
    if (this.socket.destroyed || this.ended || this.lastWords) return;
    if (!this.current) this.begin({ request, response });
    else if (this.waiting.length < this.mostWaiting) this.waiting.push({ request, response });
    else this.cut();
  }

  /** What came is no request, or came too slowly. It is answered when it has its turn, and nothing is read after it. */
  refuse(problem: Problem): void {
    if (this.socket.destroyed || this.ended || this.lastWords) return;
    // A request whose body is at fault waits in vain: an answer to it is the last one, if it has none yet.
    const turn = this.waiting.findIndex(({ request }) => !request.complete);
    if (turn >= 0) this.waiting.splice(turn);
    if (!this.current) this.end(problem);
    else if (this.current.request.complete) this.lastWords = problem;
    else if (this.current.response.headersSent) this.cut();
    else this.end(problem);
  }

  cut(): void {
    this.waiting.length = 0;
    this.socket.destroy();
  }

  /** The server stops: what is under way is answered, and a request that is on its way has a moment to arrive. */
  leave(): void {
    this.leaving = true;
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
    this.answer(exchange.request, exchange.response);
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

  private end(problem?: Problem): void {
    this.ended = true;
    if (this.socket.writable) this.socket.end(problem ? bareAnswer(problem) : '');
    else this.socket.destroy();
  }
}
