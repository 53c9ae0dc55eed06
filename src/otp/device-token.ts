import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { RequestSource } from '../core/credentials.js';
import { Keyring } from '../core/keyring.js';
import { Limits } from '../limits/limits.js';

/**
 * What a client keeps from a sign-in and shows again in the header `Otpost-Device`. It proves no person and opens
 * nothing: it says that somebody signed in with this address on this device before, and so gives the device budgets of
 * its own, which a stranger cannot use up. A keyed hash over id and address, so that nothing has to be stored.
 */
@Injectable()
export class DeviceTokens {
  constructor(private readonly keyring: Keyring) {}

  /** @param destination canonical */
  issue(destination: string): string {
    const id = randomBytes(16).toString('base64url');
    const { currentId } = this.keyring;
    const mac = Buffer.from(this.keyring.hash(currentId, partsOf(id, destination))).toString('base64url');
    return `otd_${currentId}_${id}_${mac}`;
  }

  /** The device's id when the token was issued for this address; undefined for everything else. */
  read(token: string | undefined, destination: string): string | undefined {
    const [, keyId, id, mac] = /^otd_([0-9a-f]{8})_([\w-]{22})_([\w-]{43})$/.exec(token ?? '') ?? [];
    if (keyId === undefined || id === undefined || mac === undefined) return undefined;
    return this.keyring.verifies(keyId, partsOf(id, destination), mac) ? id : undefined;
  }

  /**
   * The device's token where it is good for this address, lest its budgets begin anew with each sign-in; otherwise a
   * new one.
   */
  keepOrIssue(token: string | undefined, destination: string): string {
    return token !== undefined && this.read(token, destination) !== undefined ? token : this.issue(destination);
  }
}

function partsOf(id: string, destination: string): string[] {
  return ['device', id, destination];
}

/**
 * The rate limit of mail that strangers ask for, by address, requester and device. Who has the address does not matter.
 */
@Injectable()
export class RequestedMailLimit {
  constructor(
    private readonly limits: Limits,
    private readonly devices: DeviceTokens,
  ) {}

  /** @param destination canonical @throws Problem rate_limited */
  async take({ ip, deviceToken }: Pick<RequestSource, 'ip' | 'deviceToken'>, destination: string): Promise<void> {
    await this.limits.take({
      ip,
      destination,
      withMail: true,
      knownDevice: this.devices.read(deviceToken, destination),
    });
  }
}
