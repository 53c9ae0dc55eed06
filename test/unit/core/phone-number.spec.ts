import { parseDestination, shownDestination } from '../../../src/core/destination.js';
import { maskDestination, maskNumber } from '../../../src/core/mask.js';
import { isNumber, looksLikeNumber, parsePhoneNumber, shownNumber } from '../../../src/core/phone-number.js';

describe('a phone number', () => {
  it.each([
    ['+639171234567', '+639171234567', 'PH'],
    ['+63 (917) 123-4567', '+639171234567', 'PH'],
    [' +49 30 123456 ', '+4930123456', 'DE'],
    ['+44 (0)20 7946 0018', '+442079460018', 'GB'],
    ['+1 212 555 0100', '+12125550100', 'US'],
  ])('%s is %s of %s', (typed, e164, country) => {
    expect(parsePhoneNumber(typed)).toEqual({ e164, country });
  });

  it.each([
    ['09171234567', 'national'],
    ['639171234567', 'without a +'],
    ['+63', 'too short'],
    ['+6391712345678901234', 'too long'],
    ['+639171234567 ext. 5', 'with an extension'],
    ['tel:+639171234567', 'a URI'],
    ['+63917123456a', 'with a letter'],
    ['+٦٣٩١٧١٢٣٤٥٦٧', 'in digits of another script'],
    ['', 'nothing'],
  ])('%s is none: %s', (typed) => {
    expect(parsePhoneNumber(typed)).toBeUndefined();
  });

  it('is told from an address', () => {
    expect(parseDestination('+63 917 123 4567')).toEqual({ stored: '+639171234567', canonical: '+639171234567' });
    expect(parseDestination('+63917@example.com')).toMatchObject({ canonical: '+63917@example.com' });
    expect(isNumber('+639171234567')).toBe(true);
    expect(isNumber('+63917@example.com')).toBe(false);
    expect(parseDestination('0917 123 4567')).toBeUndefined();
    for (const text of ['0917 123 4567', '(02) 8123-4567', '+63 917']) expect(looksLikeNumber(text)).toBe(true);
    for (const text of ['ada@example.com', 'ada', '', '1a']) expect(looksLikeNumber(text)).toBe(false);
  });

  it.each([
    ['+639171234567', '+63 917 123 4567'],
    ['+442079460018', '+44 20 7946 0018'],
    ['+12125550100', '+1 212 555 0100'],
    ['+999123', '+999123'],
  ])('%s is shown as %s, and is the same number if it is typed in so', (e164, shown) => {
    expect(shownNumber(e164).replaceAll('\u00a0', ' ')).toBe(shown);
    expect(shownNumber(e164)).not.toContain(' ');
    if (shown !== e164) expect(parsePhoneNumber(shownNumber(e164))?.e164).toBe(e164);
    expect([shownDestination(e164), shownDestination('ada@example.com')]).toEqual([
      shownNumber(e164),
      'ada@example.com',
    ]);
  });

  it('shows its country and its end where it is masked', () => {
    expect(maskNumber('+639171234567')).toBe('+63********67');
    expect(maskDestination('+639171234567')).toBe('+63********67');
    expect(maskDestination('ada@example.com')).toBe('a***@example.com');
  });
});
