#!/usr/bin/env node
import 'reflect-metadata';
import { run } from './cli/run.js';

process.exitCode = await run(process.argv.slice(2), {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
});
