import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createDatabase, type TestDatabase } from '../support/database/postgres.js';
import { sized } from '../support/faults/fault-form.js';
import { answersIn, RawClient } from '../support/http/raw-client.js';
import { createApiKey } from '../support/service/api-key.js';
import { OtpostProcess } from '../support/service/otpost-process.js';
import { TEST_SECRET } from '../support/service/otpost.js';
import { factsOf, line } from '../support/service/process-facts.js';
import { eventually } from '../support/signals/wait.js';

const MIB = 1024 * 1024;
/** Of twice as many as may be in memory at a time, more tell little more. */
const MANY = sized(8, 20);

/** Takes everything and keeps nothing. */
class ForgettingSmtp {
  /** Messages of more than 30 MiB. */
  large = 0;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<ForgettingSmtp> {
    const smtp = new ForgettingSmtp(createServer((socket) => smtp.serve(socket)));
    await once(smtp.server.listen(0, '127.0.0.1'), 'listening');
    return smtp;
  }

  get url(): string {
    return `smtp://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => this.server.close(resolve));
  }

  private serve(socket: Socket): void {
    let bytes = -1; // of a message; negative between them
    let end = '';
    socket.on('error', () => undefined);
    socket.write('220 ready\r\n');
    socket.on('data', (part: Buffer) => {
      if (bytes >= 0) {
        bytes += part.length;
        end = (end + part.subarray(-5).toString('latin1')).slice(-5);
        if (end !== '\r\n.\r\n') return;
        if (bytes > 30 * MIB) this.large++;
        bytes = -1;
        socket.write('250 taken\r\n');
        return;
      }
      for (const command of part.toString('latin1').trimEnd().split('\r\n')) {
        if (/^DATA/i.test(command)) [bytes, end] = [0, ''];
        socket.write(/^DATA/i.test(command) ? '354 go on\r\n' : '250 ok\r\n');
        if (/^QUIT/i.test(command)) socket.end();
      }
    });
  }
}

describe('messages and files as large as they may be', () => {
  let database: TestDatabase;
  let service: OtpostProcess;
  let url: string;
  let key: string;

  beforeAll(async () => {
    database = await createDatabase();
    service = await OtpostProcess.start({
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      PORT: '0',
      ROLE: 'web',
      OUTBOX_RESCUE: 'off',
    });
    key = await createApiKey(database.url, ['emails:send']);
    url = (await service.api()).url;
  });
  afterAll(async () => {
    await service.stop();
    await database.drop();
  });

  const head = (path: string, type: string, length: number) =>
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;

  /** Sends all of it at once, and answers with the status when there is one. */
  async function post(path: string, type: string, body: Buffer): Promise<number> {
    const client = (await RawClient.open(url)).read();
    client.write(head(path, type, body.length));
    client.write(body);
    const [answer] = await eventually(() => answersIn(client.text).length > 0 && answersIn(client.text), `${path}`);
    client.hangUp();
    return answer!.status;
  }

  /** A message with an attachment of 25 MiB, which no other has. */
  const heavy = (n: number): Buffer =>
    Buffer.from(
      JSON.stringify({
        ...{ to: 'ada@example.com', subject: 'Hello', text: 'Hello.' },
        attachments: [{ filename: 'film.mp4', content: Buffer.alloc(25 * MIB, `film ${n}`).toString('base64') }],
      }),
    );

  /** A request of so many bytes, most of which are between its fields. */
  const mail = (bytes: number): Buffer => {
    const [start, end] = ['{"to":"ada@example.com","subject":"Hello",', '"text":"Hello."}'];
    return Buffer.from(start + ' '.repeat(Math.max(0, bytes - start.length - end.length)) + end);
  };

  /** MANY at once; a small message begins behind them. Prints what it took. */
  async function many(
    what: string,
    work: () => Promise<number>,
  ): Promise<{ statuses: number[]; order: string[]; grownMib: number }> {
    const before = factsOf(service.child.pid!);
    const order: string[] = [];
    const large = Array.from({ length: MANY }, () =>
      work().then((status) => {
        order.push('large');
        return status;
      }),
    );
    const small = post('/v1/emails', 'application/json', mail(10)).then((status) => {
      order.push('small');
      return status;
    });
    const statuses = await Promise.all([...large, small]);
    const after = factsOf(service.child.pid!);
    console.log(`${MANY} × ${what} at once: before ${line(before)}; after ${line(after)}`);
    return { statuses, order, grownMib: after.peakMib - before.memoryMib };
  }

  it('are taken as files, many at once, of each of which little is in memory', async () => {
    let n = 0;
    const { statuses, grownMib } = await many('24 MiB of a file', () =>
      post('/v1/uploads', 'application/octet-stream', Buffer.alloc(24 * MIB, `file ${n++}`)),
    );
    expect(statuses.slice(0, MANY)).toEqual(Array.from({ length: MANY }, () => 201));
    expect(grownMib).toBeLessThan(120);
  });

  it('are all taken when many come at once, in little more memory than two of them need, and a small one waits for none', async () => {
    let n = 0;
    const { statuses, order, grownMib } = await many('a message with 25 MiB attached', () =>
      post('/v1/emails', 'application/json', heavy(n++)),
    );
    expect(statuses).toEqual(Array.from({ length: MANY + 1 }, () => 202));
    expect(order.indexOf('small')).toBeLessThan(MANY);
    expect(grownMib).toBeLessThan(400);
  });

  it('are handed over by a worker that composes few of them at a time', async () => {
    const server = await ForgettingSmtp.start();
    const worker = await OtpostProcess.start({
      ...{ DATABASE_URL: database.url, APP_SECRET: TEST_SECRET, ROLE: 'worker', MAIL_TRANSPORTS: server.url },
    });
    try {
      const before = factsOf(worker.child.pid!);
      await eventually(async () => {
        const [{ left }] = (await database.query<{ left: number }>(
          `SELECT count(*)::int AS left FROM outbound_emails WHERE content_id IS NOT NULL AND status <> 'sent'`,
        )) as [{ left: number }];
        return left === 0;
      }, 'all of them to be sent');
      const after = factsOf(worker.child.pid!);
      console.log(`${MANY} × 25 MiB handed over: before ${line(before)}; after ${line(after)}`);
      expect(server.large).toBe(MANY);
      expect(after.peakMib - before.memoryMib).toBeLessThan(450);
    } finally {
      await worker.stop('SIGKILL');
      await server.stop();
    }
  });

  it('that are held back lose their turn to those that come, and are told why', async () => {
    const body = mail(2 * MIB);
    const held = await Promise.all(
      Array.from({ length: 2 }, async () => {
        const client = (await RawClient.open(url)).read();
        client.write(head('/v1/emails', 'application/json', body.length));
        client.write(body.subarray(0, MIB));
        return client;
      }),
    );
    expect(await post('/v1/emails', 'application/json', body)).toBe(202);
    for (const client of held) {
      const [answer] = answersIn(await client.untilClosed());
      expect([answer!.status, (JSON.parse(answer!.body) as { code: string }).code]).toEqual([408, 'request_timeout']);
    }
  });

  it('whose clients hang up, before and after all of it came, give their turns back', async () => {
    const body = mail(2 * MIB);
    for (const part of [MIB + 70_000, body.length])
      for (let n = 0; n < 3; n++) {
        const client = await RawClient.open(url);
        client.write(head('/v1/emails', 'application/json', body.length));
        client.write(body.subarray(0, part));
        await client.sent();
        client.hangUp();
      }
    expect(await post('/v1/emails', 'application/json', body)).toBe(202);
  });

  it('of which a kill leaves halves are cleaned up', async () => {
    const client = await RawClient.open(url);
    client.write(head('/v1/uploads', 'application/octet-stream', 20 * MIB));
    client.write(Buffer.alloc(10 * MIB, 5));
    const halves = () => database.query<{ id: string }>(`SELECT id FROM stored_files WHERE sha256 IS NULL`);
    await eventually(async () => (await halves()).length > 0, 'a half');
    await service.stop('SIGKILL');
    client.hangUp();
    expect(await halves()).toHaveLength(1);
    await database.query(`UPDATE stored_files SET kept_until = now() - interval '1 second' WHERE sha256 IS NULL`);
    await database.query(`UPDATE scheduled_tasks SET next_run_at = now() WHERE name = 'mail.files'`);
    service = await OtpostProcess.start({
      DATABASE_URL: database.url,
      APP_SECRET: TEST_SECRET,
      PORT: '0',
      ROLE: 'web',
      MAIL_TRANSPORTS: 'capture:',
    });
    await eventually(async () => (await halves()).length === 0, 'the clean-up');
    expect(
      await database.query(
        `SELECT FROM stored_file_parts p WHERE NOT EXISTS (SELECT FROM stored_files WHERE id = p.file_id AND sha256 IS NOT NULL)`,
      ),
    ).toEqual([]);
  });
});
