import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { HTTP_PATIENCE } from '../../../src/mail/transport/http/http-patience.js';
import { PATIENCE } from '../../../src/mail/transport/patience.js';
import { createApiKey } from '../../support/api-key.js';
import { type Otpost, startOtpost } from '../../support/otpost.js';
import { KEYS, type ProviderName } from '../../support/provider-apis.js';
import { type ProviderScript, ProviderServer } from '../../support/provider-server.js';
import { eventually } from '../../support/wait.js';

interface EmailBody {
  id: string;
  status: string;
  transport: string;
  lastErrorCode: string | null;
  attempts: number;
  events: { status: string; transport: string | null; reply: string | null; errorCode: string | null }[];
}

const MAIL = { to: 'grace@example.com', subject: 'Hello', text: 'Hello, Grace.', lane: 'critical' };

let otpost: Otpost | undefined;
let key: string;
let servers: ProviderServer[] = [];
const patience = { ...HTTP_PATIENCE };

beforeAll(() => {
  Object.assign(PATIENCE, { statesMs: 0, probeEveryMs: 1_000, longestBackoffMs: 1_000 });
  Object.assign(HTTP_PATIENCE, { connectMs: 500, transferMs: 500, answerMs: 500, idempotentAnswerMs: 300, resendAfterMs: [50, 50] });
});
afterEach(async () => {
  await otpost?.stop();
  await Promise.all(servers.map((server) => server.stop()));
  otpost = undefined;
  servers = [];
});
afterAll(() => Object.assign(HTTP_PATIENCE, patience));

async function provider(name: ProviderName, script: ProviderScript = () => undefined): Promise<ProviderServer> {
  const server = await ProviderServer.start(name);
  server.script = script;
  servers.push(server);
  return server;
}

/** As an entry of MAIL_TRANSPORTS. */
function entry(name: ProviderName, { url }: ProviderServer, wrongKey = false): string {
  const start = wrongKey ? 'wrong-' : '';
  const body = { ...KEYS, mailgun: `${KEYS.mailgun}@mg.example.com`, ses: 'eu-west-1' }[name];
  return `${name}:${name === 'ses' ? '' : start}${body}?endpoint=${url}`;
}

async function start(...transports: string[]): Promise<void> {
  otpost = await startOtpost({ MAIL_TRANSPORTS: transports.join(','), MAIL_FROM: "Ada's Post <post@example.com>", ...KEYS.aws });
  key = await createApiKey(otpost.database.url);
}

async function send(more: object = {}): Promise<string> {
  const { status, body } = await otpost!.api.post<{ id: string }>('/v1/emails', { ...MAIL, ...more }, { authorization: `Bearer ${key}` });
  expect(status).toBe(202);
  return body.id;
}

async function becomes(id: string, status: string): Promise<EmailBody> {
  return eventually(async () => {
    const { body } = await otpost!.api.get<EmailBody>(`/v1/emails/${id}`, key);
    return body.status === status && body;
  }, `the message to be ${status}`);
}

async function providerIdOf(id: string): Promise<string | null> {
  const [row] = await otpost!.database.query<{ id: string | null }>('SELECT provider_message_id AS id FROM outbound_emails WHERE id = $1', [id]);
  return row!.id;
}

const kindsOf = ({ events }: EmailBody) => events.map(({ status }) => status);

