import type { Calls } from './calls.js';
import type { Listing } from './listing.js';
import type { CallOptions, Filter, Loose, Schema, SendOptions } from './types.js';

export type Subscriber = Schema<'SubscriberView'>;

/** Lists of people. Scope `audiences`. */
export class Audiences {
  readonly subscribers: Subscribers;

  constructor(private readonly calls: Calls) {
    this.subscribers = new Subscribers(calls);
  }

  /**
   * @example
   * const { id } = await otpost.audiences.create({ name: 'New leads' });
   * console.log(id);
   */
  create(body: Schema<'AudienceRequest'>, options?: CallOptions): Promise<Schema<'AudienceView'>> {
    return this.calls.call('post', '/v1/audiences', { body }, options);
  }

  /**
   * @example
   * for await (const { name } of otpost.audiences.list()) console.log(name);
   */
  list(filter: Filter<'/v1/audiences'> = {}, options?: CallOptions): Listing<Schema<'AudienceView'>> {
    return this.calls.list('/v1/audiences', filter, options);
  }

  /**
   * With how many people are in each state.
   *
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Readers' });
   * console.log((await otpost.audiences.get(id)).subscribers.active); // 0
   */
  get(id: string, options?: CallOptions): Promise<Schema<'AudienceDetails'>> {
    return this.calls.call('get', '/v1/audiences/{id}', { path: { id } }, options);
  }

  /**
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Raeders' });
   * await otpost.audiences.update(id, { name: 'Readers' });
   */
  update(id: string, body: Schema<'AudienceRequest'>, options?: CallOptions): Promise<Schema<'AudienceView'>> {
    return this.calls.call('patch', '/v1/audiences/{id}', { path: { id }, body }, options);
  }

  /**
   * Removes it, and its people.
   *
   * @example
   * const { id } = await otpost.audiences.create({ name: 'A trial' });
   * await otpost.audiences.delete(id);
   */
  delete(id: string, options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/audiences/{id}', { path: { id } }, options);
  }

  /**
   * Takes a file of people in, up to 100 MiB; it is worked off in the background. CSV has a header line that names a
   * column `email`; NDJSON has `{"email", "locale"?, "attributes"?}` a line.
   *
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Leads' });
   * const started = await otpost.audiences.import(id, 'email,name\nada@example.com,Ada\nnobody,Nobody\n', 'text/csv');
   * const { status, totals } = await otpost.audiences.importProgress(id, started.id);
   * console.log(status, totals);
   */
  import(
    id: string,
    file: string | Uint8Array | Blob,
    type: 'text/csv' | 'application/x-ndjson',
    options?: CallOptions,
  ): Promise<Schema<'ImportView'>> {
    // Whatever it is: TypeScript's two libraries, for browsers and Node, name the parts of a Blob differently.
    const parts: unknown[] = [file];
    const body = new Blob(parts as string[], { type });
    return this.calls.call('post', '/v1/audiences/{id}/import', { path: { id }, body }, options);
  }

  /**
   * Newest first; which rows were not taken is in `importProgress`.
   *
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Leads' });
   * for await (const { status, totals } of otpost.audiences.imports(id)) console.log(status, totals);
   */
  imports(
    id: string,
    filter: Filter<'/v1/audiences/{id}/imports'> = {},
    options?: CallOptions,
  ): Listing<Schema<'ImportView'>> {
    return this.calls.list('/v1/audiences/{id}/imports', filter, options, { id });
  }

  /**
   * How far an import is, and which rows were not taken.
   *
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Leads' });
   * const started = await otpost.audiences.import(id, '{"email":"ada@example.com"}\n', 'application/x-ndjson');
   * console.log((await otpost.audiences.importProgress(id, started.id)).faults);
   */
  importProgress(id: string, importId: string, options?: CallOptions): Promise<Schema<'ImportView'>> {
    return this.calls.call('get', '/v1/audiences/{id}/imports/{importId}', { path: { id, importId } }, options);
  }
}

/** The people of an audience. Scope `audiences`. */
export class Subscribers {
  constructor(private readonly calls: Calls) {}

