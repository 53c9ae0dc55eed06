import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { freePort } from '../network/free-port.js';
import { eventually } from '../signals/wait.js';
import { describeWhere } from '../signals/where.js';

/** Tests that stop and start a Redis of their own. */
export const HAS_REDIS_SERVER = spawnSync('redis-server', ['--version']).status === 0;

export function describeWithRedisServer(title: string, tests: () => void): void {
  describeWhere(HAS_REDIS_SERVER)(title, tests);
}

/** A Redis that keeps nothing: it comes back empty. */
export class RedisServer {
  private child: ChildProcess | undefined;

  private constructor(
    private readonly port: number,
    private readonly options: readonly string[],
  ) {}

  /** @param options of the command line, such as `--maxmemory-policy`, `allkeys-lru` */
  static async start(...options: string[]): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), options);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    const options = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      ...this.options,
    ];
    this.child = spawn('redis-server', options, { stdio: 'ignore' });
    const client = new Redis(this.url, { retryStrategy: () => 50 });
    client.on('error', () => undefined); // until it is there
    await eventually(async () => (await client.ping()) === 'PONG', 'Redis to answer');
    client.disconnect();
  }

  /** One command from outside, such as CONFIG SET. */
  async tell(command: string, ...args: string[]): Promise<unknown> {
    const client = new Redis(this.url);
    try {
      return await client.call(command, ...args);
    } finally {
      client.disconnect();
    }
  }

  /** It keeps its connections and answers nobody, as a machine does that hangs. */
  hang(): void {
    this.child!.kill('SIGSTOP');
  }

  goOn(): void {
    this.child!.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    if (!child || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}
