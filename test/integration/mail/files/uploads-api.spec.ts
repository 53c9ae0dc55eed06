import { createHash, randomBytes } from 'node:crypto';
import { PrismaService } from '../../../../src/database/prisma.service.js';
import { FILE_LIMIT } from '../../../../src/mail/files/stored-files.js';
import { answersIn, RawClient } from '../../../support/http/raw-client.js';
import type { ProblemBody } from '../../../support/service/api.js';
import { createApiKey } from '../../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../../support/service/otpost.js';
import { eventually } from '../../../support/signals/wait.js';

const OCTETS = 'application/octet-stream';

interface Upload {
  uploadId: string;
  size: number;
  sha256: string;
}

describe('POST /v1/uploads', () => {
  let otpost: Otpost;
  let keys: { sends: string; reads: string };

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web' });
    keys = {
      sends: await createApiKey(otpost.database.url, ['emails:send']),
      reads: await createApiKey(otpost.database.url, ['emails:read']),
    };
  });
  afterAll(() => otpost.stop());

  async function upload<Body = Upload>(
    file: Uint8Array<ArrayBuffer> | ReadableStream | undefined,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: Body }> {
    const response = await fetch(`${otpost.api.url}/v1/uploads`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.sends}`, 'content-type': OCTETS, ...headers },
      ...(file ? { body: file, duplex: 'half' } : {}),
    });
    return { status: response.status, body: (await response.json()) as Body };
  }

  const stored = () =>
    otpost.database.query<{ size: number; parts: number }>(
      `SELECT size, (SELECT count(*)::int FROM stored_file_parts WHERE file_id = f.id) AS parts FROM stored_files f`,
    );
  const head = (more: string) =>
    `POST /v1/uploads HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${keys.sends}\r\nContent-Type: ${OCTETS}\r\n${more}\r\n`;

  it('keeps a file and tells its size and hash; the same bytes have the same id', async () => {
    const file = randomBytes(1_000_000);
    const first = await upload(file);
    expect(first).toEqual({
      status: 201,
      body: {
        uploadId: expect.stringMatching(/^[\da-f-]{36}$/) as string,
        size: file.length,
        sha256: createHash('sha256').update(file).digest('hex'),
      },
    });
    expect(await upload(file)).toEqual(first);
    expect((await stored()).filter(({ size }) => size === file.length)).toEqual([{ size: file.length, parts: 4 }]);
  });

  it('takes an empty file, one that comes in chunks without a length, and 25 MiB to the byte', async () => {
    expect(await upload(undefined)).toMatchObject({ status: 201, body: { size: 0 } });
    expect(await upload(undefined, { 'content-type': `${OCTETS}; charset=binary` })).toMatchObject({ status: 201 });
    const chunks = new ReadableStream({
      start(controller) {
        for (let n = 0; n < 30; n++) controller.enqueue(Buffer.alloc(50_000, n));
        controller.close();
      },
    });
    expect(await upload(chunks)).toMatchObject({ status: 201, body: { size: 1_500_000 } });
    expect(await upload(Buffer.alloc(FILE_LIMIT, 1))).toMatchObject({ status: 201, body: { size: FILE_LIMIT } });
  });

  it('refuses what is larger before any of it came where its length is told, and leaves nothing of it where it is not', async () => {
    const before = await stored();
    const told = (await RawClient.open(otpost.api.url)).read();
    told.write(head(`Content-Length: ${FILE_LIMIT + 1}\r\n`));
    const [answer] = await eventually(() => answersIn(told.text).length > 0 && answersIn(told.text), 'the refusal');
    expect([answer!.status, (JSON.parse(answer!.body) as ProblemBody).code]).toEqual([413, 'body_too_large']);
    told.hangUp();
    const untold = (await RawClient.open(otpost.api.url)).read();
    untold.write(head('Transfer-Encoding: chunked\r\n'));
    const chunk = Buffer.alloc(1024 * 1024, 7);
    for (let n = 0; n <= 25; n++) {
      untold.write(`${chunk.length.toString(16)}\r\n`);
      untold.write(chunk);
      untold.write('\r\n');
    }
    const [late] = await eventually(() => answersIn(untold.text).length > 0 && answersIn(untold.text), 'the refusal');
    expect([late!.status, (JSON.parse(late!.body) as ProblemBody).remedy]).toEqual([
      413,
      `Send at most ${FILE_LIMIT} bytes.`,
    ]);
    untold.hangUp();
    expect(await stored()).toEqual(before);
  });

  it('leaves nothing of a client that hangs up', async () => {
    const before = await stored();
    const client = await RawClient.open(otpost.api.url);
    client.write(head('Content-Length: 5000000\r\n'));
    client.write(Buffer.alloc(3_000_000, 9));
    await eventually(async () => (await stored()).some(({ size, parts }) => size === 0 && parts >= 8), 'parts of it');
    client.hangUp();
    await eventually(async () => (await stored()).length === before.length, 'nothing to be left');
    expect(await stored()).toEqual(before);
  });

  it.each([
    'application/json',
    'text/plain',
    'multipart/form-data; boundary=x',
    'application/octet-streams',
    'image/png',
  ])('refuses %s', async (type) => {
    const answer = await upload<ProblemBody>(Buffer.from('{"a":1}'), { 'content-type': type });
    expect([answer.status, answer.body.code]).toEqual([415, 'unsupported_media_type']);
  });

  it('is the only call that takes a file, and the type that stands in for one opens no other', async () => {
    for (const type of [OCTETS, 'application/vnd.otpost.streamed']) {
      const answer = await otpost.api.send<ProblemBody>('POST', '/v1/accounts', { 'content-type': type }, 'x');
      expect([answer.status, answer.body.code]).toEqual([415, 'unsupported_media_type']);
    }
  });

  it('is for keys that send, and nobody else sends a byte', async () => {
    const nobody = await upload<ProblemBody>(Buffer.from('x'), { authorization: '' });
    expect([nobody.status, nobody.body.code]).toEqual([401, 'unauthorized']);
    const reader = await upload<ProblemBody>(Buffer.from('x'), { authorization: `Bearer ${keys.reads}` });
    expect([reader.status, reader.body.code]).toEqual([403, 'scope_missing']);
  });

  it('is read as fast as it is stored, and no faster', async () => {
    const prisma = new PrismaService({ url: otpost.database.url, poolSize: 1 });
    const before = (await stored()).length;
    const client = (await RawClient.open(otpost.api.url)).read();
    await prisma.$transaction(async (db) => {
      await db.$executeRaw`LOCK TABLE stored_file_parts IN SHARE MODE`;
      client.write(head('Content-Length: 20000000\r\n'));
      client.write(Buffer.alloc(20_000_000, 3));
      await eventually(async () => {
        const [row] = await otpost.database.query<{ waits: number }>(
          `SELECT count(*)::int AS waits FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%stored_file_parts%' AND datname = current_database()`,
        );
        return row!.waits > 0;
      }, 'the first part to wait');
      expect(client.unsent).toBeGreaterThan(10_000_000); // still with the client
    });
    const [answer] = await eventually(() => answersIn(client.text).length > 0 && answersIn(client.text), 'the answer');
    expect(answer!.status).toBe(201);
    client.hangUp();
    expect(await stored()).toHaveLength(before + 1);
    await prisma.$disconnect();
  });

  it('is described', async () => {
    const { body } = await otpost.api.get<{ paths: Record<string, { post: { requestBody: { content: object } } }> }>(
      '/docs/json',
    );
    expect(Object.keys(body.paths['/v1/uploads']!.post.requestBody.content)).toEqual([OCTETS]);
  });
});
