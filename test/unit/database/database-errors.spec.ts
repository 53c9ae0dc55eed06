import { databaseProblemOf, isDatabaseAway } from '../../../src/database/database-errors.js';

const withCode = (code: string) => Object.assign(new Error(code), { code });

describe('What a caller is told of an error of the database', () => {
  // As Prisma's adapter hands them on: a raw statement's, and one of its own.
  const wrapped = (code: string, originalCode: string) =>
    Object.assign(withCode(code), {
      meta: { driverAdapterError: { cause: { originalCode, kind: 'postgres', code: originalCode } } },
    });

  it.each(['22021', '22P05'])('is that a field cannot be stored, where that is the reason (%s)', (code) => {
    for (const error of [withCode(code), wrapped('P2010', code), wrapped('P2039', code)]) {
      expect(databaseProblemOf(error)).toMatchObject({ code: 'validation_failed', status: 422 });
    }
  });

  it('is to come back, where it is away, and nothing where the fault is ours', () => {
    expect(databaseProblemOf(wrapped('P2010', '57P01'))).toMatchObject({ code: 'unavailable', status: 503 });
    expect(databaseProblemOf(wrapped('P2010', '42601'))).toBeUndefined();
    expect(databaseProblemOf(new Error('x'))).toBeUndefined();
  });
});

describe('A database that does not answer as wished', () => {
  it.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'ETIMEDOUT',
    'EAI_AGAIN',
    'ENOTFOUND',
    'EHOSTUNREACH',
    '57P03',
    '53300',
    '25P03',
    '57014',
  ])('is waited for when it may be coming up, or is too busy (%s)', (code) =>
    expect(isDatabaseAway(withCode(code))).toBe(true),
  );

  it.each(['28P01', '28000', '3D000', '42501', 'SELF_SIGNED_CERT_IN_CHAIN'])(
    'is not waited for when only an operator can help (%s)',
    (code) => expect(isDatabaseAway(withCode(code))).toBe(false),
  );

  it('is waited for when it hangs up or stays silent, which the driver reports without a code', () => {
    expect(isDatabaseAway(new Error('timeout expired'))).toBe(true);
    expect(isDatabaseAway(new Error('Connection terminated unexpectedly'))).toBe(true);
    expect(isDatabaseAway(new Error('The server does not support SSL connections'))).toBe(false);
  });
});
