/** Kinds of mail that must not wait for one another: codes, ordinary mail, fan-out. */
export const LANES = ['critical', 'default', 'bulk'] as const;
export type Lane = (typeof LANES)[number];

export function isLane(text: string): text is Lane {
  return (LANES as readonly string[]).includes(text);
}
