import { sizeOf, withCodeLine } from '../../../src/mail/sms/text-policy.js';
import { Templates } from '../../../src/mail/content/templates.js';

describe('the size of a text', () => {
  it('is one segment up to 160 places of GSM-7, and then as many as hold 153 each', () => {
    expect(sizeOf('a'.repeat(160))).toEqual({ encoding: 'GSM-7', length: 160, segments: 1 });
    expect(sizeOf('a'.repeat(161))).toEqual({ encoding: 'GSM-7', length: 161, segments: 2 });
    expect(sizeOf('a'.repeat(306)).segments).toBe(2);
    expect(sizeOf('a'.repeat(307)).segments).toBe(3);
  });

  it('counts twice what stands in the extension', () => {
    expect(sizeOf('€'.repeat(80))).toEqual({ encoding: 'GSM-7', length: 160, segments: 1 });
    expect(sizeOf('{}[]~^|\\€')).toMatchObject({ length: 18 });
  });

  it('is UCS-2 with one character beyond both, up to 70 units and then as many as hold 67 each', () => {
    expect(sizeOf(`${'a'.repeat(69)}ó`)).toEqual({ encoding: 'UCS-2', length: 70, segments: 1 });
    expect(sizeOf(`${'a'.repeat(70)}ó`)).toEqual({ encoding: 'UCS-2', length: 71, segments: 2 });
    expect(sizeOf('😀')).toMatchObject({ encoding: 'UCS-2', length: 2 });
  });
});

describe('the last line of a text', () => {
  it('names the domain and the code, as browsers look for it', () => {
    expect(withCodeLine('123456 is your code.\n', 'shop.example.com', '123456')).toBe(
      '123456 is your code.\n\n@shop.example.com #123456',
    );
  });

  it('is left out where there is no code', () => {
    expect(withCodeLine('There is no account.\n', 'shop.example.com', '')).toBe('There is no account.');
  });
});

describe('the texts that Otpost brings', () => {
  const sizes = new Templates().smsSizes('Acme', 'accounts.example.com');

  it('are there in every language that the template has mail in', () => {
    const templates = new Templates();
    for (const name of new Set(sizes.map(({ template }) => template)))
      expect(sizes.filter(({ template }) => template === name).map(({ locale }) => locale)).toEqual(
        templates.known.get(name)!.locales,
      );
    expect(sizes.map(({ template }) => template)).toContain('verification-code');
  });

  it('fit one segment, with a name and a domain of usual length', () => {
    expect(sizes.filter(({ size }) => size.segments > 1 || size.encoding !== 'GSM-7')).toEqual([]);
  });
});
