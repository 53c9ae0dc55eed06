import { type Context, createContext, Script } from 'node:vm';

/** Milliseconds: many hundred times what linear work takes here, so that a busy machine is no false alarm. */
const HANGS_AFTER_MS = 20_000;

const CALL = new Script('run()');
/** One for all, for making one takes longer than most of what is run. */
const ROOM: Context = createContext();

/**
 * Runs what is linear, and ends what hangs: V8 stops a regular expression in the middle of its backtracking too.
 * @throws where it hung
 */
export function inTime<T>(run: () => T, timeout = HANGS_AFTER_MS): T {
  ROOM['run'] = run;
  return CALL.runInContext(ROOM, { timeout }) as T;
}
