import { type AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { Clock } from '../../../src/core/clock.js';
import type { TestDatabase } from '../database/postgres.js';
import { createApiKey } from '../service/api-key.js';
import { type Otpost, startOtpost } from '../service/otpost.js';
import { eventually } from '../signals/wait.js';

/** A message as the far mail server got it. */
export interface Arrived {
  from: string;
  to: string[];
  bytes: Buffer;
}

/** The whole service with SMTP submission on plain loopback, a key, and a mail server that takes what it sends. */
export class SmtpWayIn {
  /** What came out at the far end. */
  readonly arrived: Arrived[] = [];
  private constructor(
    readonly otpost: Otpost,
    readonly key: string,
    private readonly far: SMTPServer,
    private readonly database = otpost.database,
  ) {}

  /** @param database under whose own address, where the service reaches it by another, keys are made */
  static async start(env: Record<string, string> = {}, clock?: Clock, database?: TestDatabase): Promise<SmtpWayIn> {
    const kept: { way?: SmtpWayIn } = {};
    const far = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      onData: (stream, { envelope: { mailFrom, rcptTo } }, done) => {
        void collected(stream).then((bytes) => {
          kept.way!.arrived.push({
            from: mailFrom ? mailFrom.address : '',
            to: rcptTo.map(({ address }) => address),
            bytes,
          });
          done(null, '2.0.0 taken');
        });
      },
    });
    far.on('error', () => undefined);
    await new Promise<void>((resolve) => far.listen(0, '127.0.0.1', resolve));
    const otpost = await startOtpost(
      {
        SMTP_LISTEN: '127.0.0.1:0',
        MAIL_TRANSPORTS: `smtp://127.0.0.1:${(far.server.address() as AddressInfo).port}`,
        MAIL_FROM: 'Shop <shop@example.com>',
        MAIL_SENDERS: '@shop.example.com',
        APP_URL: 'http://mail.example.com',
        ...env,
      },
      clock,
    );
    const way = new SmtpWayIn(otpost, await createApiKey((database ?? otpost.database).url), far, database);
    kept.way = way;
    return way;
  }

  get port(): number {
    return portOf(this.otpost.process.smtp[0]!);
  }

  get url(): string {
    return this.otpost.api.url;
  }

  /** What `GET /v1/emails/:id` says. */
  async told(id: string): Promise<Record<string, unknown>> {
    const { status, body } = await this.otpost.api.get<Record<string, unknown>>(`/v1/emails/${id}`, this.key);
    if (status !== 200) throw new Error(`GET /v1/emails/${id}: ${status}`);
    return body;
  }

  /** Messages that were accepted for an address, newest last. */
  async acceptedFor(address: string): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      'SELECT id FROM outbound_emails WHERE to_address = $1 ORDER BY created_at, id',
      [address],
    );
    return rows.map(({ id }) => id);
  }

  /** What the far mail server got for an address. */
  async at(address: string): Promise<Arrived> {
    return eventually(() => this.arrived.find(({ to }) => to.includes(address)), `mail to ${address}`);
  }

  async stop(): Promise<void> {
    await this.otpost.stop();
    await new Promise<void>((resolve) => this.far.close(resolve));
  }
}

/** Of `127.0.0.1:587 (STARTTLS)`. */
export function portOf(place: string): number {
  return Number(/:(\d+) /.exec(place)![1]);
}

export function idIn(reply: string): string {
  const id = /queued\s+as\s+(\S+)/.exec(reply)?.[1];
  if (id === undefined) throw new Error(`not accepted: ${reply}`);
  return id;
}

async function collected(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
