import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readSettings, VARIABLES } from '../../../src/configuration.js';
import { PRODUCTION_ENV, refusal } from './faults.js';

describe('VARIABLES', () => {
  it('has every variable judged by class-validator', () => {
    for (const { name } of VARIABLES) {
      const fault = refusal({ [name]: name === 'DATA_DIR' ? '~' : '\u0001' }).faults.find(
        ({ variable }) => variable === name,
      );
      expect([name, fault?.remedy.join(' ')]).toEqual([name, expect.stringContaining('such as ') as string]);
    }
  });

  it('gives examples that are accepted', () => {
    const examples = VARIABLES.filter(({ example }) => !example.startsWith('<')).map(({ name, example }) => [
      name,
      example,
    ]);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = { DKIM_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    expect(() =>
      readSettings({ ...PRODUCTION_ENV, ...key, ...(Object.fromEntries(examples) as Record<string, string>) }),
    ).not.toThrow();
  });

  it('is the table of the README, row by row', () => {
    const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
    const rows = VARIABLES.map(
      ({ name, default: otherwise, meaning }) => `| \`${name}\` | ${otherwise} | ${meaning} |`,
    );
    expect(readme.split('\n').filter((line) => /^\| `[A-Z_]+` \|/.test(line))).toEqual(rows);
  });

  it('explains each', () => {
    for (const variable of VARIABLES) {
      expect(variable.default).not.toBe('');
      expect(variable.meaning).toMatch(/\.$/);
    }
  });
});
