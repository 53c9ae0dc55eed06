import { createContext, Script } from 'node:vm';

/** Milliseconds: many hundred times what linear work takes here, so that a busy machine is no false alarm. */
const HANGS_AFTER_MS = 20_000;

const CALL = new Script('run()');

/** Runs what is linear, and ends what hangs: V8 stops a regular expression in the middle of its backtracking too. @throws where it hung */
export function inTime<T>(run: () => T, timeout = HANGS_AFTER_MS): T {
  return CALL.runInContext(createContext({ run }), { timeout }) as T;
}
