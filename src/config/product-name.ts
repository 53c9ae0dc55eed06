import { readableDomainOf } from '../core/email-address.js';
import type { Settings } from './settings.js';

/** How mails and pages call the product: the sender's display name, or else its domain. */
export function productOf({ mail: { from } }: Pick<Settings, 'mail'>): string {
  return from.name || readableDomainOf(from.address);
}
