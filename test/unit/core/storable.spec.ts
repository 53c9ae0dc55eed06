import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { cut, isStorable, requireStorable, storable, storableThroughout } from '../../../src/core/input.js';
import type { Problem } from '../../../src/core/problems.js';

const ANY_TEXT = fc.string({ unit: fc.constantFrom('a', '\0', '\ud83d', '\ude00', '😀', 'é') });

function placesRefused(...parts: unknown[]): string[] {
  try {
    requireStorable(...parts);
    return [];
  } catch (error) {
    return (error as Problem).toDocument('r').errors!.map(({ field }) => field);
  }
}

describe('text that Postgres can hold', () => {
  it.each(['', 'ada', '😀', 'a\r\n\x1b'])('is %j', (text) => {
    expect(isStorable(text)).toBe(true);
    expect(storable(text)).toBe(text);
  });

  it.each([
    ['a\0b', 'a b'],
    ['a\ud83d', 'a\ufffd'],
    ['\ude00\ud83d', '\ufffd\ufffd'],
  ])('is made of %j by leaving as much as can be', (text, made) => {
    expect(isStorable(text)).toBe(false);
    expect(storable(text)).toBe(made);
  });

  it('is what comes out, of any text, and of as many characters', () => {
    fc.assert(
      fc.property(ANY_TEXT, (text) => {
        expect(isStorable(storable(text))).toBe(true);
        expect(storable(text)).toHaveLength(text.length);
      }),
    );
  });

  it('is not cut in the middle of a pair', () => {
    expect(cut(`${'a'.repeat(999)}😀`, 1_000)).toBe('a'.repeat(999));
    fc.assert(
      fc.property(ANY_TEXT.map(storable), fc.nat(20), (text, length) => {
        expect(isStorable(cut(text, length))).toBe(true);
        expect(cut(text, length).length).toBeGreaterThanOrEqual(Math.min(text.length, length) - 1);
      }),
    );
  });
});

describe('what a statement is given', () => {
  it('is made storable however deep it lies, and what is no plain value stays the same', () => {
    const at = new Date(0);
    const bytes = new Uint8Array([0]);
    const given = { a: ['x\0', { 'n\0': '\ud800' }], at, bytes, none: null, missing: undefined, n: 1 };
    const made = storableThroughout(given);
    expect(made).toEqual({ a: ['x ', { 'n ': '\ufffd' }], at, bytes, none: null, missing: undefined, n: 1 });
    expect(made.at).toBe(at);
    expect(made.bytes).toBe(bytes);
    expect(given.a[0]).toBe('x\0');
  });

  it('is not copied where there is nothing to mend', () => {
    const given = { a: ['x', { b: 'y' }] };
    expect(storableThroughout(given)).toBe(given);
  });
});

describe('what a stranger sent', () => {
  it('is refused where a text in it is not storable, and every place is named', () => {
    expect(placesRefused({ email: 'a\0', list: ['ok', { deep: '\ud800' }] }, { cursor: '\0' })).toEqual([
      'email',
      'list.1.deep',
      'cursor',
    ]);
  });

  it('is refused where the name of a member is not storable', () => {
    expect(placesRefused({ 'a\0': 1 })).toEqual(['a ']);
  });

  it('is let through otherwise', () => {
    expect(
      placesRefused(
        { email: 'ada@example.com', n: 1, none: null, list: [true] },
        Buffer.from([0]),
        undefined,
        null,
        'text',
      ),
    ).toEqual([]);
  });

  it('is not looked for in a file that is still coming in, which refers to itself', () => {
    const file = new PassThrough();
    file.write('\0'); // until the next tick the stream holds what it will call back, and with it itself
    expect(placesRefused(Object.assign(file, { itself: file, name: 'a\0' }))).toEqual([]);
  });

  it('is found in a file that comes as a list of a million numbers, behind all of them', () => {
    const numbers = Array.from({ length: 1_000_000 }, (_, n): unknown => n % 256);
    expect(placesRefused({ file: [...numbers, 'well', null, { name: '\0' }, '\0'] })).toEqual([
      'file.1000003',
      'file.1000002.name',
    ]);
  });

  it('may be nested deeper than the stack, and may have many faults', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}"\\u0000"${']'.repeat(100_000)}`) as unknown;
    expect(placesRefused(deep)).toHaveLength(1);
    expect(placesRefused({ many: Array.from({ length: 10_000 }, () => '\0') })).toHaveLength(20);
  });
});
