import { type LookupAddress, lookup } from 'node:dns';
import { isIP } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { SETTINGS, type Settings } from '../../config/settings.js';
import { type AddressFault, AddressPolicy } from './address-policy.js';

/** The address of an endpoint leads where no webhook goes. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused';

  constructor(readonly fault: AddressFault) {
    super(fault);
  }
}

/** Knows where webhooks may go: asked early when an endpoint is registered, and on every attempt before connecting. */
@Injectable()
export class TargetGuard {
  private readonly policy: AddressPolicy;

  constructor(@Inject(SETTINGS) { webhookAllowPrivate, production }: Settings) {
    this.policy = new AddressPolicy({ allowPrivate: webhookAllowPrivate, production });
  }

  /**
   * The addresses to connect to. Whoever connects uses these and asks no resolver again: a name may answer otherwise the
   * second time.
   * @throws TargetRefused when there is none that is allowed; the resolver's error
   */
  async resolve(url: URL): Promise<LookupAddress[]> {
    const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
    const secure = url.protocol === 'https:';
    const found = await addressesOf(host);
    const faults = found.map(({ address }) => this.policy.judge(address, host, secure));
    const allowed = found.filter((_, index) => faults[index] === undefined);
    if (allowed.length === 0) throw new TargetRefused(faults[0] ?? 'private_address');
    return allowed;
  }
}

/** IPv4 first, as for mail: broken IPv6 is the commoner fault. */
async function addressesOf(host: string): Promise<LookupAddress[]> {
  const family = isIP(host);
  if (family !== 0) return [{ address: host, family }];
  const found = await new Promise<LookupAddress[]>((resolve, reject) => {
    lookup(host, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });
  return found.sort((one, other) => one.family - other.family);
}
