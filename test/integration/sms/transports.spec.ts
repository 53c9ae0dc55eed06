import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TIMEOUTS } from '../../../src/mail/transport/timeouts.js';
import { ProviderServer } from '../../support/http/provider-server.js';
import {
  codeInText,
  smsApi,
  SMS_ENTRIES,
  SMS_SECRETS,
  type SmsProviderName,
  textIn,
} from '../../support/http/sms-apis.js';
import { createApiKey } from '../../support/service/api-key.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { putBackAfterwards } from '../../support/signals/put-back.js';
import { eventually } from '../../support/signals/wait.js';
import { SmtpSink } from '../../support/smtp/smtp-sink.js';

putBackAfterwards(TIMEOUTS);

interface Verification {
  id: string;
  status: string;
  to: string;
  alsoTo?: string;
  resendAfter: string;
  delivery: { status: string; fault?: string };
  deliveries?: Record<'email' | 'sms', { status: string }>;
}
type Body = Verification & ProblemBody;

interface Message {
  id: string;
  status: string;
  channel: string;
  lane: string;
  transport: string | null;
  attempts: number;
  last_error_code: string | null;
  provider_message_id: string | null;
  sealed: boolean;
}

const PROVIDERS = Object.keys(SMS_ENTRIES) as SmsProviderName[];
const servers = {} as Record<SmsProviderName | 'http', ProviderServer>;
let folder: string;
let sink: SmtpSink;
let otpost: Otpost;
let key: string;
let people = 0;

/** A gateway of no known kind: JSON in, and 200 for what it refuses. */
const GATEWAY = `
url: URL/v1/messages/{{ number }}
headers:
  x-api-key: '{{ key }}'
json:
  to: '{{ to }}'
  content: '{{ text }}'
  options: { flash: false, tags: [otp, '{{ id }}'] }
id: /data/id
state: /data/state
refused: [rejected]
`;

beforeAll(async () => {
  Object.assign(TIMEOUTS, { statesMs: 0, probeEveryMs: 1_000, longestBackoffMs: 1_000 });
  for (const name of PROVIDERS) servers[name] = await ProviderServer.start(smsApi(name));
  servers.http = await ProviderServer.start(({ headers, body }) =>
    headers['x-api-key'] === 'gateway-key'
      ? { status: 200, body: { data: { id: `gw-${body.length}`, state: 'accepted' } } }
      : { status: 401, body: { error: 'no' } },
  );
  folder = await mkdtemp(join(tmpdir(), 'otpost-gateway-'));
  await writeFile(join(folder, 'mine.yaml'), GATEWAY.replace('URL', servers.http.url));
  sink = await SmtpSink.start();
  const entries = PROVIDERS.map((name) => `${SMS_ENTRIES[name]}?endpoint=${servers[name].url}`);
  otpost = await startOtpost({
    MAIL_TRANSPORTS: sink.url,
    MAIL_FROM: 'Acme <no-reply@example.com>',
    SMS_TRANSPORTS: [...entries, `http:${folder}/mine.yaml?key=gateway-key`].join(','),
    SMS_COUNTRIES: 'PH,DE',
    SMS_DOMAIN: 'shop.example.com',
    HOOK_SECRETS: `twilio:${SMS_SECRETS.twilio}`,
  });
  key = await createApiKey(otpost.database.url, ['verifications']);
});
afterAll(async () => {
  await otpost.stop();
  await Promise.all([...Object.values(servers), sink].map((server) => server.stop()));
  await rm(folder, { recursive: true });
});

/** Only these ways are open from now on. */
async function open(...names: string[]): Promise<void> {
  await otpost.database.query("DELETE FROM outbound_emails WHERE status <> 'sending'");
  for (const server of Object.values(servers)) server.script = () => undefined;
  await otpost.database.query(
    `UPDATE transport_states SET paused_at = NULL, pause_reason = NULL, trial_until = NULL,
       failures = CASE WHEN name = ANY($1) THEN 0 ELSE 1 END, backoff_until = CASE WHEN name = ANY($1) THEN NULL ELSE now() + interval '1 hour' END`,
    [[...names, new URL(sink.url).host]],
  );
}

const number = (): string => `+639${String(170_000_000 + ++people)}`;

function call(path: string, body: object): Promise<Answer<Body>> {
  return otpost.api.post<Body>(`/v1/verifications${path}`, body, { authorization: `Bearer ${key}` });
}

async function start(to = number(), more: object = {}): Promise<{ id: string; to: string }> {
  const { status, body } = await call('', { to, purpose: 'checkout', ...more });
  expect([status, body.code]).toEqual([202, undefined]);
  return { id: body.id, to };
}

