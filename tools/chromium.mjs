import { existsSync } from 'node:fs';

/** Debian's shell without a window first: ten pages took it 4.0 s of processor, and the whole browser 9.7 s. */
const PROGRAMS = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium'];

/** Where a Chromium is, `CHROMIUM` before all. @returns {string | undefined} */
export function findChromium() {
  const given = process.env['CHROMIUM'];
  return (given === undefined ? PROGRAMS : [given]).find((path) => existsSync(path));
}
