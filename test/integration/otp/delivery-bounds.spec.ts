import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { createLogger } from '../../../src/core/logger.js';
import { PrismaService } from '../../../src/database/prisma.service.js';
import { EventStream } from '../../../src/core/event-stream.js';
import { DeliveryStreams } from '../../../src/otp/delivery/delivery-streams.js';
import { ToldDeliveries } from '../../../src/otp/delivery/told-deliveries.js';
import { EventReader } from '../../support/http/event-reader.js';
import type { ProblemBody } from '../../support/service/api.js';
import { createDatabase, type TestDatabase } from '../../support/database/postgres.js';
import { HeldClock } from '../../support/service/otpost.js';
import { OtpostInProcess } from '../../support/service/otpost-in-process.js';
import { eventually } from '../../support/signals/wait.js';
import { HeldMail } from '../../support/smtp/held-mail.js';

/** As many connections as a deployment sees, and those who use them badly. */
describe('streams of deliveries, all together', () => {
  let database: TestDatabase;
  let otpost: OtpostInProcess;
  let mail: HeldMail;
  let prisma: PrismaService;
  let number = 0;
  const readers: EventReader[] = [];

  beforeAll(async () => {
    database = await createDatabase();
    otpost = await OtpostInProcess.start({ DATABASE_URL: database.url, ROLE: 'web', OUTBOX_RESCUE: 'off' });
    mail = new HeldMail(database);
    prisma = new PrismaService({ url: database.url, poolSize: 2 });
  });
  afterEach(async () => {
    await Promise.all(readers.splice(0).map((reader) => reader.close()));
  });
  afterAll(async () => {
    await prisma.$disconnect();
    await mail.close();
    await otpost.stop();
    await database.drop();
  });

  async function registered(): Promise<string> {
    return (await otpost.api.register(`bob${++number}@example.com`)).challenge.id;
  }

  async function listen(id: string, from = '127.0.0.1'): Promise<EventReader> {
    const reader = await EventReader.open(`${otpost.api.url}/v1/otp/${id}/delivery/events`, { from });
    readers.push(reader);
    return reader;
  }

  const answers = async (id: string, from: string): Promise<number> => (await listen(id, from)).status;

  it('are four a challenge; the fifth is told to wait, and may come when one has gone', async () => {
    const id = await registered();
    for (let place = 1; place <= 4; place++) expect(await answers(id, `127.0.0.${place}`)).toBe(200);
    const { status, headers, body } = await otpost.api.get<ProblemBody>(`/v1/otp/${id}/delivery/events`);
    expect([status, body.code, headers.get('retry-after')]).toEqual([429, 'too_many_streams', '10']);
    expect((await otpost.api.get(`/v1/otp/${id}/delivery`)).status).toBe(200);
    await readers.shift()!.close();
    await eventually(async () => (await answers(id, '127.0.0.9')) === 200, 'a place for the fifth');
  });

  it('are twenty a requester, however many challenges it names; another one is let in', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, registered));
    const open = await Promise.all(Array.from({ length: 24 }, (_, index) => answers(ids[index % 6]!, '127.0.0.1')));
    expect(open.filter((status) => status === 200)).toHaveLength(20);
    expect(open.filter((status) => status === 429)).toHaveLength(4);
    expect(await answers(await registered(), '127.0.0.2')).toBe(200);
  });

  it('give their places back when they end, and when there was nothing to tell', async () => {
    const id = await registered();
    for (let round = 0; round < 25; round++) {
      expect(await answers('A'.repeat(22), '127.0.0.1')).toBe(404);
      expect((await fetch(`${otpost.api.url}/v1/otp/${id}/delivery/events`, { method: 'HEAD' })).status).toBe(200);
    }
    await mail.note(id, 'bounced');
    for (let round = 0; round < 25; round++) {
      const reader = await listen(id);
      expect(reader.status).toBe(200);
      await reader.end();
    }
  });

  it('give their places back when the client is gone before its first event', async () => {
    const id = await registered();
    const { hostname, port } = new URL(otpost.api.url);
    for (let hurry = 0; hurry < 60; hurry++) {
      const socket = connect(Number(port), hostname);
      socket.end(`GET /v1/otp/${id}/delivery/events HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
      await new Promise((resolve) => setTimeout(resolve, hurry % 6)); // before, during and after the look
      socket.destroy();
    }
    await eventually(async () => (await answers(id, '127.0.0.1')) === 200, 'a place');
    await eventually(async () => (await answers(id, '127.0.0.1')) === 200, 'another one');
  });

  it('cost one look at Postgres together, and none when there is nobody', async () => {
    const counting = new CountingDeliveries(prisma);
    const streams = new DeliveryStreams(counting, new HeldClock(), createLogger('silent', 'test'));
    const ids = await Promise.all(Array.from({ length: 30 }, registered));
    const opened = await Promise.all(
      ids.flatMap((challengeId) =>
        ['a', 'b'].map((one) => streams.open({ challengeId, requester: `${challengeId}${one}` })),
      ),
    );
    const bodies = opened.map((result) => (result.kind === 'stream' ? result.stream.body.resume() : fail(result.kind)));
    counting.asked.length = 0;
    await eventually(() => counting.asked.length >= 2, 'two looks');
    expect(counting.asked.slice(0, 2)).toEqual([30, 30]);
    const closed = bodies.map((body) => once(body, 'close'));
    for (const body of bodies) body.destroy();
    await Promise.all(closed);
    counting.asked.length = 0;
    // Timers of one length run out in the order in which they were set: whoever comes later looks later.
    const later = new CountingDeliveries(prisma);
    const next = await new DeliveryStreams(later, new HeldClock(), createLogger('silent', 'test')).open({
      challengeId: ids[0]!,
      requester: 'a',
    });
    await eventually(() => later.asked.length >= 3, 'two looks of another process');
    expect(counting.asked).toEqual([]);
    if (next.kind === 'stream') next.stream.drop();
  });

  it('stay open while Postgres does not answer, and go on afterwards', async () => {
    const id = await registered();
    const reader = await listen(id);
    await reader.first(1);
    await database.query('ALTER TABLE outbound_emails RENAME TO outbound_emails_away');
    await eventually(() => otpost.text.includes('what became of codes cannot be told'), 'a look to fail');
    expect((await otpost.api.get(`/v1/otp/${id}/delivery`)).status).toBe(500);
    await database.query('ALTER TABLE outbound_emails_away RENAME TO outbound_emails');
    await mail.note(id, 'failed');
    expect(await reader.told(2)).toBe('failed');
  });

  it('drop a client that does not read, before its events fill the memory', async () => {
    const opened: { stream?: EventStream } = {};
    const server = createServer((_request, response) => {
      opened.stream = new EventStream(1_000);
      opened.stream.body.pipe(response);
      opened.stream.body.on('close', () => response.destroy());
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const request = get(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.pause().on('error', () => undefined);
    const { body } = opened.stream!;
    let most = 0;
    for (let sent = 0; !body.destroyed && sent < 1_000_000; sent++) {
      opened.stream!.send({ event: 'delivery', data: { status: 'sending', sent } });
      most = Math.max(most, body.readableLength);
      if (sent % 50 === 0) await new Promise((resolve) => setImmediate(resolve)); // lets the kernel take what it can
    }
    expect([body.destroyed, most <= 16_384]).toEqual([true, true]);
    response.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  // Last: it stops the service.
  it('do not hold up a stop, and no client is told that it is the end', async () => {
    const open = await Promise.all(Array.from({ length: 10 }, async () => listen(await registered())));
    await Promise.all(open.map((reader) => reader.first(1)));
    await otpost.stop();
    // A stop that waited for them would have given up on them in the end, and they would still be open.
    for (const reader of open) {
      await reader.end();
      expect(reader.events.map(({ event }) => event)).toEqual(['delivery']);
    }
  });
});

class CountingDeliveries extends ToldDeliveries {
  readonly asked: number[] = [];

  override async find(challengeIds: readonly string[]): ReturnType<ToldDeliveries['find']> {
    this.asked.push(challengeIds.length);
    return super.find(challengeIds);
  }
}

function fail(why: string): never {
  throw new Error(why);
}
