import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  ConnectionError,
  InvalidToken,
  InvalidWebhook,
  Otpost as Client,
  Problem,
} from '../../../clients/typescript/src/index.js';
import { freePort } from '../../support/network/free-port.js';
import { WebhookReceiver } from '../../support/http/webhook-receiver.js';
import { ApiDocument } from '../../support/openapi/document.js';
import { createApiKey } from '../../support/service/api-key.js';
import { atRest } from '../../support/service/at-rest.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { codeFromInbox } from '../../support/service/story.js';
import { eventually } from '../../support/signals/wait.js';

const SOURCES = fileURLToPath(new URL('../../../clients/typescript/src/', import.meta.url));

/** What the client leaves out, and why. */
const LEFT_OUT: Record<string, string> = {
  'POST /v1/setup': 'A person does it, once, with the link that a start prints.',
  'POST /v1/hooks/dsn': 'Mail servers call it.',
  'POST /v1/hooks/{provider}': 'Providers call it.',
  'POST /v1/hooks/in/{source}': 'Auth systems call it.',
  'POST /v1/hooks/in/generic/{name}': 'Auth systems call it.',
  'GET /inbox/messages': 'It is there in development alone.',
  'DELETE /inbox/messages': 'It is there in development alone.',
  'GET /inbox/messages/{id}': 'It is there in development alone.',
  'GET /health/mail': 'Monitoring reads it.',
  'GET /health': 'Platforms read it.',
  'GET /health/live': 'Platforms read it.',
  'GET /metrics': 'Prometheus reads it.',
  'GET /v1/operations/overview': 'The page of operators shows it.',
  'GET /v1/operations/sms': 'The page of operators shows it.',
  'GET /v1/operations/schedules': 'The page of operators shows it.',
  'GET /v1/operations/events': 'The page of operators follows it.',
  'POST /v1/operations/codes': 'A trial on the page of operators.',
  'POST /v1/operations/codes/{id}/check': 'A trial on the page of operators.',
  'POST /v1/operations/transports/{name}/test': 'A button of the page of operators.',
  'POST /v1/operations/lanes/{lane}/pause': 'A button of the page of operators.',
  'POST /v1/operations/lanes/{lane}/resume': 'A button of the page of operators.',
  'POST /v1/operations/transports/{name}/resume': 'A button of the page of operators.',
};