  /**
   * Adds somebody, or changes what is known of them. With `confirm` they are asked by mail first.
   *
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Readers' });
   * const ada = { email: 'ada@example.com', attributes: { name: 'Ada' }, locale: 'en' };
   * console.log((await otpost.audiences.subscribers.add(id, ada)).status); // active
   */
  add(
    audienceId: string,
    body: Schema<'SubscriberRequest'>,
    options?: SendOptions,
  ): Promise<Schema<'AddedSubscriberView'>> {
    const input = { path: { id: audienceId }, body, keyed: true } as const;
    return this.calls.call('post', '/v1/audiences/{id}/subscribers', input, options);
  }

  /**
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Readers' });
   * for await (const { email } of otpost.audiences.subscribers.list(id, { status: 'active' })) console.log(email);
   */
  list(
    audienceId: string,
    filter: Filter<'/v1/audiences/{id}/subscribers'> = {},
    options?: CallOptions,
  ): Listing<Subscriber> {
    return this.calls.list('/v1/audiences/{id}/subscribers', filter, options, { id: audienceId });
  }

  /**
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Readers' });
   * const ada = await otpost.audiences.subscribers.add(id, { email: 'ada@example.com' });
   * console.log((await otpost.audiences.subscribers.get(id, ada.id)).sentCount); // 0
   */
  get(audienceId: string, subscriberId: string, options?: CallOptions): Promise<Subscriber> {
    const path = { id: audienceId, subscriberId };
    return this.calls.call('get', '/v1/audiences/{id}/subscribers/{subscriberId}', { path }, options);
  }

  /**
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Readers' });
   * const ada = await otpost.audiences.subscribers.add(id, { email: 'ada@example.com' });
   * await otpost.audiences.subscribers.update(id, ada.id, { status: 'unsubscribed' });
   */
  update(
    audienceId: string,
    subscriberId: string,
    body: Schema<'SubscriberChangeRequest'>,
    options?: CallOptions,
  ): Promise<Subscriber> {
    const path = { id: audienceId, subscriberId };
    return this.calls.call('patch', '/v1/audiences/{id}/subscribers/{subscriberId}', { path, body }, options);
  }

  /**
   * Removes all that is known of somebody.
   *
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Readers' });
   * const ada = await otpost.audiences.subscribers.add(id, { email: 'ada@example.com' });
   * await otpost.audiences.subscribers.delete(id, ada.id);
   */
  delete(audienceId: string, subscriberId: string, options?: CallOptions): Promise<void> {
    const path = { id: audienceId, subscriberId };
    return this.calls.call('delete', '/v1/audiences/{id}/subscribers/{subscriberId}', { path }, options);
  }

  /**
   * The code of the mail that asked them.
   *
   * @example
   * const { id } = await otpost.audiences.create({ name: 'Readers' });
   * const ada = await otpost.audiences.subscribers.add(id, { email: 'ada@example.com', confirm: true });
   * const code = await ask(ada.confirmation!.reference);
   * console.log((await otpost.audiences.subscribers.confirm(id, ada.id, { code })).status); // active
   */
  confirm(
    audienceId: string,
    subscriberId: string,
    body: Schema<'ConfirmRequest'>,
    options?: CallOptions,
  ): Promise<Subscriber> {
    const path = { id: audienceId, subscriberId };
    return this.calls.call('post', '/v1/audiences/{id}/subscribers/{subscriberId}/confirm', { path, body }, options);
  }
}

/** One content to all who are active in an audience. Scope `audiences`. */
export class Broadcasts {
  constructor(private readonly calls: Calls) {}

  /**
   * @example
   * const audience = await otpost.audiences.create({ name: 'Agents' });
   * await otpost.audiences.subscribers.add(audience.id, { email: 'ada@example.com', attributes: { name: 'Ada' } });
   * const broadcast = await otpost.broadcasts.create({
   *   audience: audience.id,
   *   subject: 'A lead for {{ subscriber.name }}',
   *   text: 'A VW Golf, 2019.',
   *   rate: '50/min',
   * });
   * console.log(broadcast.status);
   */
  create(body: Loose<Schema<'BroadcastRequest'>>, options?: SendOptions): Promise<Schema<'BroadcastView'>> {
    return this.calls.call('post', '/v1/broadcasts', { body, keyed: true }, options);
  }

