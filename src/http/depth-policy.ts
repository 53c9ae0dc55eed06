/** Levels of members and lists in a body; the deepest that the API describes has four. */
export const MAX_DEPTH = 32;

/**
 * The member of `body` that is nested deeper than that, or undefined. What validates and transforms bodies goes down by
 * recursion, and a body of 64 KiB can be 30,000 levels deep: more than the stack holds. This looks level by level.
 */
export function tooDeepMember(body: unknown, maxDepth = MAX_DEPTH): string | undefined {
  let level = membersOf(body).map(([name, value]) => ({ member: name, value }));
  for (let depth = 1; depth < maxDepth && level.length > 0; depth++) {
    level = level.flatMap(({ member, value }) => membersOf(value).map(([, inner]) => ({ member, value: inner })));
  }
  return level.find(({ value }) => typeof value === 'object' && value !== null)?.member;
}

function membersOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) ? Object.entries(value) : [];
}
