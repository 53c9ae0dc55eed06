/** What an API key may do. */
export const SCOPES = ['emails:send', 'emails:read', 'suppressions:read', 'suppressions:write', 'verifications', 'audiences', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export function isScope(text: string): text is Scope {
  return (SCOPES as readonly string[]).includes(text);
}

/** `admin` includes every other scope, those that are yet to come too. */
export function allows(held: readonly string[], needed: Scope): boolean {
  return held.includes(needed) || held.includes('admin');
}
