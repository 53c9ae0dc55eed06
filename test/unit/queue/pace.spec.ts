import { Pace } from '../../../src/queue/drain.js';

describe('pace', () => {
  it('is nothing before anything ended', () => {
    expect(new Pace().read(1_000)).toBe(0);
  });

  it('is what ended in the last whole quarter of a second', () => {
    const pace = new Pace();
    for (const at of [0, 100, 200]) pace.count(at);
    pace.count(260);
    expect(pace.read(270)).toBe(3);
  });

  it('is what the running quarter brought already where that is more', () => {
    const pace = new Pace();
    pace.count(0);
    for (const at of [251, 252]) pace.count(at);
    expect(pace.read(253)).toBe(2);
  });

  it('is forgotten after a quarter of a second in which nothing ended', () => {
    const pace = new Pace();
    for (const at of [0, 1, 2]) pace.count(at);
    expect(pace.read(400)).toBe(3);
    expect(pace.read(600)).toBe(0);
  });
});
