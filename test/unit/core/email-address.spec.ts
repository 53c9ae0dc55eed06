import { parseEmailAddress } from '../../../src/core/email-address.js';

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
  ])('%s is refused', (_, typed) => {
    expect(parseEmailAddress(typed)).toBeUndefined();
  });
});
