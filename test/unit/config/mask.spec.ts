import { maskUrl } from '../../../src/core/mask.js';

describe('maskUrl', () => {
  it.each([
    ['postgres://otpost:pw@db.example.com:5432/otpost', 'postgres://otpost:***@db.example.com:5432/otpost'],
    ['postgres://localhost:5432/otpost', 'postgres://localhost:5432/otpost'],
    ['redis://:pw@cache:6379/0', 'redis://:***@cache:6379/0'],
    [
      'postgres://u:p@db/x?sslmode=require&password=pw&sslcert',
      'postgres://u:***@db/x?sslmode=require&password=***&***',
    ],
    ['redis://[::1]:6379', 'redis://[::1]:6379'],
    ['https://example.com/#token', 'https://example.com/#***'],
  ])('shows %s as %s', (url, shown) => {
    expect(maskUrl(url)).toBe(shown);
  });

  it.each([
    ['an unescaped @', 'redis://u:p@w@cache', 'redis://u:***@cache'],
    ['unescaped / # ?', 'postgres://u:p/w#w?w@db/x', 'postgres://u:***@db/x'],
    ['no host', 'smtp://user:secret', 'smtp://user:***'],
    ['no host and digits only', 'smtp://user:12345678', 'smtp://user:***'],
    ['no host after a user that is an address', 'smtp://me@example.com:secret', 'smtp://***@example.com:***'],
    ['no host that could be one', 'smtp://x)secret', 'smtp://***'],
    ['no user', 'redis://token@cache:6379', 'redis://***@cache:6379'],
    ['a user that is the password', 'smtp://token:token@smtp.example.com', 'smtp://***:***@smtp.example.com'],
    [
      'a user that is the password, with a colon',
      'smtp://part:two:part:two@smtp.example.com',
      'smtp://***:***@smtp.example.com',
    ],
    ['no scheme', 'user:pw@db:5432/x', '***'],
    ['a scheme that could be the secret', 'Pa55://word', '***'],
    ['quotes around it', '"postgres://u:p@db/x"', '***'],
    ['a line break in it', 'postgres://u:p\nw@db/x', 'postgres://u:***@db/x'],
  ])('hides the password of a URL with %s', (_, url, shown) => {
    expect(maskUrl(url)).toBe(shown);
  });
});
