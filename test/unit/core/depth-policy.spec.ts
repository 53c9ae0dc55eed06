import { tooDeepMember } from '../../../src/core/validation.js';

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

describe('how deep a body may be', () => {
  it('names the member that is too deep, and none where all are within', () => {
    expect(tooDeepMember({ email: 'ada@example.com', data: nested(2) }, 3)).toBeUndefined();
    expect(tooDeepMember({ email: 'ada@example.com', data: nested(3) }, 3)).toBe('data');
    expect(tooDeepMember({ many: [1, [2, [3, [4]]]] }, 3)).toBe('many');
  });

  it('does not go down by itself: 100,000 levels are no harm', () => {
    expect(tooDeepMember({ data: nested(100_000) })).toBe('data');
    expect(tooDeepMember(nested(100_000))).toBeDefined();
  });

  it.each([[undefined], [null], ['text'], [1], [Buffer.alloc(100)], [{}], [[]], [{ data: Buffer.alloc(100) }]])(
    '%p is within',
    (body) => {
      expect(tooDeepMember(body)).toBeUndefined();
    },
  );
});
