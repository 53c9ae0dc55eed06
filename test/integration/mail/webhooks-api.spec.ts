import { randomUUID } from 'node:crypto';
import { type DeliveryBody, type EndpointBody, WebhookClient } from '../../support/http/webhook-client.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';

interface List<Item> {
  items: Item[];
  nextCursor: string | null;
}

const ENDPOINTS = '/v1/webhook-endpoints';
const nobody = randomUUID();

// No worker, so that deliveries stay as the test has put them.
describe('the API of webhooks', () => {
  let otpost: Otpost;
  let client: WebhookClient;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', WEBHOOK_ALLOW_PRIVATE: '127.0.0.1' });
    client = await WebhookClient.for(otpost);
  });
  afterAll(() => otpost.stop());
  afterEach(() => otpost.database.query('TRUNCATE webhook_endpoints CASCADE'));

  async function faultOf(body: unknown, method = 'POST', path = ENDPOINTS): Promise<{ field: string; code: string }[]> {
    const answer = await client.ask<ProblemBody>(method, path, body);
    expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed']);
    return answer.body.errors!.map(({ field, code }) => ({ field, code }));
  }

  it('shows a secret once, and keeps it sealed', async () => {
    const { status, body } = await client.ask<EndpointBody>('POST', ENDPOINTS, {
      url: 'https://1.1.1.1/hooks?token=x',
      events: ['email.sent'],
      description: 'shop',
    });
    expect([status, body]).toEqual([
      201,
      {
        format: 'otpost',
        id: expect.any(String) as string,
        url: 'https://1.1.1.1/hooks?token=x',
        events: ['email.sent'],
        description: 'shop',
        disabledAt: null,
        disabledReason: null,
        failures: 0,
        failingSince: null,
        backoffUntil: null,
        previousSecretUntil: null,
        createdAt: expect.any(String) as string,
        secret: expect.stringMatching(/^whsec_[\w+/]{43}=$/) as string,
      },
    ]);
    expect(await client.endpoint(body.id)).toEqual({ ...body, secret: undefined });
    const [row] = await otpost.database.query<{ text: string; sealed: Buffer }>(
      'SELECT e::text AS text, sealed_secret AS sealed FROM webhook_endpoints e',
    );
    expect(row!.text).not.toContain(body.secret.slice(6));
    expect(row!.sealed.toString('latin1')).not.toContain(body.secret.slice(6));
  });

  it.each([
    ['nothing', undefined, 'is_string'],
    ['a number', 7, 'is_string'],
    ['no address', 'hooks', 'invalid_url'],
    ['another scheme', 'ftp://1.1.1.1/', 'invalid_url'],
    ['a script', 'javascript:alert(1)', 'invalid_url'],
    ['a file', 'file:///etc/passwd', 'invalid_url'],
    ['one slash', 'https:/1.1.1.1/', 'invalid_url'],
    ['a fragment', 'https://1.1.1.1/#a', 'invalid_url'],
    ['a user', 'https://user@1.1.1.1/', 'credentials_in_url'],
    ['a password', 'https://user:pass@1.1.1.1/', 'credentials_in_url'],
    ['a private address', 'https://10.0.0.1/', 'private_address'],
    ['the metadata service', 'http://169.254.169.254/latest/', 'private_address'],
    ['loopback that is not allowed', 'http://127.0.0.2/', 'private_address'],
    ['loopback, in octal', 'http://0177.0.0.2/', 'private_address'],
    ['loopback, as a number', 'http://2130706434/', 'private_address'],
    ['loopback, mapped', 'http://[::ffff:127.0.0.2]/', 'private_address'],
    ['unspecified', 'http://0/', 'private_address'],
  ])('refuses %s as a url, and names the field', async (_, url, code) => {
    expect(await faultOf({ url })).toContainEqual({ field: 'url', code });
    expect(await otpost.database.query('SELECT 1 FROM webhook_endpoints')).toEqual([]);
  });

  it('refuses the same when a url is changed', async () => {
    const { id } = await client.register('https://1.1.1.1/');
    expect(await faultOf({ url: 'http://10.0.0.1/' }, 'PATCH', `${ENDPOINTS}/${id}`)).toEqual([
      { field: 'url', code: 'private_address' },
    ]);
    expect(await faultOf({ url: null }, 'PATCH', `${ENDPOINTS}/${id}`)).toContainEqual({
      field: 'url',
      code: 'is_string',
    });
    expect((await client.endpoint(id)).url).toBe('https://1.1.1.1/');
  });

  it('refuses a name that leads to a private address', async () => {
    const closed = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', WEBHOOK_ALLOW_PRIVATE: 'none' });
    try {
      const { status, body } = await (
        await WebhookClient.for(closed)
      ).ask<ProblemBody>('POST', ENDPOINTS, { url: 'http://localhost:8080/' });
      expect([status, body.errors]).toEqual([
        422,
        [
          {
            field: 'url',
            code: 'private_address',
            message: expect.stringContaining('WEBHOOK_ALLOW_PRIVATE') as string,
          },
        ],
      ]);
    } finally {
      await closed.stop();
    }
  });

  it('takes a name that does not resolve yet: the attempts look again', async () => {
    expect((await client.register('https://nowhere.invalid/hooks')).url).toBe('https://nowhere.invalid/hooks');
  });

  it('refuses events that do not exist, and fields', async () => {
    const url = 'https://1.1.1.1/';
    expect(await faultOf({ url, events: ['email.sending'] })).toEqual([{ field: 'events', code: 'is_in' }]);
    expect(await faultOf({ url, events: ['email.sent', 'email.sent'] })).toEqual([
      { field: 'events', code: 'array_unique' },
    ]);
    expect(await faultOf({ url, events: 'email.sent' })).toContainEqual({ field: 'events', code: 'is_array' });
    expect(await faultOf({ url, secret: 'whsec_mine' })).toEqual([{ field: 'secret', code: 'unknown_field' }]);
    expect(await faultOf({ url, description: 'a\nb' })).toEqual([{ field: 'description', code: 'matches' }]);
  });

  it('lists endpoints page by page, oldest first', async () => {
    const ids = [];
    for (let n = 0; n < 3; n++) ids.push((await client.register(`https://1.1.1.1/${n}`)).id);
    const first = await client.ask<List<EndpointBody>>('GET', `${ENDPOINTS}?limit=2`);
    const second = await client.ask<List<EndpointBody>>('GET', `${ENDPOINTS}?limit=2&cursor=${first.body.nextCursor}`);
    // Ids of one millisecond are in no order.
    expect([...first.body.items, ...second.body.items].map(({ id }) => id)).toEqual([...ids].sort());
    expect(second.body.nextCursor).toBeNull();
    expect(JSON.stringify([first.body, second.body])).not.toContain('whsec_');
    expect(await faultOf(undefined, 'GET', `${ENDPOINTS}?limit=0`)).toEqual([{ field: 'limit', code: 'matches' }]);
    expect(await faultOf(undefined, 'GET', `${ENDPOINTS}?cursor=x`)).toEqual([{ field: 'cursor', code: 'cursor' }]);
  });

  it('changes what is given and leaves the rest', async () => {
    const { id } = await client.register('https://1.1.1.1/', ['email.sent']);
    await otpost.database.query(
      `UPDATE webhook_endpoints SET failures = 5, failing_since = now(), backoff_until = now() + interval '1 hour'`,
    );
    const change = async (body: object) => (await client.ask<EndpointBody>('PATCH', `${ENDPOINTS}/${id}`, body)).body;
    expect(await change({ description: 'shop' })).toMatchObject({
      url: 'https://1.1.1.1/',
      events: ['email.sent'],
      description: 'shop',
      failures: 5,
    });
    expect(await change({ description: null, events: [] })).toMatchObject({
      events: [],
      description: null,
      failures: 5,
    });
    expect(await change({ url: 'https://1.0.0.1/' })).toMatchObject({
      url: 'https://1.0.0.1/',
      failures: 0,
      backoffUntil: null,
    });
    expect(await change({ disabled: true })).toMatchObject({
      disabledAt: expect.any(String) as string,
      disabledReason: 'operator',
    });
    expect(await change({ disabled: false })).toMatchObject({ disabledAt: null, disabledReason: null });
  });

  it('removes an endpoint with its deliveries', async () => {
    const { id } = await client.register('https://1.1.1.1/');
    await otpost.database.query(
      `INSERT INTO webhook_deliveries (endpoint_id, type, payload) SELECT $1, 'webhook.test', '{}' FROM generate_series(1, 1500)`,
      [id],
    );
    expect((await client.ask('DELETE', `${ENDPOINTS}/${id}`)).status).toBe(204);
    expect(await otpost.database.query('SELECT 1 FROM webhook_deliveries')).toEqual([]);
    expect((await client.ask<ProblemBody>('DELETE', `${ENDPOINTS}/${id}`)).body.code).toBe(
      'webhook_endpoint_not_found',
    );
  });

  it('changes and removes nothing that it cannot put on record', async () => {
    const { id } = await client.register('https://1.1.1.1/', ['email.sent']);
    const before = await client.endpoint(id);
    await otpost.database.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no more is recorded'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION refuse()`);
    const path = `${ENDPOINTS}/${id}`;
    const refused = [
      await client.ask('PATCH', path, { url: 'https://1.0.0.1/', disabled: true }),
      await client.ask('POST', `${path}/rotate-secret`),
      await client.ask('POST', ENDPOINTS, { url: 'https://1.0.0.1/' }),
    ];
    expect([refused.map(({ status }) => status), await client.endpoint(id)]).toEqual([[500, 500, 500], before]);
    expect((await client.ask('DELETE', path)).status).toBe(500);
    await otpost.database.query('DROP FUNCTION refuse CASCADE');
    expect((await client.ask('DELETE', path)).status).toBe(204);
    const [{ actions }] = (await otpost.database.query<{ actions: string[] }>(
      'SELECT array_agg(action ORDER BY id) AS actions FROM audit_events WHERE target_id = $1',
      [id],
    )) as [{ actions: string[] }];
    expect(actions).toEqual(['webhook_endpoint.created', 'webhook_endpoint.removed']);
  });

  it('lists deliveries newest first, by state too', async () => {
    const { id } = await client.register('https://1.1.1.1/');
    await otpost.database.query(
      `INSERT INTO webhook_deliveries (endpoint_id, type, payload, status, created_at)
       SELECT $1, 'webhook.test', '{}', (ARRAY['queued', 'failed'])[1 + n % 2], now() - n * interval '1 minute' FROM generate_series(1, 5) AS n`,
      [id],
    );
    const list = async (query: string) =>
      (await client.ask<List<DeliveryBody>>('GET', `${ENDPOINTS}/${id}/deliveries?${query}`)).body;
    const first = await list('limit=3');
    const second = await list(`limit=3&cursor=${first.nextCursor}`);
    expect([...first.items, ...second.items].map(({ status }) => status)).toEqual([
      'failed',
      'queued',
      'failed',
      'queued',
      'failed',
    ]);
    expect(second.nextCursor).toBeNull();
    expect(
      (await list('status=queued')).items.map(({ status, nextAttemptAt }) => [status, nextAttemptAt !== null]),
    ).toEqual([
      ['queued', true],
      ['queued', true],
    ]);
    expect(await faultOf(undefined, 'GET', `${ENDPOINTS}/${id}/deliveries?status=lost`)).toEqual([
      { field: 'status', code: 'is_in' },
    ]);
  });

  it('refuses to send again what is under way, or to an endpoint that is disabled', async () => {
    const { id } = await client.register('https://1.1.1.1/');
    const delivery = await client.test(id);
    await otpost.database.query(`UPDATE webhook_deliveries SET status = 'sending' WHERE id = $1`, [delivery]);
    const redeliver = async () =>
      (await client.ask<ProblemBody>('POST', `/v1/webhook-deliveries/${delivery}/redeliver`)).body;
    expect(await redeliver()).toMatchObject({ status: 409, code: 'webhook_under_way' });
    await client.ask('PATCH', `${ENDPOINTS}/${id}`, { disabled: true });
    expect(await redeliver()).toMatchObject({ status: 409, code: 'webhook_endpoint_disabled' });
    expect((await client.ask<ProblemBody>('POST', `${ENDPOINTS}/${id}/test`)).body).toMatchObject({
      status: 409,
      code: 'webhook_endpoint_disabled',
    });
  });

  it.each([
    ['GET', `${ENDPOINTS}/${nobody}`],
    ['PATCH', `${ENDPOINTS}/${nobody}`],
    ['DELETE', `${ENDPOINTS}/${nobody}`],
    ['POST', `${ENDPOINTS}/${nobody}/test`],
    ['POST', `${ENDPOINTS}/${nobody}/rotate-secret`],
    ['GET', `${ENDPOINTS}/${nobody}/deliveries`],
    ['GET', `${ENDPOINTS}/x`],
    ['GET', `/v1/webhook-deliveries/${nobody}`],
    ['POST', `/v1/webhook-deliveries/${nobody}/redeliver`],
    ['GET', '/v1/webhook-deliveries/x'],
  ])('knows nothing of what does not exist: %s %s', async (method, path) => {
    const { status, body } = await client.ask<ProblemBody>(method, path, method === 'PATCH' ? {} : undefined);
    expect([status, body.code]).toEqual([
      404,
      path.includes('deliveries/') ? 'webhook_delivery_not_found' : 'webhook_endpoint_not_found',
    ]);
  });

  it('is open to no scope of mail', async () => {
    const key = await createApiKey(otpost.database.url, ['emails:send', 'emails:read']);
    const calls = [
      ['GET', ENDPOINTS],
      ['POST', ENDPOINTS],
      ['GET', `${ENDPOINTS}/${nobody}`],
      ['PATCH', `${ENDPOINTS}/${nobody}`],
      ['DELETE', `${ENDPOINTS}/${nobody}`],
      ['POST', `${ENDPOINTS}/${nobody}/rotate-secret`],
      ['POST', `${ENDPOINTS}/${nobody}/test`],
      ['GET', `${ENDPOINTS}/${nobody}/deliveries`],
      ['GET', `/v1/webhook-deliveries/${nobody}`],
      ['POST', `/v1/webhook-deliveries/${nobody}/redeliver`],
    ] as const;
    for (const [method, path] of calls) {
      const held = await otpost.api.send<ProblemBody>(method, path, { authorization: `Bearer ${key}` });
      expect([method, path, held.status, held.body.code]).toEqual([method, path, 403, 'scope_missing']);
      expect([method, path, (await otpost.api.send(method, path, {})).status]).toEqual([method, path, 401]);
    }
  });

  it('stands in the documentation', async () => {
    const { body } = await otpost.api.get<{
      paths: Record<string, object>;
      components: { schemas: Record<string, { properties: object }> };
    }>('/docs/json');
    expect(
      Object.keys(body.paths)
        .filter((path) => path.includes('webhook'))
        .sort(),
    ).toEqual([
      '/v1/webhook-deliveries/{id}',
      '/v1/webhook-deliveries/{id}/redeliver',
      ENDPOINTS,
      `${ENDPOINTS}/{id}`,
      `${ENDPOINTS}/{id}/deliveries`,
      `${ENDPOINTS}/{id}/rotate-secret`,
      `${ENDPOINTS}/{id}/test`,
    ]);
    expect(body.components.schemas['CreatedEndpointView']!.properties).toHaveProperty('secret');
    expect(body.components.schemas['WebhookEndpointView']!.properties).not.toHaveProperty('secret');
  });
});
