import { fingerprintOf, readIdempotencyKey } from '../../../../src/mail/submission/idempotency-policy.js';

describe('an Idempotency-Key', () => {
  it.each(['1', ' ', '"8e03978e-40d5-43dd-bc93-6894a57f9324"', '~'.repeat(256), 'order 4711, mail 1'])(
    'may be %j, taken as it is',
    (key) => expect(readIdempotencyKey([key])).toBe(key),
  );

  it('may be left out', () => {
    expect(readIdempotencyKey(undefined)).toBeUndefined();
    expect(readIdempotencyKey([])).toBeUndefined();
  });

  it.each([
    ['empty', [''], 'invalid_key'],
    ['longer than 256 characters', ['k'.repeat(257)], 'invalid_key'],
    ['beyond ASCII', ['schlüssel'], 'invalid_key'],
    ['with a tab', ['a\tb'], 'invalid_key'],
    ['with DEL', ['a\x7f'], 'invalid_key'],
    ['sent twice', ['one', 'two'], 'repeated'],
    ['sent twice, both the same', ['one', 'one'], 'repeated'],
  ])('is refused where it is %s', (_, values, code) => {
    const refused = refusalOf(() => readIdempotencyKey(values));
    expect(refused).toMatchObject({
      code: 'validation_failed',
      status: 422,
      errors: [{ field: 'Idempotency-Key', code }],
    });
  });
});

function refusalOf(work: () => unknown): object {
  try {
    work();
  } catch (error) {
    return (error as { toDocument(id: string): object }).toDocument('r');
  }
  throw new Error('it was not refused');
}

describe('the fingerprint of a request', () => {
  const of = (body: unknown, call = 'POST /v1/emails'): string => fingerprintOf({ call, body }).toString('hex');

  it('is the same for the same request, however its members stand', () => {
    const one = { to: 'ada@example.com', subject: 'Hello', metadata: { a: '1', b: '2' }, text: undefined };
    const other = { metadata: { b: '2', a: '1' }, subject: 'Hello', to: 'ada@example.com' };
    expect(of(one)).toBe(of(other));
    expect(of(one)).toMatch(/^[\da-f]{64}$/);
  });

  it('is another one for everything that differs', () => {
    const bodies: unknown[] = [
      {},
      [],
      '',
      null,
      undefined,
      0,
      '0',
      false,
      'false',
      'null',
      [[]],
      [[], []],
      [{}],
      { a: '' },
      { a: null },
      { a: 'b' },
      { a: ['b'] },
      { a: { b: '' } },
      { '': 'a' },
      { ab: '' },
      { a: '', b: '' },
      { a: 's0:b' },
      ['a', 'b'],
      ['b', 'a'],
      ['ab'],
      ['as1:b'],
      [1, 2],
      [12],
      ['1', 2],
      { to: 'ada@example.com' },
      { to: 'Ada@example.com' },
    ];
    expect(new Set(bodies.map((body) => of(body))).size).toBe(bodies.length);
    expect(of({}, 'POST /v1/verifications')).not.toBe(of({}));
  });
});
