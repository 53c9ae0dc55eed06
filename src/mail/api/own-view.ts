import { type CallerIdentity, type KeyCaller, ownerOf } from '../../access/access.guard.js';

/** What calls that read ask for: a key that lacks the first scope sees what it sent itself. */
export const READS = { scope: 'emails:read', own: 'emails:read:own', role: 'viewer' } as const;

/** The same in words. */
export const READS_IN_WORDS = 'Scope emails:read, emails:read:own for what the key sent itself, or a viewer.';

/** A key that sees its own messages alone. */
export function ownerFor(caller: CallerIdentity): KeyCaller | undefined {
  return ownerOf(caller, READS.scope, READS.own);
}

/**
 * The keys whose messages a caller sees, where these are not all: a key that took over sees what the former one sent.
 */
export async function ownersFor(caller: CallerIdentity): Promise<readonly string[] | undefined> {
  return ownerFor(caller)?.line();
}

/** A message that a caller does not see is none for it: 404, whatever it asked for. */
export async function sees(caller: CallerIdentity, { apiKeyId }: { apiKeyId: string | null }): Promise<boolean> {
  const owner = ownerFor(caller);
  if (owner === undefined || owner.key.id === apiKeyId) return true;
  return apiKeyId !== null && (await owner.line()).includes(apiKeyId);
}
