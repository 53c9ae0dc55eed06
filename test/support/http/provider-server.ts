import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { answerAs, type Api, type ProviderName, type ReceivedRequest, type Reply } from './provider-apis.js';

/** What a server can do to us in place of an answer; all but the first once the whole request has arrived. */
export type Misbehaviour = 'close at once' | 'hang' | 'close' | 'reset in mid-answer' | 'garbage';

/** By how often it was asked; undefined: as the provider's documentation says. */
export type ProviderScript = (time: number, request: ReceivedRequest) => Reply | Misbehaviour | undefined;

/** A local server that speaks one provider's documented API: it looks at key and form, and keeps what it takes. */
export class ProviderServer {
  /** Requests that arrived whole, whatever was answered. */
  readonly requests: ReceivedRequest[] = [];
  /** Requests of which at least the head arrived. */
  begun = 0;
  /** Bytes that the body of the newest request still lacks of its length; undefined before a head arrived. */
  missing: number | undefined;
  connections = 0;
  /** What was answered, in order. */
  readonly replies: Reply[] = [];
  script: ProviderScript = () => undefined;

  private readonly sockets = new Set<Socket>();
  private readonly server: Server;

  private constructor(private readonly api: Api) {
    this.server = createServer((request, response) => void this.serve(request, response));
    this.server.on('connection', (socket) => this.accept(socket));
  }

  /** @param name a provider of mail, or what answers in place of another one */
  static async start(name: ProviderName | Api, port = 0): Promise<ProviderServer> {
    const server = new ProviderServer(typeof name === 'string' ? answerAs(name) : name);
    await new Promise<void>((resolve) => server.server.listen(port, '127.0.0.1', resolve));
    return server;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What the provider took, as its API has it. */
  get taken(): ReceivedRequest[] {
    return this.requests.filter(
      (_, index) => (this.replies[index]?.status ?? 0) < 300 && this.replies[index] !== undefined,
    );
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private accept(socket: Socket): void {
    this.connections++;
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    if (this.script(0, { path: '', headers: {}, body: '' }) === 'close at once') socket.destroy();
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.begun++;
    this.missing = Number(request.headers['content-length'] ?? 0);
    let body = '';
    try {
      for await (const chunk of request) {
        body += String(chunk);
        this.missing -= (chunk as Buffer).length;
      }
    } catch {
      return; // the client gave up before the end: nothing to answer, and nothing was taken
    }
    const received = { path: request.url ?? '', headers: request.headers, body };
    this.requests.push(received);
    this.act(this.script(this.requests.length, received) ?? this.api(received), response);
  }

  private act(behaviour: Reply | Misbehaviour, response: ServerResponse): void {
    const at = this.requests.length - 1;
    if (behaviour === 'hang') return;
    if (behaviour === 'close' || behaviour === 'close at once') return void response.socket?.destroy();
    if (behaviour === 'garbage')
      return void response.socket?.write('\x00\x01 this is no answer \xff\r\n\r\n', 'latin1');
    if (behaviour === 'reset in mid-answer') {
      this.replies[at] = { status: 200 };
      response.socket?.write(
        'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"id":',
        () => response.socket?.destroy(),
      );
      return;
    }
    this.replies[at] = behaviour;
    const { status, headers = {}, body = '' } = behaviour;
    const json = typeof body === 'object';
    response.writeHead(status, { ...(json ? { 'content-type': 'application/json' } : {}), ...headers });
    response.end(json ? JSON.stringify(body) : body);
  }
}
