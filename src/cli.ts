#!/usr/bin/env node
import type { Terminal } from './cli/io.js';
import { run } from './cli/run.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

const terminal: Terminal = {
  // Opened by those who read it.
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  envFile: '.env',
  async interruptible(work) {
    const interruption = new AbortController();
    const interrupt = (): void => interruption.abort();
    for (const signal of SIGNALS) process.once(signal, interrupt);
    try {
      return await work(interruption.signal);
    } finally {
      for (const signal of SIGNALS) process.off(signal, interrupt);
    }
  },
};

process.exitCode = await run(process.argv.slice(2), terminal);
