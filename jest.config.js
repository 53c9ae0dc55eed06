import { fileURLToPath } from 'node:url';

/** @type {import('jest').Config} Works on what tools/bundle-tests.mjs makes of `test/`. */
export default {
  testEnvironment: '<rootDir>/tools/jest/environment.cjs',
  runtime: fileURLToPath(new URL('tools/jest/runtime.cjs', import.meta.url)),
  roots: ['<rootDir>/.tests'],
  testMatch: ['**/*.spec.js'],
  transform: {},
  testSequencer: '<rootDir>/tools/longest-first.mjs',
  // Ends what hangs, and nothing else: a machine may be busy. What takes a test too long is no fault of the code.
  testTimeout: 1_200_000,
  // A test that failed half-way may leave a server open; the gate must end all the same.
  forceExit: true,
  maxWorkers: 5,
};
