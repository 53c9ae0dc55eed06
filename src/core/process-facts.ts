import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/** The folder of package.json, prisma/ and templates/, beside `src` as well as beside `dist`, bundled or not. */
export const PACKAGE_ROOT = new URL('../../', import.meta.url);

export const VERSION: string = (
  JSON.parse(readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8')) as { version: string }
).version;

/** Names this process in the timeline of a message. */
export const WORKER_NAME = `${hostname()}:${process.pid}`;
