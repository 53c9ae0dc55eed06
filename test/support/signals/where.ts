/**
 * For tests that need what not every machine has; the gate names those that it skips. Looked up at each call: a support
 * module outlives the spec that loaded it, and each spec has a `describe` and an `it` of its own.
 */
export function describeWhere(there: unknown): typeof describe.skip {
  return there ? describe : describe.skip;
}

/** The same for one test, beside the others of its file. */
export function concurrentWhere(there: unknown): typeof it.concurrent {
  return there ? it.concurrent : it.concurrent.skip;
}
