import { readFileSync } from 'node:fs';
import { VARIABLES } from '../../../src/configuration.js';
import { parseRate } from '../../../src/core/rate.js';
import { DEVICE_RATES, NEW_ADDRESS_RATE_OF_ALL, NEW_ADDRESS_RATES } from '../../../src/limits/limit-policy.js';
import { DEFAULT_LIMITS } from '../../support/service/limits.js';

const SECURITY = readFileSync(new URL('../../../docs/security.md', import.meta.url), 'utf8');

describe('docs/security.md', () => {
  it('has every limit in its table, with the default that holds', () => {
    const rows = [...SECURITY.matchAll(/^\| `[a-z-]+` \| .+ \| (\S+) \| `(LIMIT_\w+)` \|$/gm)].map(
      ([, value, name]) => [name, value],
    );
    expect(Object.fromEntries(rows)).toEqual(DEFAULT_LIMITS);
  });

  it('tells the budget of an address that somebody wants for their account', () => {
    const [, each, all] =
      /; and (\S+) by each account that wants it for itself, (\S+) by all of them/.exec(SECURITY) ?? [];
    expect(each?.split(',').map(parseRate)).toEqual(NEW_ADDRESS_RATES);
    expect(parseRate(all!)).toEqual(NEW_ADDRESS_RATE_OF_ALL);
  });

  it('tells the budget of a known device', () => {
    const told = /of its own: (\S+), whatever/.exec(SECURITY)?.[1];
    expect(told?.split(',').map(parseRate)).toEqual(DEVICE_RATES);
  });
});

describe('the table of variables', () => {
  it('has the same defaults', () => {
    const rows = VARIABLES.filter(({ name }) => name in DEFAULT_LIMITS).map((variable) => [
      variable.name,
      variable.default,
    ]);
    expect(Object.fromEntries(rows)).toEqual(DEFAULT_LIMITS);
  });
});
