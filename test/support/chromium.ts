import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const PATH = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Tests in a real browser; the gate says aloud when there is none. */
export const describeWithChromium = existsSync(PATH) ? describe : describe.skip;

type Options = Parameters<typeof chromium.launchPersistentContext>[1];

/** A browser of its own, with its own cookies. */
export async function openChromium(options: Options = {}): Promise<{ context: BrowserContext; close: () => Promise<void> }> {
  const profile = await mkdtemp(join(tmpdir(), 'otpost-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    ...options,
    executablePath: PATH,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    context,
    close: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}
