import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LATE, makeLate } from '../../../tools/late.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

describe('A program that is made late on purpose', () => {
  const places = Object.entries(LATE).flatMap(([kind, all]) => all.map((place) => ({ kind, ...place })));

  it.each(places)('($kind) still has in $file: $at', (place) => {
    const source = readFileSync(ROOT + place.file, 'utf8');
    expect(makeLate(source, place)).toContain(place.instead);
  });

  it('is refused where the statement is not there, or not there alone', () => {
    const place = { file: 'some.ts', at: 'await it', instead: 'await later()' };
    expect(makeLate('a; await it; b', place)).toBe('a; await later(); b');
    expect(() => makeLate('await another', place)).toThrow('some.ts has "await it" 0 times: name the place in LATE.');
    expect(() => makeLate('await it; await it', place)).toThrow('2 times');
  });
});
