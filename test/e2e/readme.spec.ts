import { readFile } from 'node:fs/promises';
import { VARIABLES } from '../../src/configuration.js';

describe('the README', () => {
  it('explains every variable in its table, with its default', async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
    for (const variable of VARIABLES) {
      expect(readme).toContain(`| \`${variable.name}\` | ${variable.default.replaceAll('|', '\\|')} |`);
    }
  });
});
