import { readdirSync } from 'node:fs';
import { Templates } from '../../../../src/mail/content/templates.js';
import { findCode } from '../../../../src/mail/inbox/inbox.store.js';

describe('the code of a message', () => {
  it.each([
    ['alone on its line', 'Hello,\n\n482913\n\nIt is good for 10 minutes.', '482913'],
    ['alone on a line that ends with CRLF', 'Hello,\r\n\r\n  482913\r\n', '482913'],
    ['with zeros in front', 'Your code is 000042.', '000042'],
    ['in a sentence', 'Your code is 482913. It is good for 10 minutes.', '482913'],
    ['right after a colon', 'Code:482913', '482913'],
    ['in brackets', 'Type the code (482913) where you registered', '482913'],
    ['in two groups', 'Your code: 482 913', '482913'],
    ['in two groups joined by a hyphen', '482-913', '482913'],
    ['between bidirectional isolates', 'הקוד: \u2068482913\u2069', '482913'],
  ])('is found %s', (_where, text, code) => {
    expect(findCode(text)).toBe(code);
  });

  const LINK = 'https://example.com/l/x-123456-90abcdefghijkl';
  const CODE_MAILS = readdirSync('templates').filter((name) => name.endsWith('-code'));

  it.each(CODE_MAILS)('is found in the mail %s', (template) => {
    const variables = {
      product: 'Otpost',
      code: '004213',
      minutes: 10,
      reference: '7421',
      link: LINK,
      notMe: `${LINK}/not-me`,
    };
    const { text } = new Templates().render(template, 'en', variables);
    expect(findCode(text)).toBe('004213');
  });

  it.each(['no-account', 'email-taken'])('is not found in the mail %s, which has none', (template) => {
    const variables = {
      product: 'Otpost',
      code: '',
      minutes: 10,
      reference: '7421',
      link: '',
      notMe: `${LINK}/not-me`,
    };
    const { text } = new Templates().render(template, 'en', variables);
    expect(findCode(text)).toBeUndefined();
  });

  it('is the one that stands alone, even when another number comes first', () => {
    expect(findCode('Order 123456 is waiting.\n\n482913\n')).toBe('482913');
  });

  it.each([
    ['five digits', 'Room 48291'],
    ['seven digits', 'Number 4829130'],
    ['a date', 'On 20261121'],
    ['a phone number', 'Call +1 555 123 456 or 555 123 456 789'],
    ['part of an address', 'https://example.com/482913 and ada.482913@example.com'],
    ['a parameter', 'https://example.com/?id=482913&n=482913'],
    ['a colour', 'color: #482913'],
    ['an amount', '482913.50 or 1.482913'],
    ['part of a word', 'x482913 482913x 482913_'],
  ])('is not %s', (_what, text) => {
    expect(findCode(text)).toBeUndefined();
  });
});
