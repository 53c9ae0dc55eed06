import { AsyncResource } from 'node:async_hooks';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Outgoing } from './socket-policy.js';

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  answer: () => void;
}

/**
 * One connection of a client: a request begins when the answer to the one before has left. Node begins what it has read
 * at once, and never tells the later answers of a pipeline that the client hung up: their files stay open, and what they
 * wrote stays in memory. What has not begun holds nothing.
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
    else if (this.waiting.length < this.mostWaiting) this.waiting.push({ request, response, answer: AsyncResource.bind(answer) });
    else this.cut();
  }

  /** What came is no request, or came too slowly. It is answered with `words` when it has its turn, and nothing is read after it. */
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
