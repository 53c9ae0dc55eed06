import { ProviderServer } from '../../support/http/provider-server.js';
import { smsApi, SMS_ENTRIES, SMS_SECRETS, textIn, twilioReceipt, vonageReceipt } from '../../support/http/sms-apis.js';
import { createApiKey } from '../../support/service/api-key.js';
import { HeldClock, type Otpost, startOtpost } from '../../support/service/otpost.js';
import { eventually } from '../../support/signals/wait.js';

const APP_URL = 'https://accounts.example.com';
const CALLBACK = `${APP_URL}/v1/hooks`;

interface Sent {
  id: string;
  to: string;
  emailId: string;
  providerId: string;
}

describe('what operators tell of codes by SMS', () => {
  let twilio: ProviderServer;
  let vonage: ProviderServer;
  let clock: HeldClock;
  let otpost: Otpost;
  let key: string;
  let people = 0;

  beforeAll(async () => {
    twilio = await ProviderServer.start(smsApi('twilio'));
    vonage = await ProviderServer.start(smsApi('vonage'));
    clock = new HeldClock();
    otpost = await startOtpost(
      {
        APP_URL,
        SMS_TRANSPORTS: `${SMS_ENTRIES.twilio}?endpoint=${twilio.url},${SMS_ENTRIES.vonage}?endpoint=${vonage.url}`,
        SMS_COUNTRIES: 'PH',
        HOOK_SECRETS: `twilio:${SMS_SECRETS.twilio},vonage:${SMS_SECRETS.vonage}`,
      },
      clock,
    );
    key = await createApiKey(otpost.database.url, ['verifications', 'emails:read']);
  });
  afterAll(async () => {
    await otpost.stop();
    await Promise.all([twilio.stop(), vonage.stop()]);
  });

  /** A code that a provider took. */
  async function sent(provider: 'twilio' | 'vonage'): Promise<Sent> {
    twilio.script = () =>
      provider === 'twilio'
        ? undefined
        : { status: 400, body: { code: 21408, message: 'Permission not enabled', status: 400 } };
    const to = `+639${String(180_000_000 + ++people)}`;
    const { status, body } = await otpost.api.post<{ id: string }>(
      '/v1/verifications',
      { to, purpose: 'checkout' },
      { authorization: `Bearer ${key}` },
    );
    expect(status).toBe(202);
    const row = await eventually(async () => {
      const [found] = await otpost.database.query<{ id: string; provider: string; transport: string }>(
        `SELECT id, provider_message_id AS provider, transport FROM outbound_emails WHERE to_address = $1 AND status = 'sent'`,
        [to],
      );
      return found;
    }, 'the text to be taken');
    expect(row.transport).toBe(provider);
    return { id: body.id, to, emailId: row.id, providerId: row.provider };
  }

  const post = (provider: string, { headers, body }: { headers: Record<string, string>; body: string }) =>
    otpost.api.send<{ code?: string; recorded?: number }>('POST', `/v1/hooks/${provider}`, headers, body);

  async function timeline({ id, emailId }: Sent) {
    const { body } = await otpost.api.get<{ delivery: { status: string } }>(`/v1/verifications/${id}`, key);
    const events = await otpost.database.query<{ status: string; transport: string; reply: string | null }>(
      'SELECT status, transport, reply FROM email_events WHERE email_id = $1 ORDER BY id DESC LIMIT 1',
      [emailId],
    );
    return { told: body.delivery.status, last: events[0]! };
  }

  const ofTwilio = ({ to, providerId }: Sent, status: string, more: Record<string, string> = {}) => ({
    MessageSid: providerId,
    SmsSid: providerId,
    MessageStatus: status,
    To: to,
    From: '+15005550006',
    ...more,
  });
  const ofVonage = ({ to, providerId, emailId }: Sent, status: string, error = '0') => ({
    msisdn: to.slice(1),
    to: 'Acme',
    'network-code': '51503',
    messageId: providerId,
    price: '0.03',
    status,
    scts: '2703010800',
    'err-code': error,
    'client-ref': emailId,
    'message-timestamp': '2027-03-01 08:00:00',
  });

  it('each message says where it is to be told', async () => {
    await sent('twilio');
    expect(textIn(twilio.requests.at(-1)!).fields.get('StatusCallback')).toBe(`${CALLBACK}/twilio`);
    await sent('vonage');
    expect(textIn(vonage.requests.at(-1)!).fields.get('callback')).toBe(`${CALLBACK}/vonage`);
  });

  it('a delivery shows with the words of the operator, once', async () => {
    const one = await sent('twilio');
    const receipt = twilioReceipt(`${CALLBACK}/twilio`, ofTwilio(one, 'delivered'));
    expect(await post('twilio', receipt)).toMatchObject({ status: 200, body: { recorded: 1 } });
    expect(await timeline(one)).toMatchObject({
      told: 'delivered',
      last: { status: 'delivered', transport: 'twilio', reply: 'the operator says delivered' },
    });
    expect(await post('twilio', receipt)).toMatchObject({ status: 200, body: { recorded: 0 } });

    const other = await sent('vonage');
    expect(await post('vonage', vonageReceipt(ofVonage(other, 'delivered'), clock.now()))).toMatchObject({
      status: 200,
    });
    expect(await timeline(other)).toMatchObject({ told: 'delivered', last: { transport: 'vonage' } });
  });

  it('what did not arrive is told, and the number may have further codes', async () => {
    const one = await sent('twilio');
    await post('twilio', twilioReceipt(`${CALLBACK}/twilio`, ofTwilio(one, 'undelivered', { ErrorCode: '30005' })));
    expect(await timeline(one)).toMatchObject({
      told: 'bounced',
      last: { reply: 'the operator says undelivered (30005)' },
    });
    const other = await sent('vonage');
    await post('vonage', vonageReceipt(ofVonage(other, 'failed', '9'), clock.now()));
    expect(await timeline(other)).toMatchObject({ told: 'bounced' });
    expect(await otpost.database.query('SELECT FROM suppressions')).toEqual([]);
  });

  it('what lies between is kept out of the timeline', async () => {
    const one = await sent('twilio');
    expect(await post('twilio', twilioReceipt(`${CALLBACK}/twilio`, ofTwilio(one, 'sent')))).toMatchObject({
      body: { recorded: 0 },
    });
    expect(await timeline(one)).toMatchObject({ told: 'sent', last: { status: 'sent' } });
  });

  it('a receipt that nobody proves is refused', async () => {
    const one = await sent('twilio');
    const fields = ofTwilio(one, 'delivered');
    const refused = { status: 403, body: { code: 'hook_refused' } };
    expect(await post('twilio', twilioReceipt(`${CALLBACK}/twilio`, fields, 'another-token-0123456789'))).toMatchObject(
      refused,
    );
    expect(await post('twilio', twilioReceipt('https://elsewhere.example.com/v1/hooks/twilio', fields))).toMatchObject(
      refused,
    );
    const { headers, body } = twilioReceipt(`${CALLBACK}/twilio`, fields);
    expect(await post('twilio', { headers, body: body.replace(/63918\d+/, '639000000000') })).toMatchObject(refused);
    expect(await post('twilio', { headers: { 'content-type': headers['content-type'] }, body })).toMatchObject(refused);
    const other = await sent('vonage');
    const told = ofVonage(other, 'delivered');
    expect(await post('vonage', vonageReceipt(told, clock.now(), 'another-signature-secret'))).toMatchObject(refused);
    expect(await post('vonage', vonageReceipt(told, new Date(clock.now().getTime() - 3_600_000)))).toMatchObject(
      refused,
    );
    const signed = vonageReceipt(told, clock.now());
    expect(await post('vonage', { ...signed, body: signed.body.replace('delivered', 'rejected') })).toMatchObject(
      refused,
    );
    for (const message of [one, other]) expect((await timeline(message)).told).toBe('sent');
  });
});
