import fc from 'fast-check';
import { isWeaker } from '../../../../src/accounts/passwords/hashing.js';
import { normalForm, passwordFault, type PasswordContext } from '../../../../src/accounts/passwords/password-policy.js';
import { commonPasswords } from '../../../../src/accounts/passwords/passwords.js';

const context: PasswordContext = {
  email: 'grace.hopper@navy.example.com',
  name: 'Grace Hollander',
  product: 'Acme Mail',
  host: 'id.acme.test',
};
const codeOf = (password: string) => passwordFault(password, context, commonPasswords())?.code;

describe('a new password', () => {
  it.each([
    ['seven characters', 'x7!kQ2z', 'password_too_short'],
    ['eight', 'x7!kQ2zw', undefined],
    ['128', 'ab cd'.repeat(25) + 'xyz', undefined],
    ['129', 'ab cd'.repeat(25) + 'wxyz', 'password_too_long'],
    ['characters beyond the first plane counted once', '🦊🐢🦉🐝🐙🦀🐳', 'password_too_short'],
    ['eight of them', '🦊🐢🦉🐝🐙🦀🐳🦔', undefined],
    ['what NFKC makes longer', '\uFDFA'.repeat(8), 'password_too_long'],
    ['what NFKC makes shorter', 'e\u0301'.repeat(7), 'password_too_short'],
    ['small letters only: no rules of composition', 'correct horse battery staple', undefined],
    ['blanks at its ends', '  x7!kQ2z', undefined],
    ['a common one', 'password', 'password_common'],
    ['a common one in other letters', 'PassWord', 'password_common'],
    ['a common one in wide letters', 'ｐａｓｓｗｏｒｄ', 'password_common'],
    ['a common one with a tail', 'Sunshine2026!', 'password_common'],
    ['a common one that ends in digits', 'trustno1!!', 'password_common'],
    ['a common one inside a longer one', 'sunshine over the water', undefined],
    ['the address', 'Grace.Hopper@navy.example.com', 'password_contextual'],
    ['the local part', 'grace.hopper1', 'password_contextual'],
    ['a part of it with a tail', 'hopper1906', 'password_contextual'],
    ['it in one word', 'gracehopper', 'password_contextual'],
    ['the domain', 'navy.example.com', 'password_contextual'],
    ['the name', 'grace hollander', 'password_contextual'],
    ['a part of the name with a tail', 'Hollander#1', 'password_contextual'],
    ['the product', 'AcmeMail!', 'password_contextual'],
    ['the product with other separators', 'acme-mail-2026', 'password_contextual'],
    ['the host', 'id.acme.test', 'password_contextual'],
    ['the top level, which is nobody’s word', 'com45678', undefined],
    ['the name inside a longer one', 'grace under pressure', undefined],
  ])('of %s: %j → %s', (_, password, expected) => {
    expect(codeOf(password)).toBe(expected);
  });

  it('is refused with every tail of digits and punctuation, whatever the word', () => {
    const tail = fc.string({ unit: fc.constantFrom(...'0123456789!?.#-_$+ '), maxLength: 20 });
    fc.assert(
      fc.property(
        fc.constantFrom('password', 'grace.hopper', 'Acme Mail', 'HOLLANDER', 'football'),
        tail,
        (word, end) => {
          expect(codeOf(word + end)).toMatch(/password_(common|contextual|too_short)/);
        },
      ),
    );
  });

  it('is judged alike in every form of the same characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 140 }), (password) => {
        expect(codeOf(password.normalize('NFD'))).toBe(codeOf(password.normalize('NFC')));
        expect(normalForm(normalForm(password))).toBe(normalForm(password));
      }),
    );
  });

  it('is judged alike by both forms of a domain', () => {
    const forms = ['ada@bücher-kiste.example', 'ada@xn--bcher-kiste-thb.example', 'ada@XN--bcher-kiste-thb.example'];
    for (const password of [
      'bücher-kiste!!',
      'bücher2026',
      'xn--bcher-kiste-thb1',
      'ada@bücher-kiste.example',
      'kiste2026',
    ])
      expect(
        forms.map(
          (email) => passwordFault(password, { email, product: 'Acme', host: 'id.acme.test' }, new Set())?.code,
        ),
      ).toEqual(Array(3).fill('password_contextual'));
    expect(
      passwordFault(
        'bücher2026',
        { email: 'ada@example.com', product: 'Acme', host: 'xn--bcher-kva.example' },
        new Set(),
      )?.code,
    ).toBe('password_contextual');
  });

  it('is compared with at least the 3,000 most common ones that would be long enough', () => {
    expect(commonPasswords().size).toBeGreaterThanOrEqual(3_000);
    for (const common of commonPasswords()) expect(codeOf(common)).toBe('password_common');
  });
});

describe('a stored hash', () => {
  const rest = '$c29tZXNhbHRzb21lc2FsdA$aGFzaA';
  it.each([
    ['made with the present parameters', `$argon2id$v=19$m=19456,t=2,p=1${rest}`, false],
    ['made with more memory', `$argon2id$v=19$m=47104,t=2,p=1${rest}`, false],
    ['made with less memory', `$argon2id$v=19$m=12288,t=3,p=1${rest}`, true],
    ['made with fewer passes', `$argon2id$v=19$m=19456,t=1,p=1${rest}`, true],
    ['of an older version', `$argon2id$v=16$m=19456,t=2,p=1${rest}`, true],
    ['of another kind', `$argon2i$v=19$m=19456,t=2,p=1${rest}`, true],
  ])('%s → %s weaker: %s', (_, hash, expected) => {
    expect(isWeaker(hash)).toBe(expected);
  });
});
