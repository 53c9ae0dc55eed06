import { Webhook } from 'standardwebhooks';
import type { Calls } from './calls.js';
import { InvalidWebhook } from './errors.js';
import type { Listing } from './listing.js';
import type { CallOptions, Filter, Schema } from './types.js';

/** A message at the moment that a webhook tells of. */
export interface EmailEventData extends Pick<
  Schema<'EmailView'>,
  'id' | 'to' | 'template' | 'lane' | 'status' | 'transport' | 'messageId' | 'createdAt'
> {
  /** Attempts to send the mail so far. */
  attempt: number;
  /** The words of the server. */
  reply: string | null;
  errorCode: string | null;
  providerMessageId: string | null;
  scheduledAt: string | null;
  expiresAt: string | null;
  tags: string[];
  metadata: Record<string, string>;
  /** The id that the request was answered with, where this is a recipient who met another fate than the others. */
  splitFrom: string | null;
}

/** What a webhook tells. Types may come that are not here yet: let your `switch` have a default. */
export type WebhookEvent =
  | {
      type: NonNullable<Schema<'CreateEndpointRequest'>['events']>[number];
      timestamp: string;
      data: EmailEventData;
    }
  | { type: 'webhook.test'; timestamp: string; data: { endpointId: string; message: string } };

/** Headers as frameworks hold them. */
export type HeadersLike = Headers | Record<string, string | string[] | undefined>;

/**
 * The event of a webhook that Otpost signed, in the last five minutes.
 * @param body as it came, before any JSON parser
 * @param secret of the endpoint, `whsec_…`
 *
 * @example
 * const endpoint = await otpost.webhooks.create({ url: 'https://shop.example.com/hooks/otpost' });
 * async function receive(request: Request): Promise<Response> {
 *   try {
 *     const event = verifyWebhook(await request.text(), request.headers, endpoint.secret);
 *     if (event.type === 'email.bounced') console.log(event.data.to, event.data.reply);
 *     return new Response(null, { status: 204 });
 *   } catch (error) {
 *     if (error instanceof InvalidWebhook) return new Response(null, { status: 401 });
 *     throw error;
 *   }
 * }
 * console.log((await receive(new Request('https://shop.example.com', { method: 'POST', body: '{}' }))).status); // 401
 * @throws InvalidWebhook
 */
export function verifyWebhook(body: string | Uint8Array, headers: HeadersLike, secret: string): WebhookEvent {
  const text = typeof body === 'string' ? body : new TextDecoder().decode(body);
  const entries = headers instanceof Headers ? [...headers] : Object.entries(headers);
  const named = entries.flatMap(([name, value]) => (value === undefined ? [] : [[name.toLowerCase(), String(value)]]));
  try {
    return new Webhook(secret).verify(text, Object.fromEntries(named) as Record<string, string>) as WebhookEvent;
  } catch (cause) {
    throw new InvalidWebhook('That is no webhook of Otpost for this secret.', { cause });
  }
}

/** Being told what becomes of messages. Scope `webhooks`. */
export class Webhooks {
  constructor(private readonly calls: Calls) {}

  /** `verifyWebhook`. It needs no key. */
  readonly verify = verifyWebhook;

  /**
   * The secret is in this answer and nowhere else.
   *
   * @example
   * const { id, secret } = await otpost.webhooks.create({
   *   url: 'https://shop.example.com/hooks/otpost',
   *   events: ['email.delivered', 'email.bounced'],
   * });
   * console.log(id, secret.slice(0, 6)); // … whsec_
   */
  create(body: Schema<'CreateEndpointRequest'>, options?: CallOptions): Promise<Schema<'CreatedEndpointView'>> {
    return this.calls.call('post', '/v1/webhook-endpoints', { body }, options);
  }

  /**
   * @example
   * for await (const { url, failures } of otpost.webhooks.list()) console.log(url, failures);
   */
  list(filter: Filter<'/v1/webhook-endpoints'> = {}, options?: CallOptions): Listing<Schema<'WebhookEndpointView'>> {
    return this.calls.list('/v1/webhook-endpoints', filter, options);
  }

