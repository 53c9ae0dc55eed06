import { Inject, Injectable } from '@nestjs/common';
import type { RequestSource } from '../core/request-source.js';
import { Limits } from '../limits/limits.js';
import { DeviceTokens } from './device-token.js';

/** Lets strangers ask for a mail, within the limits; who has the address does not matter. */
@Injectable()
export class Admission {
  constructor(
    @Inject(Limits) private readonly limits: Limits,
    @Inject(DeviceTokens) private readonly devices: DeviceTokens,
  ) {}

  /** @throws Problem rate_limited */
  async ask({ ip, deviceToken }: Pick<RequestSource, 'ip' | 'deviceToken'>, destinationCanonical: string): Promise<void> {
    const knownDevice = this.devices.read(deviceToken, destinationCanonical);
    await this.limits.take({ ip, destination: destinationCanonical, withMail: true, ...(knownDevice === undefined ? {} : { knownDevice }) });
  }
}
