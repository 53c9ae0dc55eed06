import type { Calls } from './calls.js';
import type { Listing } from './listing.js';
import type { CallOptions, Filter, Loose, Query, Schema, SendOptions } from './types.js';

/** A file: its bytes, or base64 of them, or what `uploads.create` answered. */
export type Attachment = Omit<Schema<'AttachmentRequest'>, 'content'> & { content?: string | Uint8Array };

/** A message. Every field is described at `/docs` of the service. */
export type EmailDraft = Loose<Omit<Schema<'SendRequest'>, 'attachments'>> & { attachments?: Attachment[] };

export type Email = Schema<'EmailView'>;
export type EmailStatus = Email['status'];
export type EmailFilter = Query<'/v1/emails'>;

/** Mail of your back end. A promise that is kept means committed: the message outlives whatever breaks from then on. */
export class Emails {
  constructor(private readonly calls: Calls) {}

  /**
   * Sends a message. Scope `emails:send`.
   *
   * @example
   * const { id, status } = await otpost.emails.send({
   *   to: 'Ada <ada@example.com>',
   *   subject: 'Your invoice',
   *   html: '<p>It is attached.</p>',
   *   attachments: [{ filename: 'invoice.pdf', content: new TextEncoder().encode('%PDF-1.7 …') }],
   *   tags: ['invoice'],
   *   metadata: { order: '4711' },
   * });
   * console.log(id, status); // … queued
   * @throws Problem `validation_failed`, `sender_not_allowed`, `idempotency_mismatch`, `rate_limited`, …
   */
  send(draft: EmailDraft, options?: SendOptions): Promise<Schema<'EmailStatusView'>> {
    return this.calls.call('post', '/v1/emails', { body: encoded(draft), keyed: true }, options);
  }

  /**
   * Sends up to 1,000 messages in one commit. A message that is refused is a problem in its place, and stops no other;
   * with `atomic` it stops all, and the call throws.
   *
   * @example
   * const items = await otpost.emails.batch([
   *   { to: 'ada@example.com', subject: 'One', text: '1' },
   *   { to: 'nobody', subject: 'Two', text: '2' },
   * ]);
   * for (const item of items) console.log('id' in item ? item.id : item.code); // …, validation_failed
   */
  async batch(
    drafts: EmailDraft[],
    { atomic, ...options }: SendOptions & { atomic?: boolean } = {},
  ): Promise<(Schema<'EmailStatusView'> | Schema<'Problem'>)[]> {
    const query = { atomic: atomic ? 'true' : 'false' } as const;
    const input = { body: drafts.map(encoded), query, keyed: true } as const;
    return (await this.calls.call('post', '/v1/emails/batch', input, options)).items;
  }

  /**
   * A message, its recipients, and all that happened to it, with the words of the servers. Scope `emails:read`.
   *
   * @example
   * const { id } = await otpost.emails.send({ to: 'ada@example.com', subject: 'Hello', text: 'Hello, Ada.' });
   * const email = await otpost.emails.get(id);
   * console.log(email.status, email.events.map((event) => event.status));
   */
  get(id: string, options?: CallOptions): Promise<Email> {
    return this.calls.call('get', '/v1/emails/{id}', { path: { id } }, options);
  }

  /**
   * Messages, newest first. Await it for a page, iterate over it for all of them.
   *
   * @example
   * const yesterday = new Date(Date.now() - 86_400_000);
   * for await (const email of otpost.emails.list({ status: 'failed,bounced', since: yesterday })) {
   *   console.log(email.id, email.lastErrorCode);
   * }
   */
  list(filter: Filter<'/v1/emails'> = {}, options?: CallOptions): Listing<Schema<'EmailItemView'>> {
    return this.calls.list('/v1/emails', filter, options);
  }

  /**
   * How many messages are in which state, of at most 30 days.
   *
   * @example
   * console.log(await otpost.emails.stats({ tag: 'invoice' }));
   */
  stats(filter: Omit<EmailFilter, 'limit'> = {}, options?: CallOptions): Promise<Schema<'EmailStats'>> {
    return this.calls.call('get', '/v1/emails/stats', { query: filter }, options);
  }

  /**
   * The words of a message, as they are rendered. Those of codes are never told: `content_secret`.
   *
   * @example
   * const { id } = await otpost.emails.send({ to: 'ada@example.com', subject: 'Hello', text: 'Hello, Ada.' });
   * console.log((await otpost.emails.content(id)).text);
   */
  content(id: string, options?: CallOptions): Promise<Schema<'EmailContentView'>> {
    return this.calls.call('get', '/v1/emails/{id}/content', { path: { id } }, options);
  }

  /**
   * The MIME of a message as it is sent.
   *
   * @example
   * const { id } = await otpost.emails.send({ to: 'ada@example.com', subject: 'Hello', text: 'Hello, Ada.' });
   * console.log(new TextDecoder().decode(await otpost.emails.source(id)));
   */
  async source(id: string, options?: CallOptions): Promise<Uint8Array> {
    // The document says `string`; what comes is bytes, for 8BITMIME has any charset in it.
    const source = await this.calls.call('get', '/v1/emails/{id}/source', { path: { id } }, options);
    return source as unknown as Uint8Array;
  }

