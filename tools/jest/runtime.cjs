const asyncHooks = require('node:async_hooks');
const { pathToFileURL } = require('node:url');

/** jest-circus finds the handlers of the file before under this symbol. */
const HANDLERS = Symbol.for('EVENT_HANDLERS');

/**
 * Stands in for the AsyncLocalStorage in which jest-circus keeps which test is running: there is one at a time. Each of
 * the real ones stays enabled for good (Node 20), and every promise then copies the stores of all files before.
 */
class OneAtATime {
  run(store, callback) {
    const before = this.store;
    this.store = store;
    const back = () => {
      this.store = before;
    };
    const result = callback();
    if (typeof result?.then === 'function') result.then(back, back);
    else back();
    return result;
  }

  getStore() {
    return this.store;
  }
}

/** What Jest asks of a runtime, answered by Node's own loader: neither mocks nor coverage are asked for here. */
class Runtime {
  /** jest-circus, anew for each spec: it keeps the tests of one. */
  requireInternalModule(path) {
    delete globalThis[HANDLERS];
    delete require.cache[path];
    const { AsyncLocalStorage } = asyncHooks;
    asyncHooks.AsyncLocalStorage = OneAtATime;
    try {
      return require(path);
    } finally {
      asyncHooks.AsyncLocalStorage = AsyncLocalStorage;
    }
  }

  requireModule(path) {
    return require(path);
  }

  unstable_shouldLoadAsEsm() {
    return true;
  }

  unstable_importModule(path) {
    return import(pathToFileURL(path).href);
  }

  /** Files name their maps at the end. */
  getSourceMaps() {
    return new Map();
  }

  getAllCoverageInfoCopy() {
    return undefined;
  }

  setGlobalsForRuntime() {}
  enterTestCode() {}
  leaveTestCode() {}
  teardown() {}
}

module.exports = { __esModule: true, default: Runtime };
