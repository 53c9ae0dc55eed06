import { lookup, type LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import { Injectable } from '@nestjs/common';
import type { PrivateTargets } from '../../config/networks.js';
import { Settings } from '../../config/settings.js';
import { addressOf, isPublic, isWithin, networkOf, reachedBy } from '../../core/networks.js';

/** Why a webhook does not go to an address. */
export type AddressFault = 'private_address' | 'https_required';

interface TargetRules {
  allowPrivate: PrivateTargets;
  /** Then plain http is for allowed private addresses alone. */
  production: boolean;
}

/** Where clouds keep credentials: 169.254.169.254. */
const LINK_LOCAL = ['169.254.0.0/16', 'fe80::/10'].map((text) => networkOf(text)!);

/** Judges single addresses: those that a name resolved to, and those that stand in a URL themselves. */
export class AddressPolicy {
  private readonly allowedHosts: ReadonlySet<string>;

  constructor(private readonly rules: TargetRules) {
    this.allowedHosts = new Set(rules.allowPrivate.hosts);
  }

  /**
   * @param host as the URL names it, in lower case
   * @returns undefined when a connection may be made. A host that is allowed by name may be private, but not
   * link-local: no name of ours lies there, and metadata services do.
   */
  judge(text: string, host: string, secure: boolean): AddressFault | undefined {
    const address = addressOf(text);
    if (address === undefined) return 'private_address';
    const target = reachedBy(address);
    if (isWithin(target, this.rules.allowPrivate.networks)) return undefined;
    if (isPublic(target)) return secure || !this.rules.production ? undefined : 'https_required';
    const allowed = this.allowedHosts.has(host.replace(/\.$/, '')) && !isWithin(target, LINK_LOCAL);
    return allowed ? undefined : 'private_address';
  }
}

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

  constructor({ webhookAllowPrivate, production }: Settings) {
    this.policy = new AddressPolicy({ allowPrivate: webhookAllowPrivate, production });
  }

  /**
   * The addresses to connect to. Whoever connects uses these and asks no resolver again: a name may answer otherwise
   * the second time.
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
