import { BodyBudget } from '../../../src/http/bodies.js';

describe('the room for bodies that are being received', () => {
  it('is taken by their bytes, and free again when they are received', () => {
    const budget = new BodyBudget<string>(100);
    expect([budget.take('a', 60), budget.take('a', 40), budget.bytes]).toEqual([[], [], 100]);
    budget.release('a');
    expect([budget.bytes, budget.take('b', 100)]).toEqual([0, []]);
  });

  it('is made by those that have been coming in for longest', () => {
    const budget = new BodyBudget<string>(100);
    for (const body of ['oldest', 'older', 'new']) budget.take(body, 30);
    budget.take('new', 10);
    expect(budget.take('newest', 40)).toEqual(['oldest', 'older']);
    expect(budget.bytes).toBe(80);
  });

  it('is not enough for one that alone is too large, whatever else there is', () => {
    const budget = new BodyBudget<string>(100);
    budget.take('a', 50);
    expect(budget.take('b', 101)).toEqual(['a', 'b']);
    expect(budget.bytes).toBe(0);
  });

  it('is not freed twice', () => {
    const budget = new BodyBudget<string>(100);
    budget.take('a', 50);
    budget.release('a');
    budget.release('a');
    expect(budget.bytes).toBe(0);
  });
});
