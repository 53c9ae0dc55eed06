import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { readable } from '../../../../src/core/contrast.js';
import { brandColours, COLOURS, dressOf, ICON } from '../../../../src/http/pages/look.js';
import { brandOf } from '../../../../src/mail/content/brand-policy.js';

const WEB = new URL('../../../../web/src/', import.meta.url);
/** Of the light and the dark half of a style sheet. */
function coloursIn(style: string): Map<string, string>[] {
  const [light = '', dark = ''] = style.split('@media (prefers-color-scheme: dark)');
  return [light, dark].map(
    (half) =>
      new Map(
        [...half.matchAll(/(--[\w-]+): (#[\da-f]{3,6})/g)].map(([, name, value]): [string, string] => [
          name!,
          value!.length === 4 ? value!.replaceAll(/[\da-f]/g, '$&$&') : value!,
        ]),
      ),
  );
}

describe('how pages look', () => {
  it('is in the colours of Operations, light and dark, and under the same icon', () => {
    const operations = coloursIn(readFileSync(new URL('base.css', WEB), 'utf8').split('*, *::before')[0]!);
    coloursIn(COLOURS).forEach((ours, half) => {
      const shared = [...ours].filter(([name]) => operations[half]!.has(name));
      expect(shared.length).toBeGreaterThan(6);
      for (const [name, value] of shared) expect([name, value]).toEqual([name, operations[half]!.get(name)]);
    });
    const drawn = (svg: string) =>
      [...svg.matchAll(/ (?:d|x|y|rx|width|height)=["']([^"']+)/g)].map(([, value]) => value);
    expect(drawn(decodeURIComponent(ICON))).toEqual(drawn(readFileSync(new URL('icon.svg', WEB), 'utf8')));
  });

  it('has words that can be read in and on any colour of a brand', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffff }), (number) => {
        const color = `#${number.toString(16).padStart(6, '0')}`;
        const [light, dark] = coloursIn(brandColours(brandOf({ color })));
        for (const [half, sheet] of [
          [light!, '#ffffff'],
          [dark!, '#1a1f1e'],
        ] as const) {
          const full = (name: string) => half.get(name)!;
          expect([color, readable(full('--on-button'), full('--button'))]).toEqual([color, true]);
          expect([color, readable(full('--accent'), sheet)]).toEqual([color, true]);
        }
      }),
      { examples: [[0], [0xffffff], [0xb3261e], [0x808080]] },
    );
  });

  it('lets a picture in from where the logo is, and from nowhere else', () => {
    const mail = {
      brand: { color: '#146c5c', logoUrl: 'https://cdn.example.com/logo.png' },
      from: { name: 'A', address: 'a@b.c' },
    };
    const { policy } = dressOf({ mail } as Parameters<typeof dressOf>[0]).look('', false);
    expect(policy).toContain('img-src data: https://cdn.example.com;');
    expect(policy).not.toContain('script-src');
  });
});
