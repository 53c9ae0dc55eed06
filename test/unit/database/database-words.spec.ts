import { databaseWords } from '../../../src/database/database-errors.js';

const withCode = (code: string, message = 'Invalid `prisma.$queryRaw()` invocation') =>
  Object.assign(new Error(message), { code });
/** As Prisma's adapter hands on what the driver told it. */
const wrapped = (code: string, cause: Record<string, unknown>) =>
  Object.assign(withCode(code), { name: 'PrismaClientKnownRequestError', meta: { driverAdapterError: { cause } } });

describe('Why Postgres was of no use', () => {
  it.each([
    [withCode('ECONNREFUSED'), 'connection refused (ECONNREFUSED)'],
    [withCode('ENOTFOUND'), 'no such host (ENOTFOUND)'],
    [withCode('ETIMEDOUT'), 'no answer in time (ETIMEDOUT)'],
    [withCode('53300'), 'it has too many connections (53300)'],
    [withCode('28P01'), 'the password is refused (28P01)'],
    [withCode('57P03'), 'it is starting up (57P03)'],
    [withCode('25006'), 'the database is read-only (25006)'],
    [withCode('53100'), 'its disk is full (53100)'],
    [wrapped('P2010', { originalCode: '57P01', kind: 'postgres' }), 'it shuts down, or ended the connection (57P01)'],
    [
      wrapped('P1001', { kind: 'DatabaseNotReachable', host: '127.0.0.1', port: 5432 }),
      'connection refused (ECONNREFUSED)',
    ],
    [
      wrapped('P1001', { kind: 'DatabaseNotReachable', host: '/run/postgresql/.s.PGSQL.5432' }),
      'connection refused (ECONNREFUSED)',
    ],
    [wrapped('P1001', { kind: 'DatabaseNotReachable', host: 'db.example.com' }), 'no such host (ENOTFOUND)'],
    [withCode('P1001'), 'it cannot be reached'],
    [wrapped('P2010', { kind: 'ConnectionClosed' }), 'the connection broke (ECONNRESET)'],
    [wrapped('P1008', { kind: 'SocketTimeout' }), 'no answer in time (ETIMEDOUT)'],
    [withCode('P2028'), 'a transaction got no connection, or took too long'],
    [new Error('timeout exceeded when trying to connect'), 'no answer in time'],
    [new Error('Connection terminated unexpectedly'), 'the connection broke'],
    [new Error('no answer to a request', { cause: withCode('ECONNREFUSED') }), 'connection refused (ECONNREFUSED)'],
    [withCode('42P01'), 'a statement failed (42P01)'],
    [new Error('relation "secrets" of ada@example.com'), 'a statement failed'],
    ['text', 'a statement failed'],
  ])('is told in plain words, without the names of classes and the text of errors (%#)', (error, words) =>
    expect(databaseWords(error)).toBe(words),
  );
});
