import { randomUUID } from 'node:crypto';
import { WebhookClient } from '../../support/http/webhook-client.js';
import { type Respond, signaturesBy, WebhookReceiver } from '../../support/http/webhook-receiver.js';
import { createApiKey } from '../../support/service/api-key.js';
import { atRest } from '../../support/service/at-rest.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { postfixDsn } from '../../support/smtp/bounces.js';
import { eventually } from '../../support/signals/wait.js';

const status =
  (code: number, headers: Record<string, string> = {}, body = ''): Respond =>
  (response) =>
    void response.writeHead(code, headers).end(body);

describe('webhooks', () => {
  const clock = new HeldClock();
  let otpost: Otpost;
  let receiver: WebhookReceiver;
  let client: WebhookClient;
  let next = 0;
  const warnings: Error[] = [];
  const warned = (warning: Error): void => void warnings.push(warning);

  beforeAll(async () => {
    process.on('warning', warned);
    otpost = await startOtpost({}, clock);
    receiver = await WebhookReceiver.start();
    client = await WebhookClient.for(otpost);
  });
  afterAll(async () => {
    await otpost.stop();
    await receiver.stop();
    process.off('warning', warned);
    expect(warnings).toEqual([]);
  });
  afterEach(() => otpost.database.query('TRUNCATE webhook_endpoints CASCADE'));

  /** An endpoint that is told of nothing but tests, at a path of its own; where of more, of nothing sent before. */
  async function endpointFor(respond?: Respond, events = ['email.complained']) {
    await atRest(otpost.database);
    const path = `/hook/${next++}`;
    if (respond) receiver.answer(path, respond);
    return { path, ...(await client.register(receiver.url(path), events)) };
  }

  it('tell of every change of a message, signed, without its content', async () => {
    const { path, secret } = await endpointFor(undefined, []);
    const emailId = await client.send();
    const webhooks = await receiver.arrived(path, 2);
    const [queued, sent] = ['email.queued', 'email.sent'].map((type) =>
      webhooks.find(({ json }) => json.type === type)!,
    );
    expect(queued!.json.data).toMatchObject({
      id: emailId,
      status: 'queued',
      attempt: 0,
      transport: null,
      providerMessageId: null,
    });
    expect(sent!.json).toEqual({
      type: 'email.sent',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as string,
      data: {
        id: emailId,
        to: 'ada@example.com',
        template: null,
        lane: 'default',
        status: 'sent',
        attempt: 1,
        transport: 'capture',
        reply: expect.any(String) as string,
        errorCode: null,
        messageId: expect.stringContaining(emailId) as string,
        providerMessageId: expect.any(String) as string,
        createdAt: expect.stringMatching(/Z$/) as string,
        scheduledAt: null,
        expiresAt: null,
        tags: [],
        metadata: {},
        splitFrom: null,
      },
    });
    for (const webhook of [queued!, sent!]) {
      expect(webhook.method).toBe('POST');
      expect(webhook.headers).toMatchObject({
        'content-type': 'application/json',
        'user-agent': expect.stringMatching(/^Otpost\//) as string,
        'webhook-id': expect.stringMatching(/^[\w-]{36}$/) as string,
        'webhook-timestamp': String(Math.floor(clock.now().getTime() / 1_000)),
      });
      expect(await signaturesBy(secret, webhook)).toBe(1);
      expect(webhook.body).not.toContain('private');
    }
    await client.becomes(String(sent!.headers['webhook-id']), 'delivered');
    expect(
      receiver
        .at(path)
        .map(({ json }) => json.type)
        .sort(),
    ).toEqual(['email.queued', 'email.sent']);
  });

  it('tell what the sender called it, and what it was split off', async () => {
    const { path } = await endpointFor(undefined, ['email.cancelled']);
    const id = await client.send({ scheduledAt: new Date(Date.now() + 86_400_000).toISOString() });
    const splitFrom = randomUUID();
    await otpost.database.query(
      `UPDATE outbound_emails SET tags = '{invoices,"a, b"}', metadata = '{"order":"4711"}', split_from = $2 WHERE id = $1`,
      [id, splitFrom],
    );
    expect((await client.ask('POST', `/v1/emails/${id}/cancel`)).status).toBe(200);
    const [cancelled] = await receiver.arrived(path, 1);
    expect(cancelled!.json.data).toMatchObject({
      id,
      tags: ['invoices', 'a, b'],
      metadata: { order: '4711' },
      splitFrom,
    });
  });

  it('never tell codes', async () => {
    const { path } = await endpointFor(undefined, []);
    const { challenge } = await otpost.api.register('grace@example.com');
    const webhooks = await receiver.arrived(path, 2);
    const [mail] = await otpost.database.query<{ text: string }>(
      'SELECT text FROM captured_messages ORDER BY created_at DESC LIMIT 1',
    );
    const code = /\b\d{6}\b/.exec(mail!.text)![0];
    for (const { json, body } of webhooks) {
      expect(json.data).toMatchObject({ to: 'grace@example.com', template: 'register-code', lane: 'critical' });
      expect(body).not.toContain(challenge.reference);
      // Digits of a uuid may come out the same; a code stands alone.
      expect(body).not.toMatch(new RegExp(`(?<![0-9a-f])${code}(?![0-9a-f])`));
    }
  });

  it('tell only what an endpoint wants, and nothing while it is disabled', async () => {
    const wanted = await endpointFor(undefined, ['email.sent']);
    const disabled = await endpointFor(undefined, []);
    await client.ask('PATCH', `/v1/webhook-endpoints/${disabled.id}`, { disabled: true });
    await client.send();
    await receiver.arrived(wanted.path);
    const deliveries = await otpost.database.query('SELECT endpoint_id, type FROM webhook_deliveries');
    expect(deliveries).toEqual([{ endpoint_id: wanted.id, type: 'email.sent' }]);
  });

  it('can be tried out with a test event', async () => {
    const { id, path, secret } = await endpointFor();
    const delivery = await client.test(id);
    const [webhook] = await receiver.arrived(path);
    expect(webhook!.json).toMatchObject({ type: 'webhook.test', data: { endpointId: id } });
    expect(webhook!.headers['webhook-id']).toBe(delivery);
    expect(await signaturesBy(secret, webhook!)).toBe(1);
    expect(await client.becomes(delivery, 'delivered')).toMatchObject({
      type: 'webhook.test',
      emailId: null,
      attempts: 1,
    });
  });

  it('are sent again until they are taken, each time with the same id and body and a new timestamp', async () => {
    const { id, path, secret } = await endpointFor(
      (response, _, nth) => void response.writeHead(nth < 3 ? 500 : 200).end(`answer ${nth}`),
    );
    const delivery = await client.test(id);
    const first = await client.becomes(delivery, 'deferred');
    expect(first.attempts).toBe(1);
    const [wait] = await otpost.database.query<{ seconds: number }>(
      `SELECT extract(epoch FROM d.next_attempt_at - a.at)::float8 AS seconds FROM webhook_deliveries d JOIN webhook_attempts a ON a.delivery_id = d.id WHERE d.id = $1`,
      [delivery],
    );
    expect([wait!.seconds >= 3, wait!.seconds <= 5.5]).toEqual([true, true]);
    clock.advance(5);
    await client.makeDue(delivery);
    await client.becomes(delivery, 'deferred', 2);
    clock.advance(30);
    await client.makeDue(delivery);
    const last = await client.becomes(delivery, 'delivered', 3);
    expect(
      last.log.map(({ attempt, statusCode, errorCode, response }) => [attempt, statusCode, errorCode, response]),
    ).toEqual([
      [1, 500, 'http_status', 'answer 1'],
      [2, 500, 'http_status', 'answer 2'],
      [3, 200, null, 'answer 3'],
    ]);
    const webhooks = receiver.at(path);
    expect(new Set(webhooks.map(({ headers, body }) => `${String(headers['webhook-id'])} ${body}`)).size).toBe(1);
    const times = webhooks.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(times.map((time) => time - times[0]!)).toEqual([0, 5, 35]);
    for (const webhook of webhooks) expect(await signaturesBy(secret, webhook)).toBe(1);
    expect(await client.endpoint(id)).toMatchObject({ failures: 0, failingSince: null, backoffUntil: null });
  });

  describe('say the same each time,', () => {
    const failsOnce: Respond = (response, _, nth) => void response.writeHead(nth === 1 ? 500 : 204).end();

    /** Both bodies of the only webhook. */
    async function bodiesAround(path: string, change: () => Promise<unknown>): Promise<[string, string]> {
      const [first] = await receiver.arrived(path);
      const delivery = String(first!.headers['webhook-id']);
      await client.becomes(delivery, 'deferred');
      await change();
      await client.makeDue(delivery);
      const [, second] = await receiver.arrived(path, 2);
      return [first!.body, second!.body];
    }

    it('though the message is to go out at another time', async () => {
      const { path } = await endpointFor(failsOnce, ['email.scheduled']);
      const [soon, later] = [1, 2].map((days) => new Date(Date.now() + days * 86_400_000).toISOString());
      const id = await client.send({ scheduledAt: soon });
      const [first, second] = await bodiesAround(path, async () => {
        const { status: answered } = await client.ask('PATCH', `/v1/emails/${id}`, { scheduledAt: later });
        expect(answered).toBe(200);
      });
      expect(JSON.parse(first)).toMatchObject({ data: { id, scheduledAt: soon } });
      expect(second).toBe(first);
    });

    it('though the message was to go out at once, and is scheduled now', async () => {
      const { path } = await endpointFor(failsOnce, ['email.queued']);
      const id = await client.send();
      const [first, second] = await bodiesAround(path, () =>
        otpost.database.query('UPDATE outbound_emails SET scheduled_at = now() WHERE id = $1', [id]),
      );
      expect(JSON.parse(first)).toMatchObject({ data: { id, scheduledAt: null } });
      expect(second).toBe(first);
    });

    it('though one of its recipients is told of apart', async () => {
      const { path } = await endpointFor(failsOnce, ['email.sent']);
      const id = await client.send({ to: ['katherine@example.com', 'grace@example.com'] });
      const [first, second] = await bodiesAround(path, async () => {
        const key = await createApiKey(otpost.database.url, ['admin']);
        const headers = { 'content-type': 'message/rfc822', authorization: `Bearer ${key}` };
        const bounce = postfixDsn({ id, recipient: 'katherine@example.com' }).toString();
        await otpost.api.send('POST', '/v1/hooks/dsn', headers, bounce);
        const left = await otpost.database.query('SELECT to_address FROM outbound_emails WHERE id = $1', [id]);
        expect(left).toEqual([{ to_address: 'grace@example.com' }]);
      });
      expect(JSON.parse(first)).toMatchObject({ data: { id, to: 'katherine@example.com' } });
      expect(second).toBe(first);
    });
  });

  it('fail after the last attempt', async () => {
    const { id } = await endpointFor(status(500));
    const delivery = await client.test(id);
    await client.becomes(delivery, 'deferred');
    await otpost.database.query('UPDATE webhook_deliveries SET attempts = 11 WHERE id = $1', [delivery]);
    await client.makeDue(delivery);
    expect(await client.becomes(delivery, 'failed', 2)).toMatchObject({ attempts: 12, nextAttemptAt: null });
  });

  it('disable an endpoint that answers 410, and fail what waits for it', async () => {
    const { id, path } = await endpointFor(status(410));
    const [waiting] = await otpost.database.query<{ id: string }>(
      `INSERT INTO webhook_deliveries (endpoint_id, type, payload, status, next_attempt_at) VALUES ($1, 'webhook.test', '{}', 'deferred', now() + interval '1 hour') RETURNING id`,
      [id],
    );
    const delivery = await client.test(id);
    expect(await client.becomes(delivery, 'failed')).toMatchObject({ log: [{ statusCode: 410, errorCode: 'gone' }] });
    expect(await client.becomes(waiting!.id, 'failed')).toMatchObject({
      log: [{ statusCode: null, errorCode: 'endpoint_disabled' }],
    });
    expect(await client.endpoint(id)).toMatchObject({
      disabledReason: 'gone',
      disabledAt: expect.any(String) as string,
    });
    expect((await client.ask('POST', `/v1/webhook-endpoints/${id}/test`)).status).toBe(409);
    expect(receiver.at(path)).toHaveLength(1);
  });

  it('disable an endpoint that took nothing for five days', async () => {
    const { id } = await endpointFor(status(500));
    await otpost.database.query(
      `UPDATE webhook_endpoints SET failures = 30, failing_since = now() - interval '5 days' WHERE id = $1`,
      [id],
    );
    const delivery = await client.test(id);
    await client.becomes(delivery, 'failed');
    expect(await client.endpoint(id)).toMatchObject({ disabledReason: 'failing', failures: 31 });

    const { body } = await client.ask('PATCH', `/v1/webhook-endpoints/${id}`, { disabled: false });
    expect(body).toMatchObject({ disabledAt: null, disabledReason: null, failures: 0, failingSince: null });
  });

  describe('of an endpoint that began anew while an attempt was under way', () => {
    /**
     * Answers the attempt only after the endpoint was changed, and takes all that come later. @param failures of five
     * days
     */
    async function changedMeanwhile(answer: Respond, change: (path: string) => object, failures = 0) {
      let answerNow: (() => void) | undefined;
      const respond: Respond = (response, received, nth) =>
        nth === 1 ? void (answerNow = () => answer(response, received, nth)) : void response.writeHead(204).end();
      const { id, path } = await endpointFor(respond);
      await otpost.database.query(
        `UPDATE webhook_endpoints SET failures = $2, failing_since = now() - interval '5 days' WHERE id = $1 AND $2 > 0`,
        [id, failures],
      );
      const delivery = await client.test(id);
      await receiver.arrived(path);
      const { status: answered } = await client.ask('PATCH', `/v1/webhook-endpoints/${id}`, change(path));
      expect(answered).toBe(200);
      answerNow!();
      return { id, delivery };
    }
    const changes = [
      ['got another address', (path: string) => ({ url: receiver.url(`${path}/new`) })],
      ['was enabled', () => ({ disabled: false })],
    ] as const;

    it.each(changes)('go on, though the one that was is gone (it %s)', async (_, change) => {
      const { id, delivery } = await changedMeanwhile(status(410), change);
      const { log } = await client.becomes(delivery, 'delivered', 2);
      expect(log.map(({ statusCode, errorCode }) => [statusCode, errorCode])).toEqual([
        [410, 'gone'],
        [204, null],
      ]);
      expect(await client.endpoint(id)).toMatchObject({ disabledAt: null, failures: 0, failingSince: null });
    });

    it.each(changes)('do not wait because the one that was asked for it (it %s)', async (_, change) => {
      const { id, delivery } = await changedMeanwhile(status(503, { 'retry-after': '600' }), change);
      const { log } = await client.becomes(delivery, 'delivered', 2);
      expect(log.map(({ statusCode }) => statusCode)).toEqual([503, 204]);
      expect(await client.endpoint(id)).toMatchObject({ failures: 0, failingSince: null, backoffUntil: null });
      await client.becomes(await client.test(id), 'delivered');
    });

    it('go on, though the one that was took nothing for five days', async () => {
      const { id, delivery } = await changedMeanwhile(status(500), () => ({ disabled: false }), 30);
      await client.becomes(delivery, 'delivered', 2);
      expect(await client.endpoint(id)).toMatchObject({ disabledAt: null, failures: 0 });
    });
  });

  it('do not follow a redirect', async () => {
    const { id, path } = await endpointFor(status(302, { location: receiver.url('/elsewhere') }));
    const delivery = await client.test(id);
    expect((await client.becomes(delivery, 'deferred')).log).toMatchObject([
      { statusCode: 302, errorCode: 'redirect' },
    ]);
    expect([receiver.at(path).length, receiver.at('/elsewhere').length]).toEqual([1, 0]);
  });

  it('wait as long as the endpoint asks, all of them', async () => {
    const { id, path } = await endpointFor(status(429, { 'retry-after': '600' }));
    const delivery = await client.test(id);
    const { log } = await client.becomes(delivery, 'deferred');
    expect(log).toMatchObject([{ statusCode: 429, errorCode: 'rate_limited' }]);
    const waits = await otpost.database.query(
      `SELECT d.next_attempt_at >= a.at + interval '10 minutes' AS delivery, e.backoff_until >= a.at + interval '9 minutes' AS endpoint
       FROM webhook_deliveries d JOIN webhook_attempts a ON a.delivery_id = d.id JOIN webhook_endpoints e ON e.id = d.endpoint_id WHERE d.id = $1`,
      [delivery],
    );
    expect(waits).toEqual([{ delivery: true, endpoint: true }]);
    // What comes meanwhile waits too, though others are served.
    await otpost.database.query(
      `INSERT INTO webhook_deliveries (endpoint_id, type, payload) VALUES ($1, 'webhook.test', '{}')`,
      [id],
    );
    const other = await endpointFor();
    await client.becomes(await client.test(other.id), 'delivered');
    expect(receiver.at(path)).toHaveLength(1);
  });

  it('leave an endpoint alone that is down, and try it with one delivery', async () => {
    let down = true;
    const { id, path } = await endpointFor((response) => void response.writeHead(down ? 503 : 200).end());
    await otpost.database.query(
      `INSERT INTO webhook_deliveries (endpoint_id, type, payload) SELECT $1, 'webhook.test', '{}' FROM generate_series(1, 40)`,
      [id],
    );
    // Ten at once fail; those that follow, one by one, leave it alone.
    await eventually(
      async () => (await client.endpoint(id)).backoffUntil !== null && receiver.at(path).length >= 10,
      'the endpoint to count as down',
    );
    const untilDown = receiver.at(path).length;
    expect(untilDown).toBeLessThan(25);
    down = false;
    await otpost.database.query('UPDATE webhook_endpoints SET backoff_until = NULL WHERE id = $1', [id]);
    await receiver.arrived(path, 40);
    expect(await client.endpoint(id)).toMatchObject({ failures: 0 });
  });

  it('are signed by both secrets for a day after a rotation', async () => {
    const { id, path, secret: former } = await endpointFor();
    const { body } = await client.ask<{ secret: string }>('POST', `/v1/webhook-endpoints/${id}/rotate-secret`);
    const [until] = await otpost.database.query<{ hours: number }>(
      'SELECT extract(epoch FROM previous_secret_until - now())::float8 / 3600 AS hours FROM webhook_endpoints WHERE id = $1',
      [id],
    );
    expect([until!.hours > 23, until!.hours <= 24]).toEqual([true, true]);
    await client.test(id);
    const [both] = await receiver.arrived(path);
    expect(String(both!.headers['webhook-signature']).split(' ')).toHaveLength(2);
    expect([await signaturesBy(former, both!), await signaturesBy(body.secret, both!)]).toEqual([1, 1]);

    await otpost.database.query('UPDATE webhook_endpoints SET previous_secret_until = now() WHERE id = $1', [id]);
    await client.test(id);
    const [, one] = await receiver.arrived(path, 2);
    expect(String(one!.headers['webhook-signature']).split(' ')).toHaveLength(1);
    expect([await signaturesBy(former, one!), await signaturesBy(body.secret, one!)]).toEqual([0, 1]);
  });

  it('can be sent again by hand, under the same id', async () => {
    const { id, path } = await endpointFor(undefined, ['email.sent']);
    const emailId = await client.send();
    const [first] = await receiver.arrived(path);
    const delivery = String(first!.headers['webhook-id']);
    expect(await client.becomes(delivery, 'delivered')).toMatchObject({ emailId, endpointId: id });
    const { status: answered, body } = await client.ask('POST', `/v1/webhook-deliveries/${delivery}/redeliver`);
    expect([answered, body]).toEqual([202, { id: delivery, status: 'queued' }]);
    const [, second] = await receiver.arrived(path, 2);
    expect([second!.headers['webhook-id'], second!.body]).toEqual([delivery, first!.body]);
    expect(await client.becomes(delivery, 'delivered', 2)).toMatchObject({ attempts: 1 });

    await otpost.database.query('DELETE FROM outbound_emails WHERE id = $1', [emailId]);
    const gone = await client.ask('POST', `/v1/webhook-deliveries/${delivery}/redeliver`);
    expect([gone.status, gone.body]).toEqual([409, expect.objectContaining({ code: 'content_erased' })]);
  });

  it('of an endpoint that hangs do not hold up those of others', async () => {
    const hanging = await endpointFor(() => undefined);
    await otpost.database.query(
      `INSERT INTO webhook_deliveries (endpoint_id, type, payload) SELECT $1, 'webhook.test', '{}' FROM generate_series(1, 100)`,
      [hanging.id],
    );
    await receiver.arrived(hanging.path, 10);
    const meanwhile: number[] = [];
    const healthy = await endpointFor((response) => {
      meanwhile.push(receiver.at(hanging.path).length);
      response.writeHead(204).end();
    }, []);
    await client.send();
    await receiver.arrived(healthy.path, 2);
    expect(meanwhile.slice(0, 2)).toEqual([10, 10]); // none of those that hang had ended
  });
});
