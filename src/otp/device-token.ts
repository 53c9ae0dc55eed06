import { randomBytes, randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Keyring } from '../core/keyring.js';

/**
 * What a client keeps from a sign-in and shows again in the header `Otpost-Device`. It proves no person and opens
 * nothing: it says that somebody signed in with this address on this device before, and so gives the device budgets of
 * its own, which a stranger cannot use up. A keyed hash over id, address and generation, so that nothing has to be
 * stored. Whoever has the address begins another generation to be done with all devices, an intruder's among them.
 */
@Injectable()
export class DeviceTokens {
  constructor(private readonly keyring: Keyring) {}

  /** @param destination canonical */
  issue(destination: string, generation: number): string {
    const id = randomBytes(16).toString('base64url');
    const { currentId } = this.keyring;
    const mac = Buffer.from(this.keyring.hash(currentId, partsOf(id, destination, generation))).toString('base64url');
    return `otd_${currentId}_${generation}_${id}_${mac}`;
  }

  /**
   * The device's id when the token was issued for this address, in whichever generation; undefined for everything else.
   * Whether it is known now is the account's word: see accounts/sessions/known-devices.ts.
   */
  read(token: string | undefined, destination: string): string | undefined {
    return this.opened(token, destination)?.id;
  }

  /** The same, of this generation only. @param generation none where nobody has the address: no device is known then */
  known(token: string | undefined, destination: string, generation: number | undefined): string | undefined {
    const device = this.opened(token, destination);
    return device?.generation === generation ? device?.id : undefined;
  }

  /**
   * The device's token where it is known for this address, lest its budgets begin anew with each sign-in; otherwise a
   * new one.
   */
  keepOrIssue(token: string | undefined, destination: string, generation: number): string {
    const isKnown = this.known(token, destination, generation) !== undefined;
    return token !== undefined && isKnown ? token : this.issue(destination, generation);
  }

  private opened(token: string | undefined, destination: string): { id: string; generation: number } | undefined {
    const [, keyId, counted, id, mac] =
      /^otd_([0-9a-f]{8})_(?:(\d{1,10})_)?([\w-]{22})_([\w-]{43})$/.exec(token ?? '') ?? [];
    if (keyId === undefined || id === undefined || mac === undefined) return undefined;
    // Those from before there were generations name none.
    const generation = counted === undefined ? undefined : Number(counted);
    const isOurs = this.keyring.verifies(keyId, partsOf(id, destination, generation), mac);
    return isOurs ? { id, generation: generation ?? 0 } : undefined;
  }
}

/**
 * Drawn and not counted: an account that is made where another one was deleted knows none of the devices of that one.
 * 0 is that of accounts and tokens from before there were generations.
 */
export function newGeneration(): number {
  return randomInt(1, 2 ** 31);
}

function partsOf(id: string, destination: string, generation: number | undefined): string[] {
  return ['device', id, destination, ...(generation === undefined ? [] : [String(generation)])];
}
