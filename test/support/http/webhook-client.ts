import { createApiKey } from '../service/api-key.js';
import type { Answer } from '../service/api.js';
import type { Otpost } from '../service/otpost.js';
import { eventually } from '../signals/wait.js';

export interface EndpointBody {
  id: string;
  url: string;
  description: string | null;
  events: string[];
  disabledAt: string | null;
  disabledReason: string | null;
  failures: number;
  failingSince: string | null;
  backoffUntil: string | null;
  previousSecretUntil: string | null;
  createdAt: string;
  secret: string;
}

export interface DeliveryBody {
  id: string;
  endpointId: string;
  type: string;
  emailId: string | null;
  status: string;
  attempts: number;
  nextAttemptAt: string | null;
  deliveredAt: string | null;
  log: {
    attempt: number;
    statusCode: number | null;
    errorCode: string | null;
    response: string | null;
    tookMs: number;
    worker: string | null;
  }[];
}

/** A back end that registers endpoints and looks at what became of its webhooks. */
export class WebhookClient {
  private constructor(
    private readonly otpost: Otpost,
    private readonly key: string,
  ) {}

  static async for(otpost: Otpost): Promise<WebhookClient> {
    return new WebhookClient(otpost, await createApiKey(otpost.database.url, ['webhooks', 'emails:send']));
  }

  ask<Body>(method: string, path: string, body?: unknown): Promise<Answer<Body>> {
    const headers = {
      authorization: `Bearer ${this.key}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    return this.otpost.api.send<Body>(method, path, headers, body === undefined ? undefined : JSON.stringify(body));
  }

  async register(url: string, events?: string[]): Promise<EndpointBody> {
    const { status, body } = await this.ask<EndpointBody>('POST', '/v1/webhook-endpoints', {
      url,
      ...(events ? { events } : {}),
    });
    expect([status, body]).toEqual([201, expect.objectContaining({ secret: expect.any(String) as string })]);
    return body;
  }

  async endpoint(id: string): Promise<EndpointBody> {
    return (await this.ask<EndpointBody>('GET', `/v1/webhook-endpoints/${id}`)).body;
  }

  /** The id of a `webhook.test` that was queued. */
  async test(endpointId: string): Promise<string> {
    const { status, body } = await this.ask<{ id: string }>('POST', `/v1/webhook-endpoints/${endpointId}/test`);
    expect([status, body]).toEqual([202, { id: expect.any(String) as string, status: 'queued' }]);
    return body.id;
  }

  async delivery(id: string): Promise<DeliveryBody> {
    return (await this.ask<DeliveryBody>('GET', `/v1/webhook-deliveries/${id}`)).body;
  }

  /** Waits until the delivery is in the state, after so many attempts in its log. */
  async becomes(id: string, status: string, logged = 1): Promise<DeliveryBody> {
    return eventually(async () => {
      const delivery = await this.delivery(id);
      return delivery.status === status && delivery.log.length >= logged && delivery;
    }, `webhook ${id} to be ${status}`);
  }

  /**
   * Lets the time pass until its next attempt, and until its endpoint may be tried: rows fall due by the clock of
   * Postgres.
   */
  async makeDue(id: string): Promise<void> {
    await this.otpost.database.query(
      `WITH due AS (UPDATE webhook_deliveries SET next_attempt_at = now() WHERE id = $1 RETURNING endpoint_id)
       UPDATE webhook_endpoints SET backoff_until = NULL WHERE id IN (SELECT endpoint_id FROM due)`,
      [id],
    );
  }

  async send(more: object = {}): Promise<string> {
    const mail = { to: 'ada@example.com', subject: 'a very private subject', text: 'a very private text', ...more };
    const { status, body } = await this.ask<{ id: string }>('POST', '/v1/emails', mail);
    expect(status).toBe(202);
    return body.id;
  }
}