async function messageTo(to: string): Promise<Message> {
  const [row] = await otpost.database.query<Message>(
    `SELECT id, status, channel, lane, transport, attempts, last_error_code, provider_message_id, sealed_variables IS NOT NULL AS sealed
     FROM outbound_emails WHERE to_address = $1 ORDER BY id DESC LIMIT 1`,
    [to],
  );
  return row!;
}

/** The message once it is in that state. */
async function settled(to: string, status: string): Promise<Message> {
  await eventually(async () => (await messageTo(to))?.status === status, `the message to be ${status}`);
  return messageTo(to);
}

/** The code may be sent again at once. */
async function wait(id: string): Promise<void> {
  await otpost.database.query("UPDATE otp_challenges SET resend_after = now() - interval '1 minute' WHERE id = $1", [
    id,
  ]);
}

const lastText = (name: SmsProviderName) => textIn(servers[name].requests.at(-1)!);

describe.each(PROVIDERS)('by %s', (name) => {
  beforeEach(() => open(name));

  it('a code goes out as its API wants it, and whoever gives it back is approved', async () => {
    const { id, to } = await start();
    const sent = await settled(to, 'sent');
    const { text } = lastText(name);
    expect(lastText(name).to).toBe(to);
    const [, code] = /^(\d{6}) is your Acme code, good for 10 min\. Never share it\.\n\n@shop\.example\.com #\1$/.exec(
      text,
    )!;
    expect(sent).toMatchObject({ channel: 'sms', lane: 'sms', transport: name, attempts: 1, sealed: false });
    expect(sent.provider_message_id).not.toBeNull();
    expect((await call(`/${id}/check`, { code })).body).toEqual({ status: 'approved', to, purpose: 'checkout' });
  });

  it('keeps its codes where the key is refused, and sends nothing more that way', async () => {
    const refused = {
      twilio: { status: 401, body: { code: 20003, message: 'Authenticate', status: 401 } },
      vonage: { status: 200, body: { messages: [{ status: '4', 'error-text': 'Bad Credentials' }] } },
      semaphore: { status: 200, body: { apikey: ['The selected apikey is invalid.'] } },
    }[name];
    servers[name].script = () => refused;
    const { to } = await start();
    expect(await settled(to, 'deferred')).toMatchObject({ last_error_code: 'http_auth', attempts: 0 });
    await eventually(async () => {
      const [row] = await otpost.database.query<{ paused: boolean }>(
        'SELECT paused_at IS NOT NULL AS paused FROM transport_states WHERE name = $1',
        [name],
      );
      return row!.paused;
    }, 'the transport to be paused');
  });

  it('fails for a number that there is not, and says whose fault it is', async () => {
    const refused = {
      twilio: { status: 400, body: { code: 21211, message: "Invalid 'To' Phone Number", status: 400 } },
      vonage: { status: 200, body: { messages: [{ status: '33', 'error-text': 'Number de-activated' }] } },
      semaphore: { status: 200, body: { number: ['The number format is invalid.'] } },
    }[name];
    servers[name].script = () => refused;
    const { id, to } = await start();
    expect(await settled(to, 'failed')).toMatchObject({ last_error_code: 'sms_number', attempts: 1 });
    const { body } = await otpost.api.get<Body>(`/v1/verifications/${id}`, key);
    expect(body.delivery).toMatchObject({ status: 'failed', fault: 'recipient' });
  });

  it('never sends again by itself what it was not answered', async () => {
    const asked = servers[name].requests.length;
    servers[name].script = () => 'close';
    const { to } = await start();
    expect(await settled(to, 'unknown')).toMatchObject({ last_error_code: 'http_closed', attempts: 1 });
    servers[name].script = () => undefined;
    // What comes later goes out, and is the only other one.
    const { to: other } = await start();
    await settled(other, 'sent');
    expect(servers[name].requests.slice(asked).map((request) => textIn(request).to)).toEqual([to, other]);
    expect((await messageTo(to)).status).toBe('unknown');
  });
});

describe('by a gateway of a file', () => {
  beforeEach(() => open('http:mine.yaml'));

  it('a code goes out as the file says, and the id is where it says', async () => {
    const { to } = await start();
    const sent = await settled(to, 'sent');
    const { path, body } = servers.http.requests.at(-1)!;
    expect(path).toBe(`/v1/messages/${to.slice(1)}`);
    expect(JSON.parse(body)).toEqual({
      to,
      content: expect.stringMatching(/^\d{6} is your Acme code/) as string,
      options: { flash: false, tags: ['otp', sent.id] },
    });
    expect(sent).toMatchObject({ transport: 'http:mine.yaml', provider_message_id: `gw-${body.length}` });
  });

  it('a state that the file calls a refusal is one, whatever the status line says', async () => {
    servers.http.script = () => ({ status: 200, body: { data: { id: 'gw', state: 'Rejected' } } });
    const { to } = await start();
    expect(await settled(to, 'failed')).toMatchObject({ last_error_code: 'http_422' });
  });
});

