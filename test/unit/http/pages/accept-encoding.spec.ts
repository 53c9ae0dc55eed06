import { codingsTaken } from '../../../../src/http/pages/accept-encoding.js';

describe('Of the codings that we have, one who asks takes', () => {
  it.each<[string | undefined, string[]]>([
    ['gzip, deflate, br, zstd', ['br', 'gzip']],
    ['gzip;q=1.0,deflate;q=0.6,identity;q=0.3', ['gzip']],
    ['br', ['br']],
    ['GZIP ; q=0.001', ['gzip']],
    ['br;q=0, gzip', ['gzip']],
    ['br;q=0.000,gzip;q=0', []],
    ['br;q=x', []],
    ['brotli, x-gzip', []],
    ['identity', []],
    ['', []],
    [undefined, []],
  ])('%j: %j', (accepted, taken) => expect(codingsTaken({ 'accept-encoding': accepted })).toEqual(taken));
});
