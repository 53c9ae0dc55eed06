/**
 * Preloaded into a process that is to be killed at an exact point: `FAULT_STOP=claimed:3` stops it for good when it
 * passes `claimed` for the third time, and says so on stderr. The process listens to its own milestones
 * (src/core/milestones.ts); nothing in src knows of this file or of that variable.
 */
import { subscribe } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';

const [point, nth] = process.env['FAULT_STOP'].split(':');
let passed = 0;

subscribe('otpost:milestone', (milestone) => {
  if (milestone !== point || ++passed < Number(nth)) return;
  writeSync(2, `fault: stopped at ${point}\n`);
  // The whole thread: no timer, no socket and no other delivery goes on until the kill.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
