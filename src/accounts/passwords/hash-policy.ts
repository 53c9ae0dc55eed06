/** Argon2id as the OWASP Password Storage Cheat Sheet and ASVS 5.0 (11.4.2) ask for at least: 19 MiB, two passes, one lane. */
export const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
const VERSION = 19;

/** Hashes at one time in one process: each takes 19 MiB, and one of the four threads that libuv has for all such work. */
export const SIDE_BY_SIDE = 2;
/** Who may wait for them besides; at some 15 ms each the last one waits a second. */
const WAITING = 64;
/** Places in line altogether. */
export const PLACES = SIDE_BY_SIDE + WAITING;
/** Of them, for one requester: an office behind one address signs in, and a flood from there leaves three quarters to others. */
export const SHARE = Math.floor(PLACES / 4);
/** Seconds after which the line is empty again. */
export const BUSY_SECONDS = 1;

/** Whether a stored hash (PHC string format) costs a guesser less than one made now. */
export function isWeaker(stored: string): boolean {
  const [, version, memory, passes] = /^\$argon2id\$v=(\d+)\$m=(\d+),t=(\d+),p=\d+\$/.exec(stored) ?? [];
  if (version === undefined) return true;
  return Number(version) < VERSION || Number(memory) < PARAMETERS.memoryCost || Number(passes) < PARAMETERS.timeCost;
}
