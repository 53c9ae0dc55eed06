import { createLogger } from '../../../src/core/logger.js';
import { visible, visibleLines } from '../../../src/core/mask.js';

const HOSTILE = 'a\x1b[31m\x1b]0;title\x07\r\n\tb\x9b2J\x85\u2028\u202eevil\u2066\u200b\u200f\ufeff\x7f\ud800';

describe('text from outside, where it is printed', () => {
  it('shows what a terminal would obey', () => {
    expect(visible(HOSTILE)).toBe(
      'a\\u001b[31m\\u001b]0;title\\u0007\\r\\n\\tb\\u009b2J\\u0085\\u2028\\u202eevil\\u2066\\u200b\\u200f\\ufeff\\u007f\\ud800',
    );
  });

  it.each(['Grüße, Zoë', '👩‍💻 日本語', 'می‌خواهم', 'a\\b "c"'])('leaves %s as it is', (text) => {
    expect(visible(text)).toBe(text);
  });

  it('keeps the lines of a text that has lines', () => {
    expect(visibleLines('a\x1b\nb\r\n')).toBe('a\\u001b\nb\\r\n');
  });

  it('is the same string in JSON', () => {
    expect(JSON.parse(visible(JSON.stringify({ [HOSTILE]: HOSTILE })))).toEqual({ [HOSTILE]: HOSTILE });
  });
});

describe('a log line', () => {
  it('is one line, and shows what a terminal would obey', () => {
    const lines: string[] = [];
    createLogger('info', 'test', { write: (line) => void lines.push(line) }).info(
      { words: HOSTILE, err: new Error(HOSTILE) },
      HOSTILE,
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]!.trimEnd()).toMatch(/^[\x20-\x7e]+$/);
    expect(JSON.parse(lines[0]!)).toMatchObject({ words: HOSTILE, msg: HOSTILE });
  });
});
