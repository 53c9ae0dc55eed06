import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { HANGS_MS } from '../signals/wait.js';
import { describeWhere } from '../signals/where.js';

/** What the gate found. */
const PATH = process.env['CHROMIUM'];

/** Tests in a real browser; the gate says aloud when there is none. */
export function describeWithChromium(title: string, tests: () => void): void {
  describeWhere(PATH !== undefined)(title, tests);
}

/**
 * Keeps what the browser complains of: faults of scripts, and whatever the policy of the page kept off. Not what is
 * meant.
 */
export function watchPage(page: Page, complaints: string[], meant?: RegExp): void {
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !meant?.test(message.text())) complaints.push(message.text());
  });
}

type Options = Parameters<Browser['newContext']>[0];

/**
 * A browser, and a context with cookies of its own in it; `another` opens one more, beside the first.
 * @param dark its machine is set to dark. The `colorScheme` of a context stands over what CSS says of a frame; where
 *   that is looked at, it is null, and the machine's counts.
 */
export async function openChromium(
  options?: Options,
  { dark = false } = {},
): Promise<{
  context: BrowserContext;
  another: (options?: Options) => Promise<BrowserContext>;
  close: () => Promise<void>;
}> {
  const browser = await chromium.launch({
    executablePath: PATH!,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...(dark ? ['--blink-settings=preferredColorScheme=0'] : []),
    ],
  });
  const another = async (more?: Options): Promise<BrowserContext> => {
    const context = await browser.newContext(more);
    context.setDefaultTimeout(HANGS_MS); // thirty seconds pass on a busy machine, and nothing is wrong
    return context;
  };
  return {
    context: await another(options),
    another,
    close: () => browser.close(),
  };
}
