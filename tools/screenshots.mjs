/**
 * `npm run screenshots:mail`: what each mail looks like in Chromium, at the width of a phone and of a window, by day
 * and by night.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { BUNDLING } from './bundle-options.mjs';
import { findChromium } from './chromium.mjs';
import { readArguments } from './read-arguments.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const OUT = `${root}docs/screenshots/mail`;
const RENDERER = `${root}dist/compiler/templates.mjs`;
const USAGE = `Takes pictures of all mails, as contact sheets, into docs/screenshots/mail/.

  npm run screenshots:mail -- [OPTION …]

  --each FOLDER    keeps each picture there too, also with its pictures blocked
  -h, --help       this text`;
const { each } = readArguments(USAGE, { each: { type: 'string' } }).values;

const WIDTHS = [375, 600];
const SCHEMES = /** @type {const} */ (['light', 'dark']);
/** Of these, all languages are on one sheet. */
const IN_ALL_LANGUAGES = ['login-code', 'notice-new-device', 'invitation', 'broadcast'];
const LOCALES = ['en', 'de', 'es', 'fr', 'pt', 'fil'];
/** Of a cell: half of what was taken. */
const CELL = 0.5;

await build({
  ...BUNDLING,
  splitting: false,
  sourcemap: false,
  stdin: {
    contents: `export { Templates } from './templates.js'; export { brandOf } from './brand-policy.js'; export { samplesOf } from './template-policy.js';`,
    resolveDir: `${root}src/mail/content`,
    loader: 'ts',
  },
  outfile: RENDERER,
});
const { Templates, brandOf, samplesOf } = await import(pathToFileURL(RENDERER).href);
const brand = brandOf({
  color: '#146c5c',
  support: 'help@example.com',
  address: 'Acme Inc., 1 Main Street, Springfield',
});
const templates = new Templates(brand);

const browser = await chromium.launch({
  executablePath: findChromium() ?? 'chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
});

/** @param {string} name @param {string} locale */
function htmlOf(name, locale) {
  const facts = templates.known.get(name);
  const ours = {
    product: 'Acme',
    minutes: 10,
    unsubscribeUrl: facts.lane === 'bulk' ? 'https://example.com/unsubscribe' : '',
  };
  return templates.render(name, locale, { ...samplesOf(facts), ...ours }).html;
}

/** @param {{ name: string, locale: string }[]} mails @param {number} width @param {'light' | 'dark'} colorScheme */
async function picturesOf(mails, width, colorScheme) {
  const context = await browser.newContext({ viewport: { width, height: 400 }, colorScheme, javaScriptEnabled: false });
  await context.route('**', (route) => route.abort());
  const page = await context.newPage();
  const pictures = [];
  for (const { name, locale } of mails) {
    await page.setContent(htmlOf(name, locale));
    const picture = await page.screenshot({ fullPage: true });
    if (each) writeFileSync(`${each}/${name}.${locale}.${width}.${colorScheme}.png`, picture);
    pictures.push({ title: locale === 'en' ? name : `${name} (${locale})`, data: picture.toString('base64') });
  }
  await context.close();
  return pictures;
}

/** @param {string} file @param {{ title: string, data: string }[]} pictures @param {number} columns */
async function sheetOf(file, pictures, columns) {
  const page = await browser.newPage();
  const data = await page.evaluate(drawn, { pictures, columns, scale: CELL });
  writeFileSync(`${OUT}/${file}.webp`, Buffer.from(data.split(',')[1], 'base64'));
  await page.close();
}

/**
 * Runs in the browser: rows of pictures, each under its title. @param {{ pictures: { title: string, data: string }[],
 * columns: number, scale: number }} given
 */
async function drawn({ pictures, columns, scale }) {
  const images = await Promise.all(
    pictures.map(async ({ data }) => {
      const image = new Image();
      image.src = `data:image/png;base64,${data}`;
      await image.decode();
      return image;
    }),
  );
  const [gap, label] = [16, 22];
  const width = Math.max(...images.map((image) => image.width * scale));
  const heights = images.map((image) => image.height * scale);
  /** @type {number[]} */
  const bottoms = Array(columns).fill(gap);
  const places = heights.map((height) => {
    const column = bottoms.indexOf(Math.min(...bottoms));
    const place = { x: gap + column * (width + gap), y: bottoms[column] };
    bottoms[column] += height + label + gap;
    return place;
  });
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [gap + columns * (width + gap), Math.max(...bottoms)];
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  context.fillStyle = '#cfd3ce';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.font = '13px sans-serif';
  context.imageSmoothingQuality = 'high';
  for (const [index, image] of images.entries()) {
    const { x, y } = places[index];
    context.fillStyle = '#1c1d1b';
    context.fillText(pictures[index].title, x, y + 14);
    context.drawImage(image, x, y + label, image.width * scale, image.height * scale);
  }
  return canvas.toDataURL('image/webp', 0.72);
}

if (each) mkdirSync(each, { recursive: true });
rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT, { recursive: true });
const english = [...templates.known.keys()].sort().map((name) => ({ name, locale: 'en' }));
for (const width of WIDTHS)
  for (const scheme of SCHEMES)
    await sheetOf(`${width}-${scheme}`, await picturesOf(english, width, scheme), width < 500 ? 8 : 6);
const languages = IN_ALL_LANGUAGES.flatMap((name) => LOCALES.map((locale) => ({ name, locale })));
await sheetOf('languages', await picturesOf(languages, 375, 'light'), LOCALES.length);
await browser.close();
rmSync(`${root}dist/compiler`, { recursive: true, force: true });
const bytes = [...WIDTHS.flatMap((width) => SCHEMES.map((scheme) => `${width}-${scheme}`)), 'languages'].map(
  (file) => readFileSync(`${OUT}/${file}.webp`).length,
);
console.log(
  `${bytes.length} sheets, ${Math.round(bytes.reduce((sum, size) => sum + size, 0) / 1_000)} kB, in docs/screenshots/mail/`,
);
