import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { Keyring } from '../core/keyring.js';

const START = 'otd_';

/**
 * What a client keeps from a sign-in and shows again in the header `Otpost-Device`. It proves no person and opens
 * nothing: it says that somebody signed in with this address on this device before, and so gives the device budgets of
 * its own, which a stranger cannot use up. A keyed hash over id and address, so that nothing has to be stored.
 */
@Injectable()
export class DeviceTokens {
  constructor(@Inject(Keyring) private readonly keyring: Keyring) {}

  /** @param destination canonical */
  issue(destination: string): string {
    const id = randomBytes(16).toString('base64url');
    return this.token(this.keyring.currentId, id, destination);
  }

  /** The device's id when the token was issued for this address; undefined for everything else. */
  read(token: string | undefined, destination: string): string | undefined {
    const [, keyId, id, mac] = /^otd_([0-9a-f]{8})_([\w-]{22})_([\w-]{43})$/.exec(token ?? '') ?? [];
    if (keyId === undefined || id === undefined || mac === undefined) return undefined;
    return this.keyring.verifies(keyId, partsOf(id, destination), mac) ? id : undefined;
  }

  private token(keyId: string, id: string, destination: string): string {
    const mac = Buffer.from(this.keyring.hash(keyId, partsOf(id, destination))).toString('base64url');
    return `${START}${keyId}_${id}_${mac}`;
  }
}

function partsOf(id: string, destination: string): string[] {
  return ['device', id, destination];
}
