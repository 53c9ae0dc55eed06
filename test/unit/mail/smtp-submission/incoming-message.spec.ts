import { Readable } from 'node:stream';
import fc from 'fast-check';
import { Problem } from '../../../../src/core/problems.js';
import { IncomingMessage, LARGEST_MESSAGE, Places } from '../../../../src/mail/smtp-submission/incoming-message.js';
import { LONGEST_HEADER, type ReadHeader } from '../../../../src/mail/smtp-submission/message-policy.js';

/** As if nothing had to be done with a header. */
function asItIs(block: Buffer): ReadHeader {
  const bytes = Buffer.concat([block, Buffer.from('\r\n')]);
  return {
    message: { to: [] },
    mime: { bytes, messageId: '<1@example.com>', subject: '' },
    idempotencyKey: undefined,
    compared: {},
  };
}

async function received(chunks: (string | Buffer)[], declared?: number, places = new Places()): Promise<Buffer> {
  const incoming = new IncomingMessage(asItIs, places, declared);
  try {
    const { mime } = await incoming.receive(Readable.from(chunks.map((chunk) => Buffer.from(chunk))));
    return Buffer.from(mime!.bytes);
  } finally {
    incoming.release();
  }
}

const faultOf = (chunks: (string | Buffer)[], declared?: number, places?: Places): Promise<string> =>
  received(chunks, declared, places).then(
    () => 'taken',
    (error: unknown) => {
      if (!(error instanceof Problem)) throw error;
      return error.toDocument('').errors?.[0]?.message ?? error.code;
    },
  );

const byByte = (text: string): string[] => [...text];

describe('a message as it comes in', () => {
  it.each([
    ['a: b\r\n\r\nbody\r\n', 'a: b\r\n\r\nbody\r\n'],
    ['a: b\r\n\r\n', 'a: b\r\n\r\n'],
    ['a: b\r\n', 'a: b\r\n\r\n'],
    ['\r\nbody\r\n', '\r\nbody\r\n'],
    ['a: b\r\n\r\n\r\n\r\n', 'a: b\r\n\r\n\r\n\r\n'],
    ['', '\r\n'],
  ])('is the same whole and byte by byte: %j', async (sent, kept) => {
    expect((await received([sent])).toString()).toBe(kept);
    expect((await received(byByte(sent))).toString()).toBe(kept);
  });

  it.each([
    ['a line feed', 'a: b\r\n\r\nx\ny\r\n', 3],
    ['a line feed in the header', 'a: b\nc: d\r\n\r\n', 1],
    ['a carriage return', 'a: b\r\n\r\nx\ry\r\n', 3],
    ['two carriage returns', 'a: b\r\n\r\nx\r\r\n', 3],
    ['<LF>.<LF>', 'a: b\r\n\r\nx\n.\nMAIL FROM:<eve@example.com>\r\n', 3],
    ['<LF>.<CR><LF>', 'a: b\r\n\r\nx\n.\r\nMAIL\r\n', 3],
    ['<CR><LF>.<LF>', 'a: b\r\n\r\nx\r\n.\nMAIL\r\n', 4],
    ['<CR>.<CR>', 'a: b\r\n\r\nx\r.\rMAIL\r\n', 3],
    ['<CR><LF>.<CR>', 'a: b\r\n\r\nx\r\n.\rMAIL\r\n', 4],
    ['<LF> at the very beginning', '\na: b\r\n\r\n', 1],
    ['<CR> at the very end', 'a: b\r\n\r\nx\r', 3],
  ])('is refused where a line ends otherwise than with CRLF: %s', async (_, sent, line) => {
    for (const chunks of [[sent], byByte(sent)])
      expect(await faultOf(chunks)).toMatch(new RegExp(`^line ${line} has a `));
  });

  it('is taken or refused alike however its bytes are cut', async () => {
    const text = fc.string({
      unit: fc.constantFrom('a', ':', ' ', '.', '\r', '\n', '\r\n', '\r\n\r\n'),
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(60)), async (sent, cuts) => {
        const places = [0, ...cuts.filter((cut) => cut < sent.length).sort((a, b) => a - b), sent.length];
        const chunks = places.slice(1).map((end, n) => sent.slice(places[n], end));
        const [whole, cut] = await Promise.all([faultOf([sent]), faultOf(chunks)]);
        expect(cut).toBe(whole);
        expect(whole === 'taken').toBe(!/\r(?!\n)|(?<!\r)\n/.test(sent));
      }),
    );
  });

  it('is as large as it may be, and no larger', async () => {
    const line = `${'x'.repeat(1_022)}\r\n`;
    const header = 'a: b\r\n\r\n';
    const body = line.repeat(LARGEST_MESSAGE / 1_024 - 1);
    const rest = `${'x'.repeat(1_024 - header.length - 2)}\r\n`;
    expect((await received([header, body, rest])).length).toBe(LARGEST_MESSAGE);
    expect(await faultOf([header, body, rest, 'x'])).toBe('body_too_large');
  });

  it('has a header that ends somewhere', async () => {
    const long = `a: ${'x'.repeat(LONGEST_HEADER - 5)}\r\n`;
    expect(await faultOf([long, '\r\nbody\r\n'])).toBe('taken');
    expect(await faultOf([`a${long}`, '\r\nbody\r\n'])).toMatch(/at most 256 KiB/);
    expect(await faultOf([long, `${'b: c\r\n'.repeat(10)}\r\n`])).toMatch(/at most 256 KiB/);
  });

  it('tells that the client went away', async () => {
    const stream = new Readable({ read: () => undefined });
    stream.push('a: b\r\n');
    const taken = new IncomingMessage(asItIs, new Places(), undefined).receive(stream);
    stream.destroy(new Error('gone'));
    await expect(taken).rejects.toMatchObject({ name: 'ClientGone' });
  });
});

