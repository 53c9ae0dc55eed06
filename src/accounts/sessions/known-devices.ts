import { Injectable } from '@nestjs/common';
import type { RequestSource } from '../../core/credentials.js';
import { PrismaService } from '../../database/prisma.service.js';
import type { AskingAccount } from '../../limits/limit-policy.js';
import { Limits } from '../../limits/limits.js';
import { DeviceTokens } from '../../otp/device-token.js';

/** Devices whose limits and failures count apart: those that the account at the address knows, and no former ones. */
@Injectable()
export class KnownDevices {
  constructor(
    private readonly prisma: PrismaService,
    private readonly devices: DeviceTokens,
  ) {}

  /**
   * The token, where the account at one of these addresses knows the device. It is good for one address at most. For
   * whoever shows none that is, nothing is looked up: strangers wait for the same, whoever has the address.
   * @param destinations canonical
   */
  async token(shown: string | undefined, destinations: readonly string[]): Promise<string | undefined> {
    const emailCanonical = destinations.find((one) => this.devices.read(shown, one) !== undefined);
    if (emailCanonical === undefined) return undefined;
    const account = await this.prisma.account.findUnique({ where: { emailCanonical } });
    const device = this.devices.known(shown, emailCanonical, account?.deviceGeneration);
    return device === undefined ? undefined : shown;
  }

  /** Id of the device, where it is known. */
  async id(shown: string | undefined, destination: string): Promise<string | undefined> {
    return this.devices.read(await this.token(shown, [destination]), destination);
  }
}

/**
 * The rate limit of mail that people ask for, by address, requester and device, or by account where somebody is signed
 * in. Who has the address does not matter to what strangers ask.
 */
@Injectable()
export class RequestedMailLimit {
  constructor(
    private readonly limits: Limits,
    private readonly devices: KnownDevices,
  ) {}

  /**
   * @param destination canonical
   * @param account of whoever is signed in
   * @throws Problem rate_limited
   */
  async take(
    { ip, deviceToken }: Pick<RequestSource, 'ip' | 'deviceToken'>,
    destination: string,
    account?: AskingAccount,
  ): Promise<void> {
    const knownDevice = await this.devices.id(deviceToken, destination);
    await this.limits.take({ ip, destination, withMail: true, account, knownDevice });
  }
}
