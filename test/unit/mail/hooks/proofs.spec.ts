import { randomBytes, X509Certificate } from 'node:crypto';
import { readSettings } from '../../../../src/configuration.js';
import type { HookHelp, Proof } from '../../../../src/mail/providers/hook.js';
import { providerOf } from '../../../../src/mail/providers/providers.js';
import { certificateUrlIn, isWorthFetching, proveBy, subscribeUrlIn } from '../../../../src/mail/providers/sns.js';
import {
  brevoSender,
  type HookPost,
  type HookSender,
  mailgunSender,
  mailjetSender,
  postmarkSender,
  resendSender,
  sendgridSender,
  sesSender,
  type ToldEvent,
} from '../../../support/http/provider-hooks.js';

// oxfmt-ignore

const now = new Date('2026-11-21T12:00:00Z');
const MINUTE = 60_000;

function proofOf(sender: HookSender, { headers, body }: HookPost, entry = sender.secret): Proof {
  const { secret } = readSettings({ HOOK_SECRETS: entry }).settings.mail.hookSecrets[0]!;
  const { hook } = providerOf(sender.provider);
  return hook.prove({ headers, body: Buffer.from(body), now }, secret, NO_HELP) as Proof;
}

/** None of these fetches anything for its proof. */
const NO_HELP = {} as HookHelp;

const event: ToldEvent = { what: 'delivered', recipient: 'ada@example.com', at: now };

describe.each(
  [sendgridSender, mailgunSender, resendSender, postmarkSender, brevoSender, mailjetSender].map(
    (make) => [make().provider, make] as const,
  ),
)('the proof of %s', (_, make) => {
  const sender = make();

  it('holds for what the provider sent', () => {
    expect(proofOf(sender, sender.post(event))).toEqual({ kind: 'authentic' });
  });

  it('does not hold by the secret of another account', () => {
    expect(proofOf(sender, make().post(event))).toEqual({ kind: 'refused', reason: 'forged' });
  });

  it('is missed', () => {
    const body = sender.post(event).body.replace(/"signature":\{[^}]*\}/, '"signature":{}');
    expect(proofOf(sender, { headers: { 'content-type': 'application/json' }, body })).toEqual({
      kind: 'refused',
      reason: 'unsigned',
    });
  });

  it('is refused when it is garbage', () => {
    const { headers, body } = sender.post(event);
    const garbled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name,
        name.endsWith('timestamp') ? value : value.replace(/[A-Za-z0-9+/=]{20,}/g, 'AAAA'),
      ]),
    );
    const proof = proofOf(sender, {
      headers: garbled,
      body: body.replace(/"signature":"[^"]*"/, '"signature":"AAAA"'),
    });
    expect(proof.kind).toBe('refused');
  });
});

describe.each([sendgridSender(), resendSender()].map((sender) => [sender.provider, sender] as const))(
  'a body of %s',
  (_, sender) => {
    it('is refused when one byte was changed', () => {
      const { headers, body } = sender.post(event);
      expect(proofOf(sender, { headers, body: body.replace('ada@', 'bob@') })).toEqual({
        kind: 'refused',
        reason: 'forged',
      });
      expect(proofOf(sender, { headers, body: `${body} ` })).toEqual({ kind: 'refused', reason: 'forged' });
    });
  },
);

describe.each([sendgridSender(), mailgunSender(), resendSender()].map((sender) => [sender.provider, sender] as const))(
  'a timestamp of %s',
  (_, sender) => {
    const at = (ms: number): Proof => proofOf(sender, sender.post({ ...event, at: new Date(now.getTime() + ms) }));

    it('may be as old as an honest retry, and no older', () => {
      expect(at(-sender.staleAfter!)).toEqual({ kind: 'authentic' });
      expect(at(-sender.staleAfter! - 1_000)).toEqual({ kind: 'refused', reason: 'stale' });
    });

    it('may be ahead by five minutes, and no more', () => {
      expect(at(5 * MINUTE)).toEqual({ kind: 'authentic' });
      expect(at(5 * MINUTE + 1_000)).toEqual({ kind: 'refused', reason: 'stale' });
    });
  },
);

it('a digit of a Mailgun token cannot be moved into its timestamp, or back', () => {
  const sender = mailgunSender();
  // Made until one begins with a digit.
  const post = Array.from({ length: 200 }, () => sender.post(event)).find(({ body }) => /"token":"\d/.test(body))!;
  const moved = post.body.replace(/"token":"(\d)([^"]*)","timestamp":"(\d+)"/, '"token":"$2","timestamp":"$3$1"');
  expect(moved).not.toBe(post.body);
  expect(proofOf(sender, { ...post, body: moved })).toEqual({ kind: 'refused', reason: 'stale' });
});

it('a signature of a Mailgun subaccount holds by the key of the account above it', () => {
  const [parent, child] = [mailgunSender(), mailgunSender()];
  const post = parent.post(event);
  const body = post.body.replace(/"signature":"([^"]*)"/, `"signature":"${'0'.repeat(64)}","parent-signature":"$1"`);
  expect(proofOf(parent, { ...post, body })).toEqual({ kind: 'authentic' });
  expect(proofOf(child, { ...post, body })).toEqual({ kind: 'refused', reason: 'forged' });
});

