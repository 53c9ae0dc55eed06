import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { HTTP_TIMEOUTS } from '../../../src/mail/providers/http-transport.js';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { KEYS, type ProviderName, type ReceivedRequest } from '../../support/http/provider-apis.js';
import { ProviderServer } from '../../support/http/provider-server.js';
import { freePort } from '../../support/network/free-port.js';
import { createApiKey } from '../../support/service/api-key.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { HeldTimers } from '../../support/signals/held-timers.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { wakeOnceDue } from '../../support/signals/wake.js';

putBackAfterwards(TIMEOUTS);
putBackAfterwards(HTTP_TIMEOUTS);
/** For answers: it runs out once a server has the whole request, and does not answer it. */
let timeForAnswers: HeldTimers;

interface EmailBody {
  id: string;
  status: string;
  transport: string;
  lastErrorCode: string | null;
  attempts: number;
  events: { at: string; status: string; transport: string | null; reply: string | null; errorCode: string | null }[];
}

/** What each of them is called in the record. */
const NAMES = {
  resend: 'resend',
  sendgrid: 'sendgrid',
  postmark: 'postmark',
  mailgun: 'mailgun:mg.example.com',
  brevo: 'brevo',
  mailjet: 'mailjet',
  ses: 'ses:eu-west-1',
} as const satisfies Record<ProviderName, string>;
const PROVIDERS = Object.keys(NAMES) as ProviderName[];

interface Service {
  otpost: Otpost;
  key: string;
}

/** All providers and a folder, in this order of preference; each case says which of them are open. */
let all: Service;
let folder: string;
const servers = {} as Record<ProviderName, ProviderServer>;
let people = 0;

beforeAll(async () => {
  Object.assign(TIMEOUTS, { statesMs: 0, probeEveryMs: 1_000, longestBackoffMs: 1_000 });
  timeForAnswers = HeldTimers.hold();
  const { ms } = timeForAnswers;
  Object.assign(HTTP_TIMEOUTS, { againAfterMs: [50, 50], answerMs: ms, idempotentAnswerMs: ms });
  for (const name of PROVIDERS) servers[name] = await ProviderServer.start(name);
  folder = await mkdtemp(join(tmpdir(), 'otpost-file-'));
  all = await start(...PROVIDERS.map((name) => entry(name, servers[name].url)), `file:${folder}`);
});
afterAll(async () => {
  await all.otpost.stop();
  timeForAnswers.letGo();
  await Promise.all(Object.values(servers).map((server) => server.stop()));
  await rm(folder, { recursive: true });
});

/** As an entry of MAIL_TRANSPORTS. */
function entry(name: ProviderName, url: string, wrongKey = false): string {
  const start = wrongKey ? 'wrong-' : '';
  const body = { ...KEYS, mailgun: `${KEYS.mailgun}@mg.example.com`, ses: 'eu-west-1' }[name];
  return `${name}:${name === 'ses' ? '' : start}${body}?endpoint=${url}`;
}

async function start(...transports: string[]): Promise<Service> {
  const otpost = await startOtpost({
    MAIL_TRANSPORTS: transports.join(','),
    MAIL_FROM: "Ada's Post <post@example.com>",
    ...KEYS.aws,
  });
  return { otpost, key: await createApiKey(otpost.database.url) };
}

/** Ends what the case before left. Only these ways are open from now on: the others are having a long break. */
async function open(...names: string[]): Promise<void> {
  const { database } = all.otpost;
  await eventually(async () => {
    await database.query(`DELETE FROM outbound_emails WHERE status <> 'sending'`);
    return (await database.query('SELECT FROM outbound_emails')).length === 0;
  }, 'the mail of the case before to be over');
  for (const server of Object.values(servers)) server.script = () => undefined;
  await database.query(
    `UPDATE transport_states SET paused_at = NULL, pause_reason = NULL, trial_until = NULL,
       failures = CASE WHEN name = ANY($1) THEN 0 ELSE 1 END, backoff_until = CASE WHEN name = ANY($1) THEN NULL ELSE now() + interval '1 hour' END`,
    [names],
  );
}

/** It has the whole request by now. */
function silence(): 'hang' {
  timeForAnswers.runOut();
  return 'hang';
}