  /**
   * @example
   * const { id } = await otpost.webhooks.create({ url: 'https://shop.example.com/hooks/otpost' });
   * console.log((await otpost.webhooks.get(id)).disabledReason);
   */
  get(id: string, options?: CallOptions): Promise<Schema<'WebhookEndpointView'>> {
    return this.calls.call('get', '/v1/webhook-endpoints/{id}', { path: { id } }, options);
  }

  /**
   * @example
   * const { id } = await otpost.webhooks.create({ url: 'https://shop.example.com/hooks/otpost' });
   * await otpost.webhooks.update(id, { disabled: true });
   */
  update(
    id: string,
    body: Schema<'ChangeEndpointRequest'>,
    options?: CallOptions,
  ): Promise<Schema<'WebhookEndpointView'>> {
    return this.calls.call('patch', '/v1/webhook-endpoints/{id}', { path: { id }, body }, options);
  }

  /**
   * @example
   * const { id } = await otpost.webhooks.create({ url: 'https://shop.example.com/hooks/otpost' });
   * await otpost.webhooks.delete(id);
   */
  delete(id: string, options?: CallOptions): Promise<void> {
    return this.calls.call('delete', '/v1/webhook-endpoints/{id}', { path: { id } }, options);
  }

  /**
   * A new secret; the former one signs too for 24 hours.
   *
   * @example
   * const { id } = await otpost.webhooks.create({ url: 'https://shop.example.com/hooks/otpost' });
   * const { secret, previousSecretUntil } = await otpost.webhooks.rotateSecret(id);
   * console.log(secret.slice(0, 6), previousSecretUntil);
   */
  rotateSecret(id: string, options?: CallOptions): Promise<Schema<'RotatedSecretView'>> {
    return this.calls.call('post', '/v1/webhook-endpoints/{id}/rotate-secret', { path: { id } }, options);
  }

  /**
   * Sends a `webhook.test`.
   *
   * @example
   * const endpoint = await otpost.webhooks.create({ url: 'https://shop.example.com/hooks/otpost' });
   * const { id } = await otpost.webhooks.test(endpoint.id);
   * console.log((await otpost.webhooks.delivery(id)).status);
   */
  test(id: string, options?: CallOptions): Promise<Schema<'QueuedDeliveryView'>> {
    return this.calls.call('post', '/v1/webhook-endpoints/{id}/test', { path: { id } }, options);
  }

  /**
   * What was sent to an endpoint, newest first.
   *
   * @example
   * const { id } = await otpost.webhooks.create({ url: 'https://shop.example.com/hooks/otpost' });
   * for await (const { type, status } of otpost.webhooks.deliveries(id, { status: 'failed' })) {
   *   console.log(type, status);
   * }
   */
  deliveries(
    id: string,
    filter: Filter<'/v1/webhook-endpoints/{id}/deliveries'> = {},
    options?: CallOptions,
  ): Listing<Schema<'WebhookDeliveryView'>> {
    return this.calls.list('/v1/webhook-endpoints/{id}/deliveries', filter, options, { id });
  }

  /**
   * One delivery, with every attempt.
   *
   * @example
   * const endpoint = await otpost.webhooks.create({ url: 'https://shop.example.com/hooks/otpost' });
   * const { id } = await otpost.webhooks.test(endpoint.id);
   * console.log((await otpost.webhooks.delivery(id)).log);
   */
  delivery(id: string, options?: CallOptions): Promise<Schema<'WebhookDeliveryDetails'>> {
    return this.calls.call('get', '/v1/webhook-deliveries/{id}', { path: { id } }, options);
  }

  /**
   * Sends one again, under the same `webhook-id`.
   *
   * @example
   * const { id } = await otpost.webhooks.create({ url: 'https://shop.example.com/hooks/otpost' });
   * const failed = await otpost.webhooks.deliveries(id, { status: 'failed' });
   * for (const delivery of failed.items) await otpost.webhooks.redeliver(delivery.id);
   */
  redeliver(id: string, options?: CallOptions): Promise<Schema<'QueuedDeliveryView'>> {
    return this.calls.call('post', '/v1/webhook-deliveries/{id}/redeliver', { path: { id } }, options);
  }
}
