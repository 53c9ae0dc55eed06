import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands between the browser and the service, sees what the browser asks, and can cut what is under way. */
export class Front {
  readonly asked: (string | undefined)[] = [];
  private readonly streams = new Set<IncomingMessage>();

  private constructor(private readonly server: Server) {}

  static async start(target: string): Promise<Front> {
    const server = createServer((incoming, outgoing) => {
      const isStream = incoming.url!.endsWith('/delivery/events');
      if (isStream) front.asked.push(incoming.headers['last-event-id'] as string | undefined);
      const inner = request(
        target + incoming.url!,
        { method: incoming.method, headers: incoming.headers },
        (answer) => {
          outgoing.writeHead(answer.statusCode!, answer.headers);
          answer.pipe(outgoing);
          if (isStream) front.streams.add(incoming);
        },
      );
      inner.on('error', () => outgoing.destroy());
      outgoing.on('close', () => inner.destroy());
      incoming.pipe(inner);
    });
    const front = new Front(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** As a restart, or a network that changes. */
  cut(): void {
    for (const { socket } of this.streams) socket.destroy();
    this.streams.clear();
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