/** What a provider is asked from now on. */
function watch(server: ProviderServer): { asked: () => number; begun: () => number; took: () => ReceivedRequest[] } {
  const [requests, begun, taken] = [server.requests.length, server.begun, server.taken.length];
  return {
    asked: () => server.requests.length - requests,
    begun: () => server.begun - begun,
    took: () => server.taken.slice(taken),
  };
}

const newAddress = (): string => `grace${++people}@example.com`;

async function send(to = newAddress(), { otpost, key } = all): Promise<string> {
  const mail = { to, subject: 'Hello', text: 'Hello, Grace.', lane: 'critical' };
  const { status, body } = await otpost.api.post<{ id: string }>('/v1/emails', mail, {
    authorization: `Bearer ${key}`,
  });
  expect(status).toBe(202);
  return body.id;
}

async function becomes(id: string, status: string, { otpost, key } = all): Promise<EmailBody> {
  return eventually(async () => {
    const { body } = await otpost.api.get<EmailBody>(`/v1/emails/${id}`, key);
    return body.status === status && body;
  }, `the message to be ${status}`);
}

async function providerIdOf(id: string, { otpost } = all): Promise<string | null> {
  const [row] = await otpost.database.query<{ id: string | null }>(
    'SELECT provider_message_id AS id FROM outbound_emails WHERE id = $1',
    [id],
  );
  return row!.id;
}

const kindsOf = ({ events }: EmailBody) => events.map(({ status }) => status);

describe('mail by an HTTP provider', () => {
  it.each([
    ['resend', 're-1', '200 {"id":"re-1"}'],
    ['sendgrid', 'sg-1', '202'],
    ['postmark', 'pm-1', '200 {'],
    ['mailgun', '<mg-1@mg.example.com>', '200 {'],
    ['brevo', '<br-1@smtp-relay.mailin.fr>', '201 {'],
    ['mailjet', '1152921512345678901', '200 {'],
    ['ses', 'ses-1', '200 {"MessageId":"ses-1"}'],
  ] as const)('is sent through %s, whose words and id are kept', async (name, providerId, reply) => {
    await open(NAMES[name]);
    const watched = watch(servers[name]);
    const id = await send();
    const sent = await becomes(id, 'sent');
    expect(kindsOf(sent)).toEqual(['queued', 'sending', 'sent']);
    expect(sent.events.at(-1)).toMatchObject({
      transport: NAMES[name],
      reply: expect.stringContaining(reply) as string,
    });
    expect(await providerIdOf(id)).toBe(providerId);
    expect(watched.took()).toHaveLength(1);
    expect(watched.took()[0]!.body + JSON.stringify(watched.took()[0]!.headers)).toContain(id);
    const { body } = watched.took()[0]!;
    const told =
      name === 'ses'
        ? Buffer.from(
            (JSON.parse(body) as { Content: { Raw: { Data: string } } }).Content.Raw.Data,
            'base64',
          ).toString()
        : decodeURIComponent(body);
    expect([told.includes('Auto-Submitted'), told.includes('X-Auto-Response-Suppress')]).toEqual([true, true]);
  });

  it('goes by transports that health calls by their names', async () => {
    const { body } = await all.otpost.api.get<{ transports: { name: string; state: string }[] }>('/health/mail');
    expect(body.transports.map(({ name }) => name)).toEqual([...Object.values(NAMES), `file:${folder}`]);
  });

  it('is kept when the key is refused, and goes out once it is mended', async () => {
    const server = await ProviderServer.start('postmark');
    const service = await start(entry('postmark', server.url, true));
    try {
      const to = newAddress();
      const id = await send(to, service);
      const waiting = await becomes(id, 'deferred', service);
      expect([waiting.lastErrorCode, waiting.attempts]).toEqual(['http_auth', 0]);
      const states = await service.otpost.database.query(
        'SELECT name, pause_reason, paused_at IS NOT NULL AS paused FROM transport_states',
      );
      expect(states).toEqual([{ name: 'postmark', pause_reason: 'http_auth', paused: true }]);
      server.script = () => ({ status: 200, body: { ErrorCode: 0, MessageID: 'mended' } });
      await wakeOnceDue(service.otpost, service.key, to);
      await becomes(id, 'sent', service); // by the probe of the paused transport
      expect(await providerIdOf(id, service)).toBe('mended');
    } finally {
      await service.otpost.stop();
      await server.stop();
    }
  });

  it('ends with an address that the provider knows as dead, and the address gets no more', async () => {
    await open('postmark');
    servers.postmark.script = () => ({ status: 422, body: { ErrorCode: 406, Message: 'marked as inactive' } });
    const watched = watch(servers.postmark);
    const to = newAddress();
    const failed = await becomes(await send(to), 'failed');
    expect(failed.events.at(-1)).toMatchObject({
      errorCode: 'http_422',
      reply: expect.stringContaining('marked as inactive') as string,
    });
    await becomes(await send(to), 'suppressed');
    expect(watched.asked()).toBe(1);
  });

  it('waits as long as the provider asks for', async () => {
    await open('brevo');
    const watched = watch(servers.brevo);
    servers.brevo.script = () =>
      watched.asked() === 1
        ? { status: 429, headers: { 'retry-after': '1' }, body: { code: 'too_many_requests' } }
        : undefined;
    const to = newAddress();
    const id = await send(to);
    await becomes(id, 'deferred');
    await wakeOnceDue(all.otpost, all.key, to);
    const sent = await becomes(id, 'sent');
    expect(Date.parse(sent.events[3]!.at) - Date.parse(sent.events[2]!.at)).toBeGreaterThanOrEqual(1_000);
    expect(sent).toMatchObject({
      attempts: 1,
      events: [{}, {}, { status: 'deferred', errorCode: 'http_429' }, {}, { status: 'sent' }],
    });
  });

  it('is sent when a provider that takes a request once answered the second time only', async () => {
    await open('resend');
    const watched = watch(servers.resend);
    servers.resend.script = (time) => (time > 0 && watched.asked() === 1 ? silence() : undefined);
    const id = await send();
    expect(kindsOf(await becomes(id, 'sent'))).toEqual(['queued', 'sending', 'sent']);
    expect([await providerIdOf(id), watched.asked()]).toEqual([`re-${servers.resend.taken.length}`, 2]);
  });
});

