import { existsSync, readFileSync } from 'node:fs';

const PAGE = readFileSync('docs/security.md', 'utf8');
const ROWS = PAGE.slice(PAGE.indexOf('## OWASP ASVS'))
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()));

/** The requirements that concern accounts, one-time codes and the mail that carries them. */
const REQUIREMENTS =
  '1.3.11 2.3.3 2.3.4 2.4.1 4.1.3 6.1.1 6.2.1 6.2.4 6.2.5 6.2.8 6.2.9 6.2.12 6.3.1 6.3.7 6.3.8 6.4.1 6.4.3 6.5.1 6.5.3 6.5.4 6.5.5 6.6.2 6.6.3 ' +
  '7.2.3 7.2.4 7.3.1 7.3.2 7.4.1 7.4.2 7.4.3 7.5.1 7.5.2 11.2.4 11.4.2 13.1.3 14.2.1 16.2.5 16.3.1 16.5.2 16.5.3';

describe('docs/security.md', () => {
  it('has one row for each requirement', () => {
    expect(ROWS.map(([, requirement]) => requirement!.split(' ')[0]).join(' ')).toBe(REQUIREMENTS);
  });

  it.each(ROWS.map(([, requirement, how, shown]) => [requirement!, how!, shown!]))(
    'names a test that is there for %s, or says that it is not met',
    (_, how, shown) => {
      if (how.startsWith('**Not met**')) return expect(shown).toBe('');
      const [, file, sentence] = /^`([^`]+)`: (.+)$/.exec(shown) ?? [];
      expect(existsSync(file!)).toBe(true);
      expect(readFileSync(file!, 'utf8')).toContain(sentence);
    },
  );
});
