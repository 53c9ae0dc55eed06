import type { DatabaseFinding } from '../../../src/doctor/database-probe.js';
import { databaseVerdicts, fitsSchema } from '../../../src/doctor/database-verdict.js';

const UP: Extract<DatabaseFinding, { kind: 'up' }> = {
  kind: 'up',
  url: 'postgres://ada:secret@db.example.com/otpost',
  version: '18.1 (Debian)',
  connectMs: 20,
  ms: 1,
  skewMs: 12,
  skewErrorMs: 1,
  timeZone: 'Asia/Tokyo',
  readOnly: false,
  maxConnections: 100,
  reservedConnections: 3,
  usedConnections: 10,
  history: { pending: [], unknown: [], edited: [], interrupted: [], failed: undefined },
  migrations: 5,
  oldestVersions: new Map(),
};
const CONTEXT = { name: 'db.example.com', migrateOnStart: true, perProcess: 16, version: '0.1.0' };

function told(change: Partial<typeof UP>, name: string, context: Partial<typeof CONTEXT> = {}) {
  const check = databaseVerdicts({ ...UP, ...change }, { ...CONTEXT, ...context }).find((one) => one.name === name);
  return [check?.status, check?.summary];
}

function history(change: Partial<typeof UP.history>) {
  return { history: { ...UP.history, ...change } };
}

describe('Postgres', () => {
  it('that is well says so, without its password', () => {
    const checks = databaseVerdicts(UP, CONTEXT);
    expect(checks.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok']);
    expect(checks[0]!.summary).toContain('PostgreSQL 18.1 answers');
    expect(JSON.stringify(checks)).not.toContain('secret');
  });

  it.each([
    ['28P01', 'password authentication failed', /user and the password/],
    ['3D000', 'database "x" does not exist', /Create the database/],
    ['53300', 'too many clients', /DATABASE_POOL/],
    ['ECONNREFUSED', 'connect ECONNREFUSED', /that PostgreSQL runs/],
    [undefined, 'timeout expired', /that PostgreSQL runs/],
    [undefined, 'The server does not support SSL connections', /^Turn on TLS/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', /sslrootcert=FILE/],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'unable to get local issuer certificate', /sslrootcert=FILE/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames", /as its certificate does/],
    ['CERT_HAS_EXPIRED', 'certificate has expired', /renew/],
    ['ENOENT', "no such file or directory, open '/ca.pem'", /path of the file/],
  ])('that is away (%s) fails', (code, message, advises) => {
    const checks = databaseVerdicts({ kind: 'away', error: { code, message } }, CONTEXT);
    expect(checks).toEqual([
      expect.objectContaining({
        status: 'fail',
        summary: expect.stringContaining(message) as string,
        remedy: expect.stringMatching(advises) as string,
      }),
    ]);
  });

  it('of a first minute that is over asks to be started', () => {
    expect(databaseVerdicts({ kind: 'not_running' }, CONTEXT)).toEqual([
      expect.objectContaining({ status: 'warn', remedy: expect.stringContaining('npm start') as string }),
    ]);
  });

  it('that takes no writes, or is far away, is told', () => {
    expect(told({ readOnly: true }, 'db.example.com')).toEqual(['fail', expect.stringContaining('read-only')]);
    expect(told({ ms: 80 }, 'db.example.com')).toEqual(['warn', expect.stringContaining('far away')]);
  });

  it.each([
    [
      'lacks migrations that the next start applies',
      history({ pending: ['b'] }),
      {},
      'warn',
      /1 of 5 are not applied yet: b/,
    ],
    [
      'lacks migrations that no start applies',
      history({ pending: ['b'] }),
      { migrateOnStart: false },
      'fail',
      /not applied/,
    ],
    ['has a migration that failed', history({ failed: { name: 'b', logs: 'x' } }), {}, 'fail', /migration b failed/],
    [
      'is newer, and fits',
      { ...history({ unknown: ['z'] }), oldestVersions: new Map([['z', '0.1.0']]) },
      {},
      'warn',
      /still works/,
    ],
    [
      'is too new',
      { ...history({ unknown: ['z'] }), oldestVersions: new Map([['z', '0.2.0']]) },
      {},
      'fail',
      /no longer fits/,
    ],
    ['comes from another build', history({ edited: ['a'] }), {}, 'warn', /other texts/],
  ])('whose schema %s', (_what, change, context, status, says) => {
    expect(told(change, 'migrations', context)).toEqual([status, expect.stringMatching(says)]);
  });

  it('is read further only where the tables are those of this build', () => {
    expect(fitsSchema(UP, '0.1.0')).toBe(true);
    expect(fitsSchema({ ...UP, ...history({ pending: ['b'] }) }, '0.1.0')).toBe(false);
    expect(
      fitsSchema({ ...UP, ...history({ unknown: ['z'] }), oldestVersions: new Map([['z', '0.2.0']]) }, '0.1.0'),
    ).toBe(false);
  });

  it('has to have connections for one more process', () => {
    expect(told({ usedConnections: 90 }, 'connections')).toEqual([
      'warn',
      '90 of 97 in use; one process opens at most 16: one more process may find none',
    ]);
    expect(told({ maxConnections: 15 }, 'connections')[0]).toBe('fail');
  });

  it('has a clock that is near ours', () => {
    const clock = 'this host and Postgres';
    expect(told({ skewMs: -1_900 }, clock)).toEqual(['ok', '1900 ms apart']);
    expect(told({ skewMs: 3_000 }, clock)).toEqual(['warn', expect.stringContaining('3.0 s behind Postgres')]);
    expect(told({ skewMs: -61_000 }, clock)).toEqual(['warn', expect.stringContaining('61.0 s ahead of Postgres')]);
    expect(told({ skewMs: 3_000, skewErrorMs: 1_500 }, clock)[0]).toBe('ok');
  });
});
