import { parseEmailAddress, parseSenderAddress, parseSenderPattern } from '../../../src/core/email-address.js';

describe('an e-mail address', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    ['  Ada.Lovelace+Otpost@Example.COM ', 'ada.lovelace+otpost@example.com'],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ADA@XN--BCHER-KVA.example', 'ada@xn--bcher-kva.example'],
    ["o'brien@example.com", "o'brien@example.com"],
  ])('%s has the canonical form %s', (typed, canonical) => {
    expect(parseEmailAddress(typed)).toEqual({ stored: typed.trim(), canonical });
  });

  it.each([
    ['ada@BÜCHER.Example', 'ada@bücher.example'],
    ['ada@example。com', 'ada@example.com'],
    ['ada@exam\u00adple.com', 'ada@example.com'],
    ['ada@ｅxample.com', 'ada@example.com'],
    ['ada@ﬀ.com', 'ada@ff.com'],
  ])('%s is kept as %s, for what carries mail maps nothing', (typed, stored) => {
    expect(parseEmailAddress(typed)?.stored).toBe(stored);
  });

  it.each([
    ['without a domain', 'ada'],
    ['without a top level', 'ada@localhost'],
    ['without a local part', '@example.com'],
    ['with a trailing dot', 'ada@example.com.'],
    ['with a trailing dot in the local part', 'ada.@example.com'],
    ['with a line break', 'ada@example.com\r\nBcc: eve@example.com'],
    ['with a line break inside', 'ada\n@example.com'],
    ['with a null', 'ada\0@example.com'],
    ['with two of them', 'ada@example.com,eve@example.com'],
    ['with a display name', 'Ada <ada@example.com>'],
    ['with KELVIN SIGN, which folds to k', '\u212Aate@example.com'],
    ['with a local part beyond ASCII', 'dörte@example.com'],
    ['of 300 characters', `${'a'.repeat(288)}@example.com`],
    ['whose domain is an address', 'ada@[127.0.0.1]'],
    ['that is empty', ''],
    ['with needless quotes', '"victim"@example.com'],
    ['with quotes and blanks', '" victim "@example.com'],
    ['with quotes and a control character', '"bo\u0001mb"@example.com'],
    ['with quotes and an escape', '"vic\\tim"@example.com'],
    ['with quotes and another @', '"ada@evil.example"@example.com'],
    ['with a comment', 'ada(work)@example.com'],
    ['with half of a surrogate pair', '\ud800'],
    ['with half of a surrogate pair in its local part', 'a\ud800@example.com'],
    ['with half of a surrogate pair in its domain', 'ada@ex\ud800ample.com'],
    ['whose domain is percent-encoded', 'ada@ex%61mple.com'],
    ['whose domain is an address without brackets', 'ada@127.0.0.1'],
    ['whose domain is an IPv6 address', 'ada@[IPv6:::1]'],
    ['whose domain is punycode of nothing', 'ada@xn--zzzzzz.example'],
    ['whose label has 64 octets', `ada@${'a'.repeat(64)}.com`],
    ['whose label has more than 63 octets on the wire', `ada@${'ü'.repeat(63)}.com`],
    ['whose local part has 65 octets', `${'a'.repeat(65)}@example.com`],
    ['with two dots in a row', 'ada..b@example.com'],
    ['with an underscore in its domain', 'ada@my_host.example.com'],
  ])('%s is refused', (_, typed) => {
    expect(parseEmailAddress(typed)).toBeUndefined();
  });
});

describe('the address of a sender', () => {
  it.each([
    [' No-Reply@LocalHost ', 'no-reply@localhost'],
    ['post@relay-1', 'post@relay-1'],
    ['Ada@Bücher.example', 'ada@xn--bcher-kva.example'],
  ])('%j has the canonical form %j, at a host of one label too', (typed, canonical) =>
    expect(parseSenderAddress(typed)?.canonical).toBe(canonical),
  );

  it.each(['@localhost', 'localhost', 'a b@localhost', 'a@-host', 'a@host_1', '"a"@localhost', 'a@b@localhost', 'a@'])(
    'is not %j',
    (typed) => expect(parseSenderAddress(typed)).toBeUndefined(),
  );
});

describe('parseSenderPattern', () => {
  it.each([
    ['no-reply@localhost', 'no-reply@localhost'],
    ['Ada@Example.com', 'ada@example.com'],
    [' @Example.COM ', '@example.com'],
    ['@bücher.example', '@xn--bcher-kva.example'],
  ])('reads %j as %j', (typed, canonical) => expect(parseSenderPattern(typed)).toBe(canonical));

  it.each([
    '',
    '@',
    'example.com',
    '@example',
    '@-a.example',
    '@a@b.example',
    '@*.example.com',
    '*@example.com',
    `@${'a.'.repeat(140)}com`,
  ])('refuses %j', (typed) => expect(parseSenderPattern(typed)).toBeUndefined());
});