  /**
   * Another time, for a message that has not begun to go out; one that is over means now.
   *
   * @example
   * const tomorrow = new Date(Date.now() + 86_400_000);
   * const { id } = await otpost.emails.send({
   *   to: 'ada@example.com',
   *   subject: 'Hello',
   *   text: 'Hello.',
   *   scheduledAt: tomorrow,
   * });
   * await otpost.emails.reschedule(id, { scheduledAt: new Date(Date.now() + 2 * 86_400_000) });
   */
  reschedule(
    id: string,
    body: Loose<Schema<'RescheduleRequest'>>,
    options?: CallOptions,
  ): Promise<Schema<'EmailStatusView'>> {
    return this.calls.call('patch', '/v1/emails/{id}', { path: { id }, body }, options);
  }

  /**
   * Takes a message back that is scheduled, queued or deferred; else `invalid_state`.
   *
   * @example
   * const tomorrow = new Date(Date.now() + 86_400_000);
   * const { id } = await otpost.emails.send({
   *   to: 'ada@example.com',
   *   subject: 'Hello',
   *   text: 'Hello.',
   *   scheduledAt: tomorrow,
   * });
   * console.log((await otpost.emails.cancel(id)).status); // cancelled
   */
  cancel(id: string, options?: CallOptions): Promise<Schema<'EmailStatusView'>> {
    return this.calls.call('post', '/v1/emails/{id}/cancel', { path: { id } }, options);
  }

  /**
   * Sends a message that failed or is deferred once more, now.
   *
   * @example
   * const failed = await otpost.emails.list({ status: 'failed' });
   * for (const { id } of failed.items) await otpost.emails.retry(id);
   */
  retry(id: string, options?: CallOptions): Promise<Schema<'EmailStatusView'>> {
    return this.calls.call('post', '/v1/emails/{id}/retry', { path: { id } }, options);
  }

  /**
   * Says what became of a message that is `unknown`; `not_sent` sends it again.
   *
   * @example
   * const unknown = await otpost.emails.list({ status: 'unknown' });
   * for (const { id } of unknown.items) await otpost.emails.resolve(id, { as: 'sent' });
   */
  resolve(id: string, body: Schema<'ResolveRequest'>, options?: CallOptions): Promise<Schema<'EmailStatusView'>> {
    return this.calls.call('post', '/v1/emails/{id}/resolve', { path: { id }, body }, options);
  }

  /**
   * A new message with the content of this one, to the same recipients.
   *
   * @example
   * const { id } = await otpost.emails.send({ to: 'ada@example.com', subject: 'Hello', text: 'Hello, Ada.' });
   * const copy = await otpost.emails.sendAgain(id);
   * console.log(copy.id !== id); // true
   */
  sendAgain(id: string, options?: SendOptions): Promise<Schema<'EmailStatusView'>> {
    return this.calls.call('post', '/v1/emails/{id}/send-again', { path: { id }, keyed: true }, options);
  }

  /**
   * Retries, cancels or resolves all messages that match, in the background; `action` tells how far it is.
   *
   * @example
   * const filter = { status: 'scheduled', tag: 'invoice' };
   * const expected = (await otpost.emails.stats(filter)).total;
   * const { id } = await otpost.emails.act({ action: 'cancel', filter, reason: 'wrong prices', expected });
   * console.log((await otpost.emails.action(id)).status); // running, then done
   */
  act(body: Schema<'EmailActionRequest'>, options?: CallOptions): Promise<Schema<'EmailActionView'>> {
    return this.calls.call('post', '/v1/emails/actions', { body }, options);
  }

  /**
   * How far an action on many messages is.
   *
   * @example
   * const filter = { status: 'failed', tag: 'invoice' };
   * const expected = (await otpost.emails.stats(filter)).total;
   * const { id } = await otpost.emails.act({ action: 'retry', filter, reason: 'the server is back', expected });
   * const { done, found } = await otpost.emails.action(id);
   * console.log(`${done} of ${found}`);
   */
  action(id: string, options?: CallOptions): Promise<Schema<'EmailActionView'>> {
    return this.calls.call('get', '/v1/emails/actions/{id}', { path: { id } }, options);
  }
}

/** Files that several messages share, or that are too large for a request of JSON. */
export class Uploads {
  constructor(private readonly calls: Calls) {}

  /**
   * Stores a file of up to 25 MB for 24 hours, and for as long as a message needs it. Scope `emails:send`.
   *
   * @example
   * const { uploadId } = await otpost.uploads.create(new Blob(['%PDF-1.7 …']));
   * await otpost.emails.send({
   *   to: 'ada@example.com',
   *   subject: 'Your certificate',
   *   text: 'Congratulations.',
   *   attachments: [{ filename: 'certificate.pdf', uploadId }],
   * });
   */
  create(file: Uint8Array | Blob, options?: CallOptions): Promise<Schema<'UploadView'>> {
    // The service takes one type alone; the name of the file says what it is.
    const body = file instanceof Blob ? file.slice(0, file.size, 'application/octet-stream') : file;
    return this.calls.call('post', '/v1/uploads', { body }, options);
  }
}

type Encoded = Loose<Schema<'SendRequest'>>;

function encoded(draft: EmailDraft): Encoded {
  const { attachments, ...rest } = draft;
  if (attachments === undefined) return rest;
  return {
    ...rest,
    attachments: attachments.map(({ content, ...file }) => ({
      ...file,
      ...(content === undefined ? {} : { content: typeof content === 'string' ? content : base64(content) }),
    })),
  };
}

/** In pieces, for a call takes no more than some ten thousand arguments. */
function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let from = 0; from < bytes.length; from += 8_192) {
    binary += String.fromCharCode(...bytes.subarray(from, from + 8_192));
  }
  return btoa(binary);
}
