/** Kinds of mail that must not wait for one another: codes, ordinary mail, fan-out. */
export const LANES = ['critical', 'default', 'bulk'] as const;
export type Lane = (typeof LANES)[number];
