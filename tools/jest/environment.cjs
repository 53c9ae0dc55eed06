// Before any package of Nest: some of them ask for it before they load it, and which one a spec loads first is chance.
require('reflect-metadata');

/**
 * Where Jest runs a spec: in the realm of its own process, not in a context of `node:vm`. A worker then loads each
 * module of src/ and of the packages once, as the service does, and not anew, and cold, for each of 200 specs.
 * A spec therefore undoes what it changes in a module. What Jest itself changes for a spec is undone here.
 */
module.exports = class Environment {
  constructor() {
    this.global = globalThis;
    this.fakeTimers = null;
    this.fakeTimersModern = null;
    this.moduleMocker = null;
    this.before = { console: globalThis.console, exit: process.exit };
  }

  /** What a property draws is the same in each run of the gate; `FAULTS_SEED`, which `--long` sets, draws anew. */
  async setup() {
    // As the specs import it: what require() gives is another copy, with a seed of its own.
    const { default: fc } = await import('fast-check');
    fc.configureGlobal({ seed: Number(process.env.FAULTS_SEED ?? 1) });
  }

  async teardown() {
    globalThis.console = this.before.console;
    process.exit = this.before.exit;
    // jest-circus keeps a file's tests, and all that they hold, under a symbol of its own for each file.
    for (const key of Object.getOwnPropertySymbols(globalThis))
      if (key.description === 'JEST_STATE_SYMBOL') delete globalThis[key];
  }

  getVmContext() {
    return null;
  }
};
