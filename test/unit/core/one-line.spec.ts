import { validateSync } from 'class-validator';
import { IsOneLine } from '../../../src/core/input.js';
import { inOneLine, isOneLine } from '../../../src/core/one-line.js';

class Note {
  @IsOneLine()
  words: unknown;

  constructor(words: unknown) {
    this.words = words;
  }
}

describe('one line of text', () => {
  it.each(['\n', '\r', '\t', '\0', '\x7f', '\x85', '\u2028', '\u2029'])(
    'holds no %j, at no place, and has a blank in its place where it is made of other text',
    (ender) => {
      for (const text of [ender, `${ender}a`, `a${ender}b`, `a${ender}`]) {
        expect([isOneLine(text), isOneLine(text)]).toEqual([false, false]);
        expect(inOneLine(text)).toBe(text.replaceAll(ender, ' '));
        expect(validateSync(new Note(text)).map(({ constraints }) => constraints)).toEqual([
          { matches: 'must be one line without control characters' },
        ]);
      }
    },
  );

  it.each(['', ' ', 'Ada Lovelace', 'héllo wörld', '日本語', '👩‍💻', '\u00a0', '\u202e'])('may be %j', (text) => {
    expect([isOneLine(text), inOneLine(text), validateSync(new Note(text))]).toEqual([true, text, []]);
  });

  it.each([undefined, null, 7, {}])('is not %j', (value) => {
    expect(validateSync(new Note(value))).toHaveLength(1);
  });
});
