import { directionOf, localeAskedFor, nearestLocaleIn } from '../../../src/core/locales.js';

describe('the nearest language', () => {
  it.each([
    ['de-AT', 'de'],
    ['DE_at', 'de'],
    ['pt-br', 'pt-BR'],
    ['pt-PT', 'pt'],
    ['tl-PH', 'fil'],
    ['nl', 'en'],
    ['', 'en'],
  ])('to %j is %s', (wanted, nearest) => {
    expect(nearestLocaleIn(['de', 'en', 'fil', 'pt', 'pt-BR'], wanted)).toBe(nearest);
  });

  it('is one that there is, where there is no English', () => {
    expect(nearestLocaleIn(['ar', 'he'], 'fr')).toBe('ar');
  });
});

describe('the language that a request asks for', () => {
  it.each([
    ['de-AT,de;q=0.9,en;q=0.8', 'de-AT'],
    ['nl, fr;q=0.5, es;q=0.7', 'es'],
    ['en;q=0.1, pt-BR', 'pt-BR'],
    ['tl', 'tl'],
    ['de;q=0, en', 'en'],
    ['zh-CN', undefined],
    ['*', undefined],
    ['', undefined],
    [undefined, undefined],
    ['de;q=2', undefined],
    [`${'x'.repeat(600)},de`, undefined],
  ])('by %j is %s', (header, locale) => {
    expect(localeAskedFor(header)).toBe(locale);
  });
});

it('Hebrew, Arabic and Persian are read from the right', () => {
  expect(['ar-EG', 'iw', 'fa', 'de', 'fil'].map(directionOf)).toEqual(['rtl', 'rtl', 'rtl', 'ltr', 'ltr']);
});
