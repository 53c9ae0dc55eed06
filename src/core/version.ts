import { readFileSync } from 'node:fs';

/** Of package.json, which stands beside `dist` in every installation. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