describe('of several ways', () => {
  it('the next one is taken where the first cannot be reached', async () => {
    await open('twilio', 'vonage');
    servers.twilio.script = () => ({
      status: 503,
      body: { code: 20500, message: 'Internal Server Error', status: 503 },
    });
    const { to } = await start();
    expect(await settled(to, 'sent')).toMatchObject({ transport: 'vonage', attempts: 1 });
  });

  it('none of SMS takes mail, and none of mail takes SMS', async () => {
    await open('twilio');
    const address = `ada${++people}@example.com`;
    await start(address);
    expect(await settled(address, 'sent')).toMatchObject({ channel: 'email', lane: 'critical' });
    await open();
    const { to } = await start();
    await start(`ada${++people}@example.com`);
    await sink.waitForMailTo(`ada${people}@example.com`);
    expect((await messageTo(to)).status).not.toBe('sent');
    expect(sink.received.flatMap(({ to }) => to).filter((one) => one.startsWith('+'))).toEqual([]);
  });
});

describe('the other channel', () => {
  it('carries the same code, for the same tries', async () => {
    await open('twilio');
    const { id, to } = await start();
    await settled(to, 'sent');
    const code = codeInText(lastText('twilio').text);
    await wait(id);
    const address = `ada${++people}@example.com`;
    expect((await call(`/${id}/resend`, { to: number() })).body).toMatchObject({ status: 422, code: 'same_channel' });
    expect((await call(`/${id}/resend`, { to: address })).status).toBe(202);
    const [received] = await sink.waitForMailTo(address);
    expect(received!.mail.text).toContain(code);
    const { body } = await otpost.api.get<Body>(`/v1/verifications/${id}`, key);
    expect(body).toMatchObject({ to, alsoTo: address, deliveries: { sms: { status: 'sent' } } });
    expect(body.deliveries!.email).toEqual(body.delivery);
    expect((await call(`/${id}/check`, { code })).body).toEqual({
      status: 'approved',
      to,
      alsoTo: address,
      purpose: 'checkout',
    });
  });

  it('takes it to one destination, for all who have the code can give it back', async () => {
    await open('twilio');
    const { id, to } = await start();
    await settled(to, 'sent');
    await wait(id);
    const address = `ada${++people}@example.com`;
    expect((await call(`/${id}/resend`, { to: address })).status).toBe(202);
    await sink.waitForMailTo(address); // a copy that has not started goes where a newer one is asked for
    await wait(id);
    const another = `ada${++people}@example.com`;
    expect((await call(`/${id}/resend`, { to: another })).body).toMatchObject({ status: 422, code: 'same_channel' });
    expect((await call(`/${id}/resend`, { to: address })).status).toBe(202);
    await sink.waitForMailTo(address, 2);
    await wait(id);
    const respelled = address.replace('ada', 'ADA');
    expect((await call(`/${id}/resend`, { to: respelled })).status).toBe(202);
    await sink.waitForMailTo(respelled);
    const { body } = await otpost.api.get<Body>(`/v1/verifications/${id}`, key);
    expect(body).toMatchObject({ to, alsoTo: respelled });
    expect(sink.received.flatMap((mail) => mail.to)).not.toContain(another);
  });
});

describe('a number', () => {
  it('is told how it is written, where it has no country', async () => {
    for (const to of ['0917 123 4567', '(0917) 1234567', '9171234567'])
      expect((await call('', { to, purpose: 'checkout' })).body).toMatchObject({
        code: 'validation_failed',
        errors: [
          { field: 'to', code: 'invalid_destination', message: expect.stringContaining('+639171234567') as string },
        ],
      });
  });

  it('is the same however it is written otherwise', async () => {
    await open('twilio');
    await start('+63 (917) 999-0001');
    expect(await settled('+639179990001', 'sent')).toMatchObject({ channel: 'sms' });
  });

  it('of another country gets no code', async () => {
    expect((await call('', { to: '+33612345678', purpose: 'checkout' })).body).toMatchObject({
      status: 422,
      code: 'sms_country',
    });
    expect(await messageTo('+33612345678')).toBeUndefined();
  });
});
