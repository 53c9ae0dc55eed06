import { type CallerIdentity, ownKeyOf } from '../../access/access.guard.js';

/** What calls that read ask for: a key that lacks the first scope sees what it sent itself. */
export const READS = { scope: 'emails:read', own: 'emails:read:own', role: 'viewer' } as const;

/** The same in words. */
export const READS_IN_WORDS = 'Scope emails:read, emails:read:own for what the key sent itself, or a viewer.';

/** The key whose messages a caller sees, where these are not all. */
export function ownerFor(caller: CallerIdentity): string | undefined {
  return ownKeyOf(caller, READS.scope, READS.own);
}

/** A message that a caller does not see is none for it: 404, whatever it asked for. */
export function sees(caller: CallerIdentity, { apiKeyId }: { apiKeyId: string | null }): boolean {
  const owner = ownerFor(caller);
  return owner === undefined || owner === apiKeyId;
}
