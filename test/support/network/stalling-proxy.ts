import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A way to a server that can stop in the middle: connections stay open, new ones are taken, and no byte passes, as with
 * a machine that hangs or a network that lost its way.
 */
export class StallingProxy {
  private readonly sockets = new Set<Socket>();
  private stalled = false;
  private whenOn: (() => void)[] = [];
  private refusedAt = 0;

  private constructor(
    private readonly server: Server,
    private readonly target: { host: string; port: number },
  ) {
    server.on('connection', (socket) => this.take(socket));
  }

  static async to(url: string): Promise<StallingProxy> {
    const { hostname, port } = new URL(url);
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new StallingProxy(server, { host: hostname, port: Number(port) });
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The same URL, this way, and with no more patience than the service has by itself. */
  through(url: string): string {
    const changed = new URL(url);
    changed.searchParams.delete('connect_timeout');
    changed.hostname = '127.0.0.1';
    changed.port = String(this.port);
    return changed.href;
  }

  stall(): void {
    this.stalled = true;
    for (const socket of this.sockets) socket.pause();
  }

  goOn(): void {
    this.stalled = false;
    for (const socket of this.sockets) socket.resume();
    for (const open of this.whenOn.splice(0)) open();
  }

  /** Connections break, and new ones are refused, as when the server is not there. */
  async refuse(): Promise<void> {
    this.refusedAt = this.port;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** On the same port. */
  async takeAgain(): Promise<void> {
    this.server.listen(this.refusedAt, '127.0.0.1');
    await once(this.server, 'listening');
  }

  /**
   * What is open passes nothing for ever, and nobody says so; new connections get through: a server that moved house.
   */
  lose(): void {
    for (const socket of this.sockets) socket.removeAllListeners('data').pause();
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private take(near: Socket): void {
    this.keep(near);
    if (!this.stalled) return this.join(near);
    // Read and kept, for only so is it seen who hangs up meanwhile: all who ever tried would be connected at once
    // otherwise.
    const said: Buffer[] = [];
    const hear = (bytes: Buffer): void => void said.push(bytes);
    near.on('data', hear).resume();
    this.whenOn.push(() => this.join(near.off('data', hear), said));
  }

  private join(near: Socket, said: readonly Buffer[] = []): void {
    if (near.destroyed) return;
    const far = connect(this.target);
    this.keep(far);
    for (const bytes of said) far.write(bytes);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (bytes) => to.write(bytes));
      from.on('close', () => to.destroy());
      if (this.stalled) from.pause();
      else from.resume();
    }
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined); // the other side may hang up at any time
    socket.on('close', () => this.sockets.delete(socket));
  }
}
