import { generateKeyPairSync } from 'node:crypto';
import { getMetadataStorage } from 'class-validator';
import { Environment } from '../../../src/config/environment.js';
import { readSettings } from '../../../src/config/read-settings.js';
import { VARIABLES } from '../../../src/config/variables.js';
import { PRODUCTION_ENV } from './faults.js';

describe('VARIABLES', () => {
  it('names the variables that Environment validates, no more and no fewer', () => {
    const validated = getMetadataStorage().getTargetValidationMetadatas(Environment, '', false, false);
    const names = new Set(validated.map(({ propertyName }) => propertyName));
    expect([...names].sort()).toEqual(VARIABLES.map(({ name }) => name as string).sort());
  });

  it('gives examples that are accepted', () => {
    const examples = VARIABLES.filter(({ example }) => !example.startsWith('<')).map(({ name, example }) => [name, example]);
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const key = { DKIM_PRIVATE_KEY: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
    expect(() => readSettings({ ...PRODUCTION_ENV, ...key, ...(Object.fromEntries(examples) as Record<string, string>) })).not.toThrow();
  });

  it('explains each', () => {
    for (const variable of VARIABLES) {
      expect(variable.default).not.toBe('');
      expect(variable.meaning).toMatch(/\.$/);
    }
  });
});