describe('the client, with the service', () => {
  let otpost: Otpost;
  let client: Client;
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    otpost = await startOtpost({ PORT: String(port), APP_URL: url });
    receiver = await WebhookReceiver.start();
    client = new Client({ baseUrl: url, apiKey: await createApiKey(otpost.database.url, ['admin']) });
  });
  afterAll(async () => {
    await otpost.stop();
    await receiver.stop();
  });

  it('has every call of the API but those that are named', async () => {
    const sources = readdirSync(SOURCES)
      .filter((file) => file !== 'schema.ts')
      .map((file) => readFileSync(SOURCES + file, 'utf8'))
      .join('\n');
    const made = [...sources.matchAll(/\.(?:call\(\s*'(\w+)',|list\()\s*'([^']+)'/g)].map(
      ([, method = 'get', path]) => `${method.toUpperCase()} ${path}`,
    );
    // Streams, and keys that jose asks for.
    const inAnotherWay = ['GET /v1/otp/{id}/delivery/events', 'GET /.well-known/jwks.json'];
    const documented = (await ApiDocument.of(otpost.api)).calls.map(({ method, path }) => `${method} ${path}`);
    expect([...made, ...inAnotherWay, ...Object.keys(LEFT_OUT)].sort()).toEqual(documented.sort());
  });

  it('sends a file as it is, and reads the message back as it went', async () => {
    const bytes = Uint8Array.from({ length: 30_000 }, (_, index) => index % 256);
    const { id } = await client.emails.send({
      to: ['Ada <ada@example.com>'],
      subject: 'A file',
      text: 'It is attached.',
      attachments: [{ filename: 'all.bin', content: bytes }],
    });
    const source = new TextDecoder().decode(await client.emails.source(id));
    const part = /filename="?all\.bin"?[\s\S]*?\r\n\r\n([\s\S]*?)\r\n--/.exec(source)![1]!;
    expect(Buffer.from(part, 'base64').equals(Buffer.from(bytes))).toBe(true);
    const email = await eventually(async () => {
      const now = await client.emails.get(id);
      return now.status === 'sent' && now;
    }, 'the mail to be sent');
    expect(email.events.map(({ status }) => status).at(-1)).toBe('sent');
  });

  it('turns pages by itself, each item once', async () => {
    const tag = 'paged';
    const drafts = Array.from({ length: 7 }, (_, index) => ({
      to: `reader-${index}@example.com`,
      subject: `${index}`,
      text: '.',
      tags: [tag],
    }));
    const sent = (await client.emails.batch(drafts)).map((item) => ('id' in item ? item.id : item.code));
    const sizes: number[] = [];
    for await (const { items } of client.emails.list({ tag, limit: 3 }).pages()) sizes.push(items.length);
    expect(sizes).toEqual([3, 3, 1]);
    const seen: string[] = [];
    for await (const { id } of client.emails.list({ tag, limit: 2 })) seen.push(id);
    expect(seen.sort()).toEqual(sent.sort());
    const { nextCursor } = await client.emails.list({ tag, limit: 5 });
    expect((await client.emails.list({ tag, cursor: nextCursor! })).items.length).toBe(2);
  });

  it('sends once under one key, and says where that is broken', async () => {
    const draft = { to: 'ada@example.com', subject: 'Once', text: '.' };
    const first = await client.emails.send(draft, { idempotencyKey: 'once' });
    expect(await client.emails.send(draft, { idempotencyKey: 'once' })).toEqual(first);
    const other = client.emails.send({ ...draft, subject: 'Twice' }, { idempotencyKey: 'once' });
    await expect(other).rejects.toMatchObject({ status: 422, code: 'idempotency_mismatch' });
  });

  it('tells problems with field and remedy', async () => {
    const error = await client.emails.send({ to: 'nobody', subject: 'Hello' }).catch((thrown: unknown) => thrown);
    if (!Problem.is(error, 'validation_failed')) throw error;
    expect(error.errors.map(({ field }) => field)).toContain('to');
    expect([error.status, error.remedy.length > 0, typeof error.requestId]).toEqual([422, true, 'string']);
    const stranger = new Client({ baseUrl: otpost.api.url, apiKey: 'otp_live_nobody' });
    await expect(stranger.emails.list()).rejects.toMatchObject({ code: 'unauthorized' });
  });

  it('knows whose token that is, and when it is none', async () => {
    const issued = await client.accounts.register({ email: 'grace@example.com' });
    const { code } = await codeFromInbox(otpost.api, 'grace@example.com', issued);
    const { accessToken, account } = await client.otp.verify(issued.challenge.id, { code });
    expect(await client.verifyToken(accessToken)).toMatchObject({ accountId: account.id });
    expect((await client.as(accessToken).me.get()).email).toBe('grace@example.com');
    const changed = accessToken.replace(/\.[^.]+\./, (part) => `${part.slice(0, -3)}AA.`);
    for (const token of ['', 'none', changed])
      await expect(client.verifyToken(token)).rejects.toBeInstanceOf(InvalidToken);
    const elsewhere = new Client({ baseUrl: otpost.api.url, issuer: 'https://accounts.example.com' });
    await expect(elsewhere.verifyToken(accessToken)).rejects.toBeInstanceOf(InvalidToken);
    const lonely = new Client({ baseUrl: `http://127.0.0.1:${await freePort()}` });
    await expect(lonely.verifyToken(accessToken)).rejects.toBeInstanceOf(ConnectionError);
  });

  it('takes webhooks of the service, and of nobody else', async () => {
    await atRest(otpost.database);
    const { secret } = await client.webhooks.create({ url: receiver.url('/client'), events: ['email.sent'] });
    const { id } = await client.emails.send({
      to: 'ada@example.com',
      subject: 'Told',
      text: '.',
      metadata: { order: '4711' },
    });
    const [webhook] = await receiver.arrived('/client');
    const event = client.webhooks.verify(webhook!.body, webhook!.headers, secret);
    expect(event).toMatchObject({ type: 'email.sent', data: { id, status: 'sent', metadata: { order: '4711' } } });
    const bytes = new TextEncoder().encode(webhook!.body);
    expect(client.webhooks.verify(bytes, new Headers(webhook!.headers as Record<string, string>), secret)).toEqual(
      event,
    );
    const others = `whsec_${Buffer.alloc(24).toString('base64')}`;
    for (const [body, headers, key] of [
      [`${webhook!.body} `, webhook!.headers, secret],
      [webhook!.body, {}, secret],
      [webhook!.body, { ...webhook!.headers, 'webhook-timestamp': '1' }, secret],
      [webhook!.body, webhook!.headers, others],
    ] as const)
      expect(() => client.webhooks.verify(body, headers, key)).toThrow(InvalidWebhook);
  });

  it('follows what becomes of a code until it is told no more', async () => {
    const { id } = await client.verifications.create({ to: 'ada@example.com', purpose: 'follow' });
    const seen: string[] = [];
    for await (const { status } of client.otp.follow(id)) {
      seen.push(status);
      if (status === 'sent') break;
    }
    expect(seen.at(-1)).toBe('sent');
    await expect(client.otp.follow('unknown').next()).rejects.toMatchObject({ code: 'challenge_not_found' });
    const reason = new Error('the page is closed');
    const leaving = new AbortController();
    const following = client.otp.follow(id, { signal: leaving.signal });
    await following.next();
    leaving.abort(reason);
    await expect(following.next()).rejects.toBe(reason);
  });
});