describe('the proof of SNS', () => {
  const sender = sesSender();
  const certificate = new X509Certificate(sender.certificate);
  const messageOf = ({ body }: HookPost): Record<string, string> => JSON.parse(body) as Record<string, string>;
  // The certificate was made a moment ago.
  const today = new Date();
  const message = messageOf(sender.post({ ...event, at: today }));

  it.each(['1', '2'] as const)('holds by signature version %s', (version) => {
    const signed = messageOf(sender.sign(message, version));
    expect(signed['SignatureVersion']).toBe(version);
    expect(proveBy(certificate, signed, today)).toEqual({ kind: 'authentic' });
  });

  it('holds with a subject and without', () => {
    expect(proveBy(certificate, messageOf(sender.sign({ ...message, Subject: 'Amazon SES' })), today)).toEqual({
      kind: 'authentic',
    });
  });

  it('does not hold when anything signed was changed, or by another certificate', () => {
    expect(proveBy(certificate, { ...message, Message: '{}' }, today)).toEqual({ kind: 'refused', reason: 'forged' });
    expect(proveBy(certificate, { ...message, Subject: 'added' }, today)).toEqual({
      kind: 'refused',
      reason: 'forged',
    });
    expect(proveBy(certificate, { ...message, SignatureVersion: '1' }, today)).toEqual({
      kind: 'refused',
      reason: 'forged',
    });
    expect(proveBy(new X509Certificate(sesSender().certificate), message, today)).toEqual({
      kind: 'refused',
      reason: 'forged',
    });
  });

  it('does not hold by a certificate that has run out', () => {
    expect(proveBy(certificate, message, new Date(today.getTime() + 3 * 86_400_000))).toEqual({
      kind: 'refused',
      reason: 'forged',
    });
  });

  it.each([
    ['of another topic', { TopicArn: 'arn:aws:sns:eu-west-1:999999999999:otpost' }, 'forged'],
    ['of an unknown type', { Type: 'Greeting' }, 'unsigned'],
    ['of a type that every object has', { Type: 'constructor' }, 'unsigned'],
    ['of an unknown signature version', { SignatureVersion: '3' }, 'unsigned'],
    ['of a signature version that every object has', { SignatureVersion: 'toString' }, 'unsigned'],
    ['without a signature', { Signature: '' }, 'unsigned'],
    ['of two hours ago', { Timestamp: new Date(today.getTime() - 120 * MINUTE).toISOString() }, 'stale'],
    ['of the future', { Timestamp: new Date(today.getTime() + 6 * MINUTE).toISOString() }, 'stale'],
    ['of no time', { Timestamp: 'yesterday' }, 'stale'],
  ])('a message %s is refused before a certificate is fetched for it', (_, change, reason) => {
    expect(isWorthFetching({ ...message, ...change }, sender.topicArn, today)).toEqual({ kind: 'refused', reason });
  });

  const name = `SimpleNotificationService-${randomBytes(16).toString('hex')}.pem`;

  it.each([
    [`https://sns.eu-west-1.amazonaws.com/${name}`, true],
    [`http://sns.eu-west-1.amazonaws.com/${name}`, false],
    [`https://sns.us-east-1.amazonaws.com/${name}`, false],
    [`https://sns.eu-west-1.amazonaws.com.evil.example/${name}`, false],
    [`https://evil.example/sns.eu-west-1.amazonaws.com/${name}`, false],
    [`https://sns.eu-west-1.amazonaws.com@evil.example/${name}`, false],
    [`https://sns.eu-west-1.amazonaws.com:8443/${name}`, false],
    [`https://sns.eu-west-1.amazonaws.com/bucket/../${name}`, false],
    [`https://sns.eu-west-1.amazonaws.com/${name}?x=1`, false],
    [`https://sns.eu-west-1.amazonaws.com/${name}#.pem`, false],
    [`https://s3.eu-west-1.amazonaws.com/${name}`, false],
    ['https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-../../x.pem', false],
  ])('a certificate at %s: %s', (url, trusted) => {
    expect(certificateUrlIn({ SigningCertURL: url }, sender.topicArn) !== undefined).toBe(trusted);
  });

  it('of a topic in China is served in China', () => {
    const url = `https://sns.cn-north-1.amazonaws.com.cn/${name}`;
    expect(certificateUrlIn({ SigningCertURL: url }, 'arn:aws-cn:sns:cn-north-1:123456789012:otpost')).toBe(url);
  });

  const confirm = `Action=ConfirmSubscription&TopicArn=${sender.topicArn}&Token=abc`;

  it.each([
    [`https://sns.eu-west-1.amazonaws.com/?${confirm}`, true],
    [`https://sns.eu-west-1.amazonaws.com.evil.example/?${confirm}`, false],
    [`https://169.254.169.254/?${confirm}`, false],
    [`https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic&TopicArn=${sender.topicArn}`, false],
    [`https://sns.eu-west-1.amazonaws.com/?${confirm.replace('123456789012', '999999999999')}`, false],
  ])('a subscription confirmed at %s: %s', (url, trusted) => {
    expect(subscribeUrlIn({ SubscribeURL: url }, sender.topicArn) !== undefined).toBe(trusted);
  });
});
