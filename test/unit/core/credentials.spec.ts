import { bearerOf, sameSecret } from '../../../src/core/credentials.js';

describe('what a request presents', () => {
  it('compares secrets of any length', () => {
    expect(sameSecret('sesame', 'sesame')).toBe(true);
    expect(sameSecret('sesame', 'sesam')).toBe(false);
    expect(sameSecret('', 'sesame')).toBe(false);
  });

  it('reads a bearer token and nothing else', () => {
    expect(bearerOf('Bearer sesame')).toBe('sesame');
    expect(bearerOf('bearer sesame')).toBe('sesame');
    expect(bearerOf('Basic c2VzYW1l')).toBeUndefined();
    expect(bearerOf('Bearer')).toBeUndefined();
    expect(bearerOf(undefined)).toBeUndefined();
  });
});
