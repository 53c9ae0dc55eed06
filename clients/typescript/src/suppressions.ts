import type { Calls } from './calls.js';
import type { Listing } from './listing.js';
import type { CallOptions, Filter, Loose, Schema } from './types.js';

/** Addresses that get no mail. */
export class Suppressions {
  constructor(private readonly calls: Calls) {}

  /**
   * Scope `suppressions:read`.
   *
   * @example
   * for await (const { address, reason } of otpost.suppressions.list()) console.log(address, reason);
   */
  list(filter: Filter<'/v1/suppressions'> = {}, options?: CallOptions): Listing<Schema<'SuppressionView'>> {
    return this.calls.list('/v1/suppressions', filter, options);
  }

  /**
   * Scope `suppressions:write`.
   *
   * @example
   * await otpost.suppressions.add({ address: 'ada@example.net', scope: 'bulk', note: 'asked on the telephone' });
   */
  add(body: Loose<Schema<'AddSuppressionRequest'>>, options?: CallOptions): Promise<Schema<'SuppressionView'>> {
    return this.calls.call('post', '/v1/suppressions', { body }, options);
  }

  /**
   * Lets an address have mail again. The reason goes into the audit record.
   *
   * @example
   * await otpost.suppressions.add({ address: 'ada@example.org' });
   * await otpost.suppressions.lift({ address: 'ada@example.org', reason: 'the mailbox is there again' });
   */
  lift(body: Schema<'LiftSuppressionRequest'>, options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/suppressions', { body }, options);
  }
}
