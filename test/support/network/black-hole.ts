import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

/**
 * Connections that the kernel takes for a program that does not, with a backlog of 1, and more than enough to fill it.
 */
const FILLERS = 4;

/**
 * A port that drops what comes, as hosts do that block SMTP: connecting to it is neither refused nor answered. It is a
 * program that stands still, whose queue of connections is full.
 */
export class BlackHole {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    private readonly fillers: Socket[],
  ) {}

  static async start(): Promise<BlackHole> {
    const script =
      "const s=require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},()=>console.log(s.address().port))";
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    child.kill('SIGSTOP');
    const port = Number(line);
    const fillers = Array.from({ length: FILLERS }, () =>
      connect({ port, host: '127.0.0.1' }).on('error', () => undefined),
    );
    await Promise.all(fillers.slice(0, 2).map((socket) => once(socket, 'connect')));
    return new BlackHole(child, port, fillers);
  }

  async stop(): Promise<void> {
    for (const socket of this.fillers) socket.destroy();
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}