  /**
   * @example
   * for await (const { subject, status } of otpost.broadcasts.list()) console.log(subject, status);
   */
  list(filter: Filter<'/v1/broadcasts'> = {}, options?: CallOptions): Listing<Schema<'BroadcastView'>> {
    return this.calls.list('/v1/broadcasts', filter, options);
  }

  /**
   * How far it is, how its messages fare, and when it ends.
   *
   * @example
   * const audience = await otpost.audiences.create({ name: 'Agents' });
   * const { id } = await otpost.broadcasts.create({ audience: audience.id, subject: 'News', text: 'None.' });
   * const { total, expanded, counts } = await otpost.broadcasts.get(id);
   * console.log(total, expanded, counts);
   */
  get(id: string, options?: CallOptions): Promise<Schema<'BroadcastDetails'>> {
    return this.calls.call('get', '/v1/broadcasts/{id}', { path: { id } }, options);
  }

  /**
   * No worker takes a message of it from the answer on. What one had taken before still goes out.
   *
   * @example
   * const audience = await otpost.audiences.create({ name: 'Agents' });
   * const tomorrow = new Date(Date.now() + 86_400_000);
   * const { id } = await otpost.broadcasts.create({
   *   audience: audience.id,
   *   subject: 'News',
   *   text: 'None.',
   *   scheduledAt: tomorrow,
   * });
   * await otpost.broadcasts.pause(id);
   */
  pause(id: string, options?: CallOptions): Promise<Schema<'BroadcastView'>> {
    return this.calls.call('post', '/v1/broadcasts/{id}/pause', { path: { id } }, options);
  }

  /**
   * Goes on where it was.
   *
   * @example
   * const audience = await otpost.audiences.create({ name: 'Agents' });
   * const tomorrow = new Date(Date.now() + 86_400_000);
   * const { id } = await otpost.broadcasts.create({
   *   audience: audience.id,
   *   subject: 'News',
   *   text: 'None.',
   *   scheduledAt: tomorrow,
   * });
   * await otpost.broadcasts.pause(id);
   * await otpost.broadcasts.resume(id);
   */
  resume(id: string, options?: CallOptions): Promise<Schema<'BroadcastView'>> {
    return this.calls.call('post', '/v1/broadcasts/{id}/resume', { path: { id } }, options);
  }

  /**
   * What has not gone out does not.
   *
   * @example
   * const audience = await otpost.audiences.create({ name: 'Agents' });
   * const tomorrow = new Date(Date.now() + 86_400_000);
   * const { id } = await otpost.broadcasts.create({
   *   audience: audience.id,
   *   subject: 'News',
   *   text: 'None.',
   *   scheduledAt: tomorrow,
   * });
   * console.log((await otpost.broadcasts.cancel(id)).status); // cancelled
   */
  cancel(id: string, options?: CallOptions): Promise<Schema<'BroadcastView'>> {
    return this.calls.call('post', '/v1/broadcasts/{id}/cancel', { path: { id } }, options);
  }

  /**
   * One mail that is marked as a test, as this subscriber would read it.
   *
   * @example
   * const audience = await otpost.audiences.create({ name: 'Agents' });
   * await otpost.audiences.subscribers.add(audience.id, { email: 'ada@example.com' });
   * const tomorrow = new Date(Date.now() + 86_400_000);
   * const { id } = await otpost.broadcasts.create({
   *   audience: audience.id,
   *   subject: 'News',
   *   text: 'None.',
   *   scheduledAt: tomorrow,
   * });
   * await otpost.broadcasts.test(id, { to: 'ada@example.com' });
   */
  test(id: string, body: Schema<'BroadcastTestRequest'>, options?: SendOptions): Promise<Schema<'EmailStatusView'>> {
    return this.calls.call('post', '/v1/broadcasts/{id}/test', { path: { id }, body, keyed: true }, options);
  }
}
