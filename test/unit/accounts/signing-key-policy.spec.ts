import {
  pendingAt,
  retiredAt,
  retiresAt,
  rotationIsDue,
  signerAt,
} from '../../../src/accounts/tokens/signing-key-policy.js';

const MINUTE = 60_000;
const START = new Date('2026-11-21T12:00:00Z');
const TOKEN_LIFE = 15 * MINUTE;

const after = (minutes: number): Date => new Date(START.getTime() + minutes * MINUTE);
const key = (id: string, minutes: number) => ({ id, activeFrom: after(minutes) });

describe('which key signs', () => {
  it('the newest whose time has come, in whatever order they are given', () => {
    const keys = [key('old', -100), key('new', 10), key('older', -200)];
    expect(signerAt(keys, after(0))!.id).toBe('old');
    expect(signerAt(keys, after(10))!.id).toBe('new');
    expect(pendingAt(keys, after(9))!.id).toBe('new');
    expect(pendingAt(keys, after(10))).toBeUndefined();
  });

  it('a first key signs on a clock that is behind, too', () => {
    expect(signerAt([key('first', 1)], after(0))!.id).toBe('first');
    expect(signerAt([], after(0))).toBeUndefined();
  });

  it('two of the same moment are told apart alike by everybody', () => {
    const [a, b] = [key('a', 0), key('b', 0)];
    expect(signerAt([a, b], after(1))!.id).toBe(signerAt([b, a], after(1))!.id);
  });
});

describe('when a key is replaced', () => {
  it('after 90 days of signing, and not while its successor waits', () => {
    const days = 24 * 60;
    expect(rotationIsDue([key('one', 0)], after(90 * days - 1))).toBe(false);
    expect(rotationIsDue([key('one', 0)], after(90 * days))).toBe(true);
    expect(rotationIsDue([key('one', 0), key('two', 90 * days + 10)], after(90 * days + 5))).toBe(false);
    expect(rotationIsDue([], after(0))).toBe(false);
  });
});

describe('when a key goes', () => {
  it('once the tokens it signed have run out, and a minute', () => {
    const keys = [key('old', -1_000), key('new', 10)];
    expect(retiredAt(keys, after(10 + 15), TOKEN_LIFE)).toEqual([]);
    expect(retiredAt(keys, after(10 + 16), TOKEN_LIFE).map(({ id }) => id)).toEqual(['old']);
    expect(retiresAt(keys[1]!, TOKEN_LIFE)).toEqual(after(26));
  });

  it('the one that signs never does, however old', () => {
    expect(retiredAt([key('only', 0)], after(1_000_000), TOKEN_LIFE)).toEqual([]);
    expect(retiredAt([key('only', 0), key('next', 1_000_000)], after(999_999), TOKEN_LIFE)).toEqual([]);
  });

  it('each is judged by the one that came after it', () => {
    const keys = [key('first', 0), key('second', 100), key('third', 110)];
    expect(retiredAt(keys, after(116), TOKEN_LIFE).map(({ id }) => id)).toEqual(['first']);
    expect(retiredAt(keys, after(126), TOKEN_LIFE).map(({ id }) => id)).toEqual(['second', 'first']);
  });
});