describe('the room for large messages', () => {
  const large = ['a: b\r\n\r\n', `${'x'.repeat(200_000)}\r\n`];

  it('is not needed by small ones, and given back by large ones, refused ones too', async () => {
    const none = new Places(0, 1);
    expect(await faultOf(['a: b\r\n\r\nsmall\r\n'], undefined, none)).toBe('taken');
    expect(await faultOf(large, undefined, none)).toBe('busy');
    const some = new Places();
    expect(await faultOf(large, undefined, some)).toBe('taken');
    expect(await faultOf([...large, '\n'], undefined, some)).toMatch(/line feed/);
    expect(some.inUse).toBe(0);
  });

  it('is what was declared, and all that may come where it turns out to be more, or nothing was', async () => {
    for (const [declared, most] of [
      [200_010, 1],
      [1_000, 25],
      [undefined, 25],
    ] as const) {
      const places = new Places();
      const incoming = new IncomingMessage(asItIs, places, declared);
      await incoming.receive(
        Readable.from(
          [...large, ...Array<string>(3).fill(`${'x'.repeat(100_000)}\r\n`)].map((one) => Buffer.from(one)),
        ),
      );
      expect(places.inUse).toBeGreaterThan(Math.min(200_000, most * 1024 * 1024));
      expect(places.inUse).toBeLessThan((most + 0.3) * 1024 * 1024 + 300_000 * (most === 1 ? 100 : 0));
      incoming.release();
      expect(places.inUse).toBe(0);
    }
  });

  it('goes to whoever came first, and to the next when one has waited too long', async () => {
    const places = new Places(10, 50);
    const first = await places.take(6);
    const order: string[] = [];
    const second = places.take(10).then(
      () => order.push('second'),
      (error: Problem) => order.push(error.code),
    );
    const third = places.take(4).then((release) => (order.push('third'), release));
    await second;
    (await third)();
    expect(order).toEqual(['busy', 'third']);
    first();
    expect(places.inUse).toBe(0);
  });
});
