#!/usr/bin/env node
import 'reflect-metadata';
import { openOutput, OUTPUT_CLOSED } from './cli/output.js';
import { run } from './cli/run.js';

const output = openOutput({ out: process.stdout, err: process.stderr });
const code = await run(process.argv.slice(2), output);
// The last write may have failed by now; a turn of the loop later it is known.
setImmediate(() => (process.exitCode = output.closed ? OUTPUT_CLOSED : code));
