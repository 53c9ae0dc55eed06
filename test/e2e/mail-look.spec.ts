import { readFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import { brandOf } from '../../src/mail/content/brand-policy.js';
import { samplesOf } from '../../src/mail/content/template-policy.js';
import { Templates } from '../../src/mail/content/templates.js';
import { describeWithChromium, openChromium } from '../support/http/chromium.js';

/** Of text of any size (WCAG 2.2, 1.4.3, level AA). */
const LEAST_CONTRAST = 4.5;
const BRANDS = {
  'the colour of ours': brandOf({ color: '#146c5c', support: 'help@example.com', address: '1 Main Street' }),
  'a light colour, and a logo that is not loaded': brandOf({
    color: '#ffd500',
    logoUrl: 'https://example.com/logo.png',
  }),
};

interface Seen {
  /** Of what is too pale: the words, and how much they stand out. */
  pale: [string, number][];
  overflows: boolean;
  words: string;
}

/** A function of the least contrast, for the page: tests know no document. */
const LOOK = readFileSync('test/support/http/look.js', 'utf8');

describeWithChromium('mails in a browser', () => {
  let chromium: Awaited<ReturnType<typeof openChromium>>;
  beforeAll(async () => {
    chromium = await openChromium();
  });
  afterAll(() => chromium.close());

  async function eachMail(
    brand: (typeof BRANDS)[keyof typeof BRANDS],
    page: Page,
    tell: (name: string, seen: Seen) => void,
  ): Promise<void> {
    const templates = new Templates(brand);
    for (const facts of templates.known.values()) {
      const given = { ...samplesOf(facts), product: 'Acme', minutes: 10, unsubscribeUrl: 'https://example.com/leave' };
      await page.setContent(templates.render(facts.name, 'de', given).html);
      tell(facts.name, await page.evaluate<Seen>(`(${LOOK.slice(LOOK.indexOf('function'))})(${LEAST_CONTRAST})`));
    }
  }

  describe.each(Object.entries(BRANDS))('with %s', (_, brand) => {
    it.each(['light', 'dark'] as const)(
      'can be read at the width of a telephone, with pictures off: %s',
      async (colorScheme) => {
        const context: BrowserContext = await chromium.another({ viewport: { width: 375, height: 700 }, colorScheme });
        await context.route('**', (route) => route.abort());
        await eachMail(brand, await context.newPage(), (name, { pale, overflows, words }) => {
          expect([name, pale, overflows]).toEqual([name, [], false]);
          if (brand.logoUrl === '') expect(words).toContain('Acme');
        });
        await context.close();
      },
    );
  });
});
