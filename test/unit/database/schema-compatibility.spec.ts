import { compareVersions, judgeCompatibility } from '../../../src/database/schema-history.js';

describe('Comparing versions', () => {
  it.each([
    ['0.1.0', '0.1.0', 0],
    ['0.1.1', '0.1.0', 1],
    ['0.1.9', '0.1.10', -1],
    ['0.10.0', '0.9.9', 1],
    ['1.0.0', '0.99.99', 1],
    ['9.0.0', '10.0.0', -1],
  ])('puts %s and %s in order by number, not by letter', (a, b, order) => {
    expect(Math.sign(compareVersions(a, b))).toBe(order);
  });

  it('leaves pre-release tags and build metadata out of account', () => {
    expect(compareVersions('1.2.3-rc.1', '1.2.3')).toBe(0);
    expect(compareVersions('1.2.3+build.7', '1.2.3')).toBe(0);
  });

  it.each(['', '1.2', 'v1.2.3', '1.2.3.4', 'latest'])('refuses %p, which is no version', (text) => {
    expect(() => compareVersions(text, '1.0.0')).toThrow(RangeError);
  });
});

describe('Judging a database that a newer build has migrated', () => {
  const versions = new Map([
    ['20270101000000_narrow', '0.4.0'],
    ['20270201000000_widen', '0.2.0'],
  ]);

  it('finds nothing to say when every migration is known', () => {
    expect(judgeCompatibility([], versions, '0.1.0')).toEqual({ kind: 'current' });
  });

  it('lets a build go on that is at least as new as the newest migration asks for', () => {
    expect(judgeCompatibility(['20270201000000_widen'], versions, '0.2.0')).toEqual({
      kind: 'newer, and fit for this build',
      migration: '20270201000000_widen',
    });
  });

  it('refuses a build that is older than the newest migration asks for', () => {
    expect(judgeCompatibility(['20270201000000_widen'], versions, '0.1.9')).toEqual({
      kind: 'too new',
      migration: '20270201000000_widen',
      oldestVersion: '0.2.0',
    });
  });

  it('goes by the newest unknown migration, which speaks of the schema as it is now', () => {
    const unknown = ['20270101000000_narrow', '20270201000000_widen'];
    expect(judgeCompatibility(unknown, versions, '0.3.0').kind).toBe('newer, and fit for this build');
  });

  it('refuses when the newest migration says nothing about older builds', () => {
    expect(judgeCompatibility(['20270301000000_silent'], versions, '0.9.0').kind).toBe('too new');
  });
});