describe('a message that has another way', () => {
  it.each([
    ['says 503', { status: 503 }],
    ['has no credits left', { status: 402, body: { code: 'not_enough_credits' } }],
    ['refuses the key', { status: 401, body: {} }],
    ['does not know the sender', { status: 403, body: { name: 'validation_error' } }],
  ] as const)('takes it when the first provider %s', async (_, behaviour) => {
    await open('resend', 'postmark');
    servers.resend.script = () => behaviour;
    const [first, second] = [watch(servers.resend), watch(servers.postmark)];
    const sent = await becomes(await send(), 'sent');
    expect([sent.transport, second.took().length, first.asked(), first.took().length]).toEqual(['postmark', 1, 1, 0]);
  });

  it('takes it when the first provider is away, and this host alone is told that it is', async () => {
    const second = await ProviderServer.start('postmark');
    const service = await start(entry('resend', `http://127.0.0.1:${await freePort()}`), entry('postmark', second.url));
    try {
      const sent = await becomes(await send(newAddress(), service), 'sent', service);
      expect([sent.transport, second.taken.length]).toEqual(['postmark', 1]);
      const felt = await service.otpost.database.query('SELECT name, host FROM transport_hosts');
      expect(felt).toEqual([{ name: 'resend', host: hostname() }]);
    } finally {
      await service.otpost.stop();
      await second.stop();
    }
  });

  it.each(['hang', 'close', 'garbage'] as const)(
    'stays where it may have been taken: the first provider took it all, then: %s',
    async (behaviour) => {
      await open('sendgrid', 'postmark');
      servers.sendgrid.script = (time) => (time > 0 && behaviour === 'hang' ? silence() : behaviour);
      const [first, second] = [watch(servers.sendgrid), watch(servers.postmark)];
      const id = await send();
      const unknown = await eventually(async () => {
        const { body } = await all.otpost.api.get<EmailBody>(`/v1/emails/${id}`, all.key);
        return body.events.some(({ status }) => status === 'unknown') && body;
      }, 'the outcome to be unknown');
      expect(unknown.events.find(({ status }) => status === 'unknown')).toMatchObject({ transport: 'sendgrid' });
      expect([first.asked(), second.begun()]).toEqual([1, 0]);
    },
  );
});

describe('file:', () => {
  it('writes what is sent into a folder', async () => {
    await open(`file:${folder}`);
    const id = await send();
    expect((await becomes(id, 'sent')).transport).toBe(`file:${folder}`);
    expect(await readdir(folder)).toEqual([await providerIdOf(id)]);
  });
});
