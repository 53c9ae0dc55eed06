import type { Keyring } from '../../core/keyring.js';
import type { ClaimedEndpoint } from './webhook-rows.js';

/** Binds a sealed secret to its endpoint. */
export function sealContext(endpointId: string): string {
  return `webhook-endpoint:${endpointId}`;
}

type SealedSecrets = Pick<ClaimedEndpoint, 'id' | 'sealedSecret' | 'sealKeyId' | 'sealedPreviousSecret' | 'previousSealKeyId'>;

/**
 * The secrets that sign, the newest first.
 * @throws UnsealError when they were sealed with a secret that is not configured here
 */
export function secretsOf(keyring: Keyring, endpoint: SealedSecrets): string[] {
  const { id, sealedSecret, sealKeyId, sealedPreviousSecret, previousSealKeyId } = endpoint;
  const secrets = [keyring.open({ keyId: sealKeyId, bytes: sealedSecret }, sealContext(id))];
  if (sealedPreviousSecret && previousSealKeyId) {
    secrets.push(keyring.open({ keyId: previousSealKeyId, bytes: sealedPreviousSecret }, sealContext(id)));
  }
  return secrets;
}
