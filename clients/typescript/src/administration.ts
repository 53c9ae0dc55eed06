import type { Calls } from './calls.js';
import type { Listing } from './listing.js';
import type { CallOptions, Filter, Loose, Schema } from './types.js';

/** API keys of back ends. Scope `admin`. */
export class ApiKeys {
  constructor(private readonly calls: Calls) {}

  /**
   * The key is in this answer and nowhere else.
   *
   * @example
   * const { key } = await otpost.apiKeys.create({ name: 'shop', scopes: ['emails:send', 'emails:read:own'] });
   * console.log(key.slice(0, 9)); // otp_live_
   */
  create(body: Loose<Schema<'CreateKeyRequest'>>, options?: CallOptions): Promise<Schema<'CreatedKeyView'>> {
    return this.calls.call('post', '/v1/api-keys', { body }, options);
  }

  /**
   * @example
   * for await (const { name, scopes } of otpost.apiKeys.list()) console.log(name, scopes);
   */
  list(filter: Filter<'/v1/api-keys'> = {}, options?: CallOptions): Listing<Schema<'ApiKeyView'>> {
    return this.calls.list('/v1/api-keys', filter, options);
  }

  /**
   * @example
   * const { id } = await otpost.apiKeys.create({ name: 'shop', scopes: ['emails:send'] });
   * console.log((await otpost.apiKeys.get(id)).name);
   */
  get(id: string, options?: CallOptions): Promise<Schema<'ApiKeyView'>> {
    return this.calls.call('get', '/v1/api-keys/{id}', { path: { id } }, options);
  }

  /**
   * A key that takes over; the former one works until the overlap ends.
   *
   * @example
   * const { id } = await otpost.apiKeys.create({ name: 'shop', scopes: ['emails:send'] });
   * const successor = await otpost.apiKeys.rotate(id, { overlapHours: 24 });
   * console.log(successor.id !== id); // true
   */
  rotate(id: string, body: Schema<'RotateKeyRequest'> = {}, options?: CallOptions): Promise<Schema<'CreatedKeyView'>> {
    return this.calls.call('post', '/v1/api-keys/{id}/rotate', { path: { id }, body }, options);
  }

  /**
   * The key opens nothing from then on.
   *
   * @example
   * const { id } = await otpost.apiKeys.create({ name: 'a trial', scopes: ['emails:send'] });
   * await otpost.apiKeys.revoke(id);
   */
  revoke(id: string, options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/api-keys/{id}', { path: { id } }, options);
  }
}

/** Who did what. Scope `admin`. */
export class Audit {
  constructor(private readonly calls: Calls) {}

  /**
   * @example
   * for await (const { action, at } of otpost.audit.list({ action: 'api_key', limit: 100 })) {
   *   console.log(at, action);
   * }
   */
  list(filter: Filter<'/v1/audit'> = {}, options?: CallOptions): Listing<Schema<'AuditEventView'>> {
    return this.calls.list('/v1/audit', filter, options);
  }
}