describe('mail by an HTTP provider', () => {
  it.each([
    ['resend', 'resend', 're-1', '200 {"id":"re-1"}'],
    ['sendgrid', 'sendgrid', 'sg-1', '202'],
    ['postmark', 'postmark', 'pm-1', '200 {'],
    ['mailgun', 'mailgun:mg.example.com', '<mg-1@mg.example.com>', '200 {'],
    ['brevo', 'brevo', '<br-1@smtp-relay.mailin.fr>', '201 {'],
    ['mailjet', 'mailjet', '1152921512345678901', '200 {'],
    ['ses', 'ses:eu-west-1', 'ses-1', '200 {"MessageId":"ses-1"}'],
  ] as const)('is sent through %s, whose words and id are kept', async (name, transport, providerId, reply) => {
    const server = await provider(name);
    await start(entry(name, server));
    const id = await send();
    const sent = await becomes(id, 'sent');
    expect(kindsOf(sent)).toEqual(['queued', 'sending', 'sent']);
    expect(sent.events.at(-1)).toMatchObject({ transport, reply: expect.stringContaining(reply) as string });
    expect(await providerIdOf(id)).toBe(providerId);
    expect(server.taken).toHaveLength(1);
    expect(server.taken[0]!.body + JSON.stringify(server.taken[0]!.headers)).toContain(id);
    const { body } = await otpost!.api.get<{ transports: { name: string; state: string }[] }>('/health/mail');
    expect(body.transports.map(({ name }) => name)).toEqual([transport]);
  });

  it('is kept when the key is refused, and goes out once it is mended', async () => {
    const server = await provider('postmark');
    await start(entry('postmark', server, true));
    const id = await send();
    const waiting = await becomes(id, 'deferred');
    expect([waiting.lastErrorCode, waiting.attempts]).toEqual(['http_auth', 0]);
    const states = await otpost!.database.query('SELECT name, pause_reason, paused_at IS NOT NULL AS paused FROM transport_states');
    expect(states).toEqual([{ name: 'postmark', pause_reason: 'http_auth', paused: true }]);
    server.script = () => ({ status: 200, body: { ErrorCode: 0, MessageID: 'mended' } });
    await becomes(id, 'sent'); // by the probe of the paused transport
    expect(await providerIdOf(id)).toBe('mended');
  });

  it('ends with an address that the provider knows as dead, and the address gets no more', async () => {
    const server = await provider('postmark', () => ({ status: 422, body: { ErrorCode: 406, Message: 'marked as inactive' } }));
    await start(entry('postmark', server));
    const failed = await becomes(await send(), 'failed');
    expect(failed.events.at(-1)).toMatchObject({ errorCode: 'http_422', reply: expect.stringContaining('marked as inactive') as string });
    await becomes(await send(), 'suppressed');
    expect(server.requests).toHaveLength(1);
  });

  it('waits as long as the provider asks for', async () => {
    const server = await provider('brevo', (time) => (time === 1 ? { status: 429, headers: { 'retry-after': '1' }, body: { code: 'too_many_requests' } } : undefined));
    await start(entry('brevo', server));
    const id = await send();
    await becomes(id, 'deferred');
    const first = performance.now();
    const sent = await becomes(id, 'sent');
    expect(performance.now() - first).toBeGreaterThan(700);
    expect(sent).toMatchObject({ attempts: 1, events: [{}, {}, { status: 'deferred', errorCode: 'http_429' }, {}, { status: 'sent' }] });
  });

  it('is sent when a provider that takes a request once answered the second time only', async () => {
    const server = await provider('resend', (time) => (time === 1 ? 'hang' : undefined));
    await start(entry('resend', server));
    const id = await send();
    expect(kindsOf(await becomes(id, 'sent'))).toEqual(['queued', 'sending', 'sent']);
    expect([await providerIdOf(id), server.requests.length]).toEqual(['re-1', 2]);
  });
});

describe('a message that has another way', () => {
  it.each([
    ['is away', 'refused'],
    ['says 503', { status: 503 }],
    ['has no credits left', { status: 402, body: { code: 'not_enough_credits' } }],
    ['refuses the key', { status: 401, body: {} }],
    ['does not know the sender', { status: 403, body: { name: 'validation_error' } }],
  ] as const)('takes it when the first provider %s', async (_, behaviour) => {
    const first = await provider('resend', () => (behaviour === 'refused' ? undefined : behaviour));
    const second = await provider('postmark');
    await start(entry('resend', first), entry('postmark', second));
    if (behaviour === 'refused') {
      await first.stop();
      servers = [second];
    }
    const sent = await becomes(await send(), 'sent');
    expect([sent.transport, second.taken.length, first.taken.length]).toEqual(['postmark', 1, 0]);
  });

  it.each(['hang', 'close', 'garbage'] as const)('stays where it may have been taken: the first provider took it all, then: %s', async (behaviour) => {
    const first = await provider('sendgrid', () => behaviour);
    const second = await provider('postmark');
    await start(entry('sendgrid', first), entry('postmark', second));
    const id = await send();
    const unknown = await eventually(async () => {
      const { body } = await otpost!.api.get<EmailBody>(`/v1/emails/${id}`, key);
      return body.events.some(({ status }) => status === 'unknown') && body;
    }, 'the outcome to be unknown');
    expect(unknown.events.find(({ status }) => status === 'unknown')).toMatchObject({ transport: 'sendgrid' });
    expect([first.requests.length, second.begun]).toEqual([1, 0]);
  });

  it('is told of by the host that cannot reach the first', async () => {
    const first = await provider('resend');
    const second = await provider('postmark');
    await start(entry('resend', first), entry('postmark', second));
    await first.stop();
    servers = [second];
    await becomes(await send(), 'sent');
    const felt = await otpost!.database.query('SELECT name, host FROM transport_hosts');
    expect(felt).toEqual([{ name: 'resend', host: hostname() }]);
  });
});

describe('file:', () => {
  it('writes what is sent into a folder', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'otpost-file-'));
    try {
      await start(`file:${folder}`);
      const id = await send();
      expect((await becomes(id, 'sent')).transport).toBe(`file:${folder}`);
      expect(await readdir(folder)).toEqual([await providerIdOf(id)]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
