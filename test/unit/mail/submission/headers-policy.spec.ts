import { headerFaults, MOST_HEADERS } from '../../../../src/mail/submission/headers-policy.js';

describe('headers that a message may be given', () => {
  it.each([
    ['X-Campaign', 'Ärger mit Äpfeln'],
    ['x-entity-ref-id', '4711'],
    ['References', '<a@example.com> <b@example.com>'],
    ['In-Reply-To', '<a@example.com>'],
    ['List-Id', 'News <news.example.com>'],
    ['LIST-HELP', '<https://example.com/help>'],
    ['Importance', 'high'],
    ['X-Long', 'x'.repeat(998)],
  ])('are such as %s', (name, value) => {
    expect(headerFaults({ [name]: value })).toEqual([]);
  });

  it.each([
    ['From', 'ada@example.com', 'header_not_allowed'],
    ['Bcc', 'ada@example.com', 'header_not_allowed'],
    ['Message-ID', '<a@example.com>', 'header_not_allowed'],
    ['Content-Type', 'text/plain', 'header_not_allowed'],
    ['DKIM-Signature', 'v=1', 'header_not_allowed'],
    ['X-', 'a', 'header_not_allowed'],
    ['X-Otpost-Id', '1', 'header_not_allowed'],
    ['X-SMTPAPI', '{}', 'header_not_allowed'],
    ['X-Mailin-custom', '{}', 'header_not_allowed'],
    ['X-PM-KeepID', 'false', 'header_not_allowed'],
    ['X-Bad Name', 'a', 'header_not_allowed'],
    ['X-Bad:Name', 'a', 'header_not_allowed'],
    ['X-Bad\r\nBcc', 'a', 'header_not_allowed'],
    ['X-Bücher', 'a', 'header_not_allowed'],
    [`X-${'n'.repeat(75)}`, 'a', 'header_not_allowed'],
    ['X-Empty', '', 'invalid_header'],
    ['X-Blank', '  ', 'invalid_header'],
    ['X-Number', 7, 'invalid_header'],
    ['X-List', ['a'], 'invalid_header'],
    ['X-Lines', 'a\r\nBcc: b@example.com', 'invalid_header'],
    ['X-Separator', 'a\u2028b', 'invalid_header'],
    ['X-Nul', 'a\0b', 'invalid_header'],
    ['X-Long', 'x'.repeat(999), 'invalid_header'],
    ['X-Long', 'ä'.repeat(500), 'invalid_header'],
    ['References', '<bücher@example.com>', 'invalid_header'],
    ['List-Id', 'Bücher <b.example.com>', 'invalid_header'],
  ])('are not %j: %j', (name, value, code) => {
    expect(headerFaults({ [name]: value })).toEqual([
      { field: `headers.${name.slice(0, 80)}`, code, message: expect.any(String) as string },
    ]);
  });

  it('stand there once, whatever their case', () => {
    expect(headerFaults({ 'X-One': 'a', 'x-one': 'b' })).toMatchObject([{ field: 'headers.x-one', code: 'repeated' }]);
  });

  it(`are ${MOST_HEADERS} at most`, () => {
    const headers = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`X-${n}`, 'a']));
    expect(headerFaults(headers(MOST_HEADERS))).toEqual([]);
    expect(headerFaults(headers(MOST_HEADERS + 1))).toMatchObject([{ field: 'headers', code: 'too_many_headers' }]);
  });
});
