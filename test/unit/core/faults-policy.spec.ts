import {
  hasTooManyMembers,
  refusalOf,
  TooManyFaults,
  unknownField,
  unknownFieldsRefusal,
} from '../../../src/core/validation.js';

const fields = (count: number): string[] => Array.from({ length: count }, (_, n) => `f${n}`);
const object = (count: number): object => Object.fromEntries(fields(count).map((name) => [name, 1]));

describe('the faults of a request', () => {
  it('are all named up to twenty, and of more than that the first, and how many more there are', () => {
    expect(refusalOf(fields(20).map(unknownField)).toDocument('id')).toMatchObject({
      code: 'validation_failed',
      errors: fields(20).map((field) => ({ field })),
    });
    const refusal = refusalOf(fields(21).map(unknownField));
    expect(refusal).toBeInstanceOf(TooManyFaults);
    const document = refusal.toDocument('id');
    expect([document.errors!.length, document['moreErrors'], document.detail]).toEqual([
      20,
      1,
      '21 fields are not acceptable; the first 20 are named.',
    ]);
  });

  it('are counted with those that were told by nobody', () => {
    const document = refusalOf(fields(20).map(unknownField), 30).toDocument('id');
    expect([document.errors!.length, document['moreErrors']]).toEqual([20, 10]);
  });

  it('are known at a glance where most fields are unknown', () => {
    const known = new Set(fields(5));
    expect(unknownFieldsRefusal(object(25), known)).toBeUndefined();
    expect(unknownFieldsRefusal({ f0: 1, other: 1, toString: 1 }, known)!.toDocument('id').errors).toEqual([
      unknownField('other'),
      unknownField('toString'),
    ]);
    const document = unknownFieldsRefusal(object(26), known)!.toDocument('id');
    expect([document.errors![0], document.errors!.length, document['moreErrors']]).toEqual([unknownField('f5'), 20, 1]);
  });

  it('of a body with too many members and items are not looked for, on whatever level those are', () => {
    for (const body of [
      object(11),
      Array(11).fill(1),
      { a: Array(11).fill(1) },
      [[1, 2, 3], [4, 5, 6], { a: [7, 8, 9] }],
    ])
      expect(hasTooManyMembers(body, 10)).toBe(true);
    for (const body of [object(10), 'x'.repeat(100), Buffer.alloc(100), null, undefined, [[[[]]]]])
      expect(hasTooManyMembers(body, 10)).toBe(false);
  });
});
