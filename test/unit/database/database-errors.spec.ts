import { isDatabaseAway } from '../../../src/database/database-errors.js';

const withCode = (code: string) => Object.assign(new Error(code), { code });

describe('A database that does not answer as wished', () => {
  it.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'ENOTFOUND', 'EHOSTUNREACH', '57P03', '53300', '57014'])(
    'is waited for when it may be coming up, or is too busy (%s)',
    (code) => expect(isDatabaseAway(withCode(code))).toBe(true),
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
