import { offsetOf } from '../../../src/database/database-clock.js';

/** A clock that is 5,000 ms ahead, looked at `out` ms after the question, its answer `back` ms on the way. */
const reading = (asked: number, out: number, back: number, ahead = 5_000) => ({
  asked,
  said: asked + out + ahead,
  answered: asked + out + back,
});

describe('how far a clock is ahead', () => {
  it('is told by the reading that took the shortest', () => {
    expect(offsetOf([reading(0, 400, 10), reading(1_000, 1, 1), reading(2_000, 3, 30)])).toBe(5_000);
  });

  it('is wrong by half the time of the reading at most', () => {
    expect(offsetOf([reading(0, 40, 0)])).toBe(5_020);
    expect(offsetOf([reading(0, 0, 40)])).toBe(4_980);
  });

  it('stays what it was while no reading proves it wrong, however slow or lopsided they are', () => {
    for (const one of [reading(0, 9_000, 1), reading(0, 1, 9_000), reading(0, 20, 20)])
      expect(offsetOf([one], 5_001)).toBe(5_001);
  });

  it('moves as far as it was proved wrong, in both directions', () => {
    expect(offsetOf([reading(0, 2, 2)], 5_060)).toBe(5_002);
    expect(offsetOf([reading(0, 2, 2)], 4_940)).toBe(4_998);
    expect(offsetOf([reading(0, 2, 2, 5_000 + 3_600_000)], 5_000)).toBe(3_604_998);
  });
});
