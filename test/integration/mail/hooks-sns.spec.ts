import { type HookPost, sesSender } from '../../support/http/provider-hooks.js';
import { certificateServer } from '../../support/http/sns-certificate.js';
import type { Answer, ProblemBody } from '../../support/service/api.js';
import { type Otpost, startOtpost } from '../../support/service/otpost.js';
import { CarriedMail } from '../../support/smtp/carried-mail.js';

const ses = sesSender();
const confirmation = {
  Type: 'SubscriptionConfirmation',
  MessageId: 'c1',
  Token: 'abc',
  TopicArn: ses.topicArn,
  Message: 'You have chosen to subscribe to the topic.',
  SubscribeURL: `https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${ses.topicArn}&Token=abc`,
};

describe('an SNS topic', () => {
  let otpost: Otpost;
  let mail: CarriedMail;
  let amazon: ReturnType<typeof certificateServer>;

  beforeAll(async () => {
    otpost = await startOtpost({ ROLE: 'web', OUTBOX_RESCUE: 'off', HOOK_SECRETS: ses.secret });
    mail = new CarriedMail(otpost.database);
  });
  beforeEach(() => {
    amazon = certificateServer([ses]);
  });
  afterEach(() => amazon.restore());
  afterAll(async () => {
    await mail.close();
    await otpost.stop();
  });

  const now = (): string => new Date().toISOString();
  const post = ({ headers, body }: HookPost): Promise<Answer<ProblemBody>> =>
    otpost.api.send('POST', '/v1/hooks/ses', headers, body);

  it('without its certificate nothing is believed, and Amazon is asked to come again', async () => {
    amazon.restore();
    amazon = certificateServer([]);
    const id = await mail.sent('ses:eu-west-1');
    const event = ses.post({ what: 'delivered', recipient: 'ada@example.com', emailId: id });
    const refused = await post(event);
    expect(refused).toMatchObject({ status: 503, body: { code: 'hook_unprovable' } });
    expect(refused.headers.get('retry-after')).toBe('30');
    expect((await mail.look(id)).status).toBe('sent');
    amazon.restore();
    amazon = certificateServer([ses]);
    expect((await post(event)).status).toBe(200);
    expect((await mail.look(id)).status).toBe('delivered');
  });

  it('is believed whatever certificates forged messages name, before its own was fetched and after', async () => {
    const named = (n: number) =>
      ses.certificateUrl.replace(/[\da-f]{32}\.pem$/, `${n.toString(16).padStart(32, '0')}.pem`);
    const forge = (n: number) => post(ses.sign({ ...confirmation, Timestamp: now(), SigningCertURL: named(n) }));
    for (const round of [0, 100]) {
      const forged = await Promise.all(Array.from({ length: 30 }, (_, n) => forge(round + n)));
      expect(new Set(forged.map(({ status }) => status))).toEqual(new Set([503]));
      const id = await mail.sent('ses:eu-west-1');
      expect((await post(ses.post({ what: 'delivered', recipient: 'ada@example.com', emailId: id }))).status).toBe(200);
      expect((await mail.look(id)).status).toBe('delivered');
    }
    expect(amazon.asked.filter((url) => url === ses.certificateUrl).length).toBeLessThanOrEqual(1);
  });

  it('has its subscription confirmed, and its certificate fetched once', async () => {
    expect((await post(ses.sign({ ...confirmation, Timestamp: now() }))).status).toBe(200);
    expect((await post(ses.sign({ ...confirmation, Timestamp: now() }, '1'))).status).toBe(200);
    expect(amazon.asked.filter((url) => url === confirmation.SubscribeURL)).toHaveLength(2);
    expect(amazon.asked.filter((url) => url.endsWith('.pem')).length).toBeLessThanOrEqual(1);
  });

  it.each([
    ['is of somebody else’s topic', { TopicArn: ses.topicArn.replace('123456789012', '999999999999') }],
    [
      'would be confirmed elsewhere',
      { SubscribeURL: confirmation.SubscribeURL.replace('amazonaws.com', 'amazonaws.com.example.com') },
    ],
    [
      'would do something else',
      { SubscribeURL: confirmation.SubscribeURL.replace('ConfirmSubscription', 'DeleteTopic') },
    ],
    [
      'brings a certificate from elsewhere',
      { SigningCertURL: 'https://sns.eu-west-1.amazonaws.com.example.com/SimpleNotificationService-0.pem' },
    ],
  ])('a subscription that %s is refused, and nothing is fetched for it', async (_, change) => {
    const before = amazon.asked.length;
    expect(await post(ses.sign({ ...confirmation, Timestamp: now(), ...change }))).toMatchObject({
      status: 403,
      body: { code: 'hook_refused' },
    });
    expect(amazon.asked.slice(before).filter((url) => !url.endsWith('.pem'))).toEqual([]);
  });

  it('that sends no more events says so, and a greeting is no event', async () => {
    expect((await post(ses.sign({ ...confirmation, Type: 'UnsubscribeConfirmation', Timestamp: now() }))).status).toBe(
      200,
    );
    const greeting = {
      Type: 'Notification',
      MessageId: 'g',
      TopicArn: ses.topicArn,
      Timestamp: now(),
      Message: 'Successfully validated SNS topic for Amazon SES event publishing.',
    };
    expect(await post(ses.sign(greeting))).toMatchObject({ status: 200, body: { recorded: 0, duplicates: 0 } });
  });
});
