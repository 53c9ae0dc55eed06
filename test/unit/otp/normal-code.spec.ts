import fc from 'fast-check';
import { normalCode } from '../../../src/otp/code.js';

describe('a code as people and machines give it', () => {
  it.each([
    ['in full-width digits', '１２３４５６'],
    ['in Arabic digits', '١٢٣٤٥٦'],
    ['in Persian digits', '۱۲۳۴۵۶'],
    ['in Devanagari digits', '१२३४५६'],
    ['in mathematical digits', '𝟏𝟐𝟑𝟒𝟓𝟔'],
    ['with a zero width space', '123\u200b456'],
    ['with a left-to-right mark', '\u200e123456'],
    ['with a word joiner', '123\u2060456'],
    ['with a soft hyphen', '123\u00ad456'],
    ['with a byte order mark', '\ufeff123456'],
    ['with an en dash', '123–456'],
    ['with a non-breaking hyphen', '123\u2011456'],
    ['with a minus sign', '123−456'],
    ['with a non-breaking space', '123\u00a0456'],
    ['with a blank after each digit', '1 2 3 4 5 6 '],
    ['with a line break behind', '123456\r\n'],
  ])('is the same %s', (_, typed) => {
    expect(normalCode(typed)).toBe('123456');
  });

  it('keeps letters, signs and over-long text, which are no code', () => {
    for (const typed of ['12345a', 'l23456', '12345.6', '１２３４５x', '1'.repeat(65), '①②③④⑤⑥'.slice(0, 0) + '½23456'])
      expect(normalCode(typed)).not.toMatch(/^\d{6}$/);
  });

  it('is what was generated, in the digits of every script', () => {
    const zeros = Array.from({ length: 0x20000 }, (_, point) => point).filter(
      (point) =>
        isDigit(point) && Array.from({ length: 10 }, (_, n) => point + n).every(isDigit) && !isDigit(point - 1),
    );
    expect(zeros.length).toBeGreaterThan(50);
    fc.assert(
      fc.property(fc.constantFrom(...zeros), fc.integer({ min: 0, max: 999_999 }), (zero, code) => {
        const digits = String(code).padStart(6, '0');
        expect(normalCode([...digits].map((digit) => String.fromCodePoint(zero + Number(digit))).join(''))).toBe(
          digits,
        );
      }),
    );
  });
});

function isDigit(point: number): boolean {
  return /^\p{Nd}$/u.test(String.fromCodePoint(point));
}
