import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWithChromium, openChromium } from '../support/http/chromium.js';
import { Operator } from '../support/service/console.js';
import { eventually } from '../support/signals/wait.js';
import { type OpenOperations, openOperations } from '../support/service/open-operations.js';

const META = 'description: A long letter\nlane: default\n';
const GMAIL_CLIPS_BYTES = 102 * 1_024;

/** The part of the DOM that is asked here, which Node's types lack. */
interface Styled {
  ownerDocument: { defaultView: { getComputedStyle: (of: Styled) => { backgroundColor: string } } };
}

/** Bytes of UTF-8 on the wire: `ä` is two of them, and so is the end of a line. */
function letterOf(bytes: number): string {
  const [head, end] = ['<p>A long letter</p>\n<p>', '</p>'];
  const left = bytes - head.length - 1 - end.length;
  return `${head}${'ä'.repeat(Math.floor(left / 2))}${left % 2 === 1 ? 'a' : ''}${end}`;
}

describeWithChromium('the preview of templates, as operators see it', () => {
  let folder: string;
  let { chromium, operator, close } = {} as OpenOperations;
  let onDark: Awaited<ReturnType<typeof openChromium>>;
  let themes: Record<'light' | 'dark', Operator>;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'otpost-templates-'));
    for (const [name, html] of [
      ['just-short', letterOf(GMAIL_CLIPS_BYTES)],
      ['just-long', letterOf(GMAIL_CLIPS_BYTES + 1)],
      ['bare', '<p style="color: #000">Black</p>'],
      ['both', '<meta name="color-scheme" content="light dark"><p>In the colours of the reader</p>'],
    ] as const) {
      mkdirSync(join(folder, name, 'en'), { recursive: true });
      writeFileSync(join(folder, name, 'meta.yaml'), META);
      writeFileSync(join(folder, name, 'en/subject.liquid'), 'A long letter');
      writeFileSync(join(folder, name, 'en/html.liquid'), html);
    }
    ({ chromium, operator, close } = await openOperations({ env: { TEMPLATES_DIR: folder } }));
    const theirs = { storageState: await operator.page.context().storageState(), colorScheme: null };
    onDark = await openChromium(theirs, { dark: true });
    themes = {
      light: await Operator.open(await chromium.another(theirs), operator.url),
      dark: await Operator.open(onDark.context, operator.url),
    };
  });
  afterEach(() => {
    expect([operator, ...Object.values(themes)].flatMap(({ complaints }) => complaints)).toEqual([]);
  });
  afterAll(async () => {
    await onDark.close();
    await close();
    rmSync(folder, { recursive: true });
  });

  const main = () => operator.page.getByRole('main');
  /** What a reader sees behind the words. */
  const ground = async ({ page }: Operator): Promise<string> => {
    const mail = page.frameLocator('iframe');
    await mail.locator('.card').first().waitFor();
    return mail
      .locator('body')
      .evaluate((body: Styled) => body.ownerDocument.defaultView.getComputedStyle(body).backgroundColor);
  };
  const wide = ({ page }: Operator) => page.evaluate<number>('document.documentElement.scrollWidth');

  it.each(['light', 'dark'] as const)(
    'a mail stands in the colours that were asked for, on a %s page, on a phone too',
    async (theme) => {
      const one = themes[theme];
      const { page } = one;
      const seen = async (scheme: 'light' | 'dark'): Promise<void> => {
        await page.waitForURL(`**/verification-code?*scheme=${scheme}*`);
        const wanted = scheme === 'light' ? 'rgb(243, 244, 241)' : 'rgb(18, 20, 18)';
        await eventually(async () => (await ground(one)) === wanted, `the mail in ${scheme}`);
      };
      for (const width of [1_280, 390]) {
        await page.setViewportSize({ width, height: 844 });
        await one.open('/operations/templates/verification-code');
        await expect(page.evaluate(`matchMedia('(prefers-color-scheme: ${theme})').matches`)).resolves.toBe(true);
        await expect(ground(one)).resolves.toBe('rgb(243, 244, 241)');
        const colours = page.getByRole('group', { name: 'Colours' });
        await colours.getByRole('button', { name: 'Light', pressed: true }).focus();
        await page.keyboard.press('Tab');
        await page.keyboard.press('Enter');
        await colours.getByRole('button', { name: 'Dark', pressed: true }).waitFor();
        await seen('dark');
        await page.reload(); // a link shows others the same
        await seen('dark');
        expect(await one.axe()).toEqual([]);
        expect(await wide(one)).toBeLessThanOrEqual(width);
        await page.getByRole('button', { name: 'Text', exact: true }).click();
        await colours.waitFor({ state: 'detached' });
        await page.getByRole('button', { name: 'Rendered' }).click();
        await colours.getByRole('button', { name: 'Light' }).click();
        await seen('light');
      }
    },
  );

  it.each(['light', 'dark'] as const)(
    'a mail that knows nothing of dark stays as it is, and one that leaves colours to its reader does not, on a %s page',
    async (theme) => {
      const { page } = themes[theme];
      const pictureOf = async (name: string, scheme: string): Promise<Buffer> => {
        await themes[theme].open(`/operations/templates/${name}?scheme=${scheme}`);
        await page.getByText('HTML with the samples').waitFor();
        return page.frameLocator('iframe').locator('body').screenshot();
      };
      expect((await pictureOf('bare', 'dark')).equals(await pictureOf('bare', 'light'))).toBe(true);
      expect((await pictureOf('both', 'dark')).equals(await pictureOf('both', 'light'))).toBe(false);
    },
  );

  it('tells how large the HTML is, whatever is looked at', async () => {
    for (const view of ['html', 'text', 'source']) {
      await operator.open(`/operations/templates/verification-code?view=${view}`);
      await main()
        .getByText(/^HTML with the samples: \d+ kB$/)
        .waitFor();
    }
    await expect(main().getByText('Gmail clips it').count()).resolves.toBe(0);
  });

  it('warns of a mail that Gmail clips, from the first byte beyond 102 kB, on a phone too', async () => {
    await operator.open('/operations/templates/just-short');
    await main().getByText('HTML with the samples: 102 kB').waitFor();
    await expect(main().getByText('Gmail clips it').count()).resolves.toBe(0);
    for (const [width, colorScheme] of [
      [1_280, 'light'],
      [390, 'dark'],
    ] as const) {
      await operator.page.emulateMedia({ colorScheme });
      await operator.page.setViewportSize({ width, height: 844 });
      await operator.open('/operations/templates/just-long');
      const warning = main().getByRole('status').filter({ hasText: 'Gmail clips it' });
      await warning.getByText('HTML with the samples: 103 kB').waitFor();
      expect(await operator.axe()).toEqual([]);
      expect(await wide(operator)).toBeLessThanOrEqual(width);
    }
  });
});
