import { createHash } from 'node:crypto';
import { compareHistory } from '../../../src/database/schema-history.js';

const first = { name: '1_first', sql: 'CREATE TABLE a ();\nCREATE TABLE b ();\n' };
const second = { name: '2_second', sql: 'CREATE TABLE c ();\n' };

function applied({ name, sql }: { name: string; sql: string }) {
  return { migration_name: name, checksum: createHash('sha256').update(sql).digest('hex'), finished: true, logs: null };
}

describe('Comparing a database with the migrations of a build', () => {
  it('finds an empty database in need of all of them', () => {
    expect(compareHistory([], [first, second])).toEqual({
      pending: ['1_first', '2_second'],
      unknown: [],
      edited: [],
      interrupted: [],
      failed: undefined,
    });
  });

  it('finds nothing to do when all were applied', () => {
    const history = compareHistory([applied(first), applied(second)], [first, second]);
    expect(history).toMatchObject({ pending: [], unknown: [], edited: [] });
  });

  it('names what only the database knows', () => {
    expect(compareHistory([applied(first), applied(second)], [first]).unknown).toEqual(['2_second']);
  });

  it('names a migration whose text has changed since', () => {
    const history = compareHistory([applied(first)], [{ ...first, sql: 'CREATE TABLE other ();\n' }]);
    expect(history.edited).toEqual(['1_first']);
  });

  it('does not take other line endings for another text', () => {
    const windows = { ...first, sql: first.sql.replaceAll('\n', '\r\n') };
    expect(compareHistory([applied(first)], [windows]).edited).toEqual([]);
    expect(compareHistory([applied(windows)], [first]).edited).toEqual([]);
  });

  it('tells a migration that Postgres refused from one whose process was killed', () => {
    const refused = { ...applied(first), finished: false, logs: 'No such table: nope' };
    const killed = { ...applied(second), finished: false };
    expect(compareHistory([refused, killed], [first, second])).toMatchObject({
      pending: ['1_first', '2_second'],
      failed: { name: '1_first', logs: 'No such table: nope' },
      interrupted: ['2_second'],
    });
  });
});
