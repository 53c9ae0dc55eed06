import { execFileSync } from 'node:child_process';
import { createHmac, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface HookPost {
  headers: Record<string, string>;
  body: string;
}

/** An event as a test thinks of it; the sender writes it in its provider's own form. */
export interface ToldEvent {
  what: 'delivered' | 'hard bounce' | 'delay' | 'complaint' | 'opened';
  recipient: string;
  /** Our own id, in the place where the provider keeps what the message carried. */
  emailId?: string | undefined;
  providerMessageId?: string;
  /** Tells two events apart. */
  key?: string;
  /** When it was signed, where the provider signs with the time. */
  at?: Date;
}

/** One provider as it really sends: with a real key, over the body as it goes out. */
export interface HookSender {
  provider: 'sendgrid' | 'mailgun' | 'resend' | 'postmark' | 'brevo' | 'mailjet' | 'ses';
  /** Its entry in HOOK_SECRETS. */
  secret: string;
  /** Milliseconds after which its proof is stale; undefined where a proof has no time. */
  staleAfter: number | undefined;
  post(event: ToldEvent): HookPost;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const secondsOf = (at: Date): string => String(Math.floor(at.getTime() / 1_000));
const json = { 'content-type': 'application/json' };

export interface BatchSender extends HookSender {
  /** Several events in one request. */
  batch(events: readonly ToldEvent[], at?: Date): HookPost;
  /** A body as it is. */
  signed(body: string, at?: Date): HookPost;
}

export function sendgridSender(): BatchSender {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const names = {
    delivered: 'delivered',
    'hard bounce': 'bounce',
    delay: 'deferred',
    complaint: 'spamreport',
    opened: 'open',
  };
  const written = ({
    what,
    recipient,
    emailId,
    providerMessageId = 'abc',
    key = randomUUID(),
    at = new Date(),
  }: ToldEvent): object => ({
    email: recipient,
    event: names[what],
    timestamp: Number(secondsOf(at)),
    sg_event_id: key,
    sg_message_id: `${providerMessageId}.recvd-5f6c-1-2.0`,
    ...(what === 'hard bounce' ? { type: 'bounce', status: '5.1.1', reason: '550 5.1.1 no such user' } : {}),
    ...(emailId ? { otpost_id: emailId } : {}),
  });
  const signed = (body: string, at = new Date()): HookPost => {
    const signature = sign('sha256', Buffer.from(secondsOf(at) + body), privateKey).toString('base64');
    return {
      headers: {
        ...json,
        'x-twilio-email-event-webhook-signature': signature,
        'x-twilio-email-event-webhook-timestamp': secondsOf(at),
      },
      body,
    };
  };
  const batch = (events: readonly ToldEvent[], at = new Date()): HookPost =>
    signed(JSON.stringify(events.map(written)), at);
  return {
    provider: 'sendgrid',
    secret: `sendgrid:${publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`,
    staleAfter: 24 * HOUR,
    batch,
    signed,
    post: (event) => batch([event], event.at),
  };
}

export function mailgunSender(): HookSender {
  const signingKey = randomBytes(16).toString('hex');
  const names = {
    delivered: 'delivered',
    'hard bounce': 'failed',
    delay: 'failed',
    complaint: 'complained',
    opened: 'opened',
  };
  return {
    provider: 'mailgun',
    secret: `mailgun:${signingKey}`,
    staleAfter: 9 * HOUR,
    post({ what, recipient, emailId, providerMessageId = 'abc@mg.example.com', key = randomUUID(), at = new Date() }) {
      const token = createHmac('sha256', key).digest('hex').slice(0, 50);
      const signature = createHmac('sha256', signingKey)
        .update(secondsOf(at) + token)
        .digest('hex');
      const body = JSON.stringify({
        signature: { token, timestamp: secondsOf(at), signature },
        'event-data': {
          event: names[what],
          timestamp: at.getTime() / 1_000,
          recipient,
          message: { headers: { 'message-id': providerMessageId } },
          'user-variables': emailId ? { otpost_id: emailId } : {},
          ...(what === 'hard bounce'
            ? {
                severity: 'permanent',
                reason: 'bounce',
                'delivery-status': { code: 550, message: '5.1.1 no such user' },
              }
            : {}),
          ...(what === 'delay'
            ? { severity: 'temporary', reason: 'generic', 'delivery-status': { code: 451, message: 'try later' } }
            : {}),
        },
      });
      return { headers: json, body };
    },
  };
}

export function resendSender(): HookSender {
  const key = randomBytes(24);
  const names = {
    delivered: 'delivered',
    'hard bounce': 'bounced',
    delay: 'delivery_delayed',
    complaint: 'complained',
    opened: 'opened',
  };
  return {
    provider: 'resend',
    secret: `resend:whsec_${key.toString('base64')}`,
    staleAfter: 5 * MINUTE,
    post({ what, recipient, emailId, providerMessageId = randomUUID(), key: id = randomUUID(), at = new Date() }) {
      const body = JSON.stringify({
        type: `email.${names[what]}`,
        created_at: at.toISOString(),
        data: {
          email_id: providerMessageId,
          to: [recipient],
          tags: emailId ? { otpost_id: emailId } : {},
          ...(what === 'hard bounce'
            ? {
                bounce: {
                  type: 'Permanent',
                  subType: 'General',
                  message: 'no such user',
                  diagnosticCode: ['smtp; 550 5.1.1 no such user'],
                },
              }
            : {}),
        },
      });
      const signature = createHmac('sha256', key)
        .update(`${id}.${secondsOf(at)}.${body}`)
        .digest('base64');
      return {
        headers: {
          ...json,
          'svix-id': id,
          'svix-timestamp': secondsOf(at),
          'svix-signature': `v1,${randomBytes(32).toString('base64')} v1,${signature}`,
        },
        body,
      };
    },
  };
}

const basic = (user: string, password: string): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

export function postmarkSender(): HookSender {
  const password = randomBytes(12).toString('hex');
  const types = {
    delivered: 'Delivery',
    'hard bounce': 'Bounce',
    delay: 'Bounce',
    complaint: 'SpamComplaint',
    opened: 'Open',
  };
  return {
    provider: 'postmark',
    secret: `postmark:otpost:${password}`,
    staleAfter: undefined,
    post({
      what,
      recipient,
      emailId,
      providerMessageId = '883953f4-6105-42a2-a16a-77a8eac79483',
      key = randomUUID(),
      at = new Date(),
    }) {
      const body = JSON.stringify({
        RecordType: types[what],
        ID: key,
        MessageID: providerMessageId,
        Metadata: emailId ? { otpost_id: emailId } : {},
        ...(what === 'delivered'
          ? { Recipient: recipient, DeliveredAt: at.toISOString() }
          : { Email: recipient, BouncedAt: at.toISOString() }),
        ...(what === 'hard bounce' ? { Type: 'HardBounce', Details: 'smtp;550 5.1.1 no such user' } : {}),
        ...(what === 'delay' ? { Type: 'Transient', Details: 'smtp;451 try later' } : {}),
      });
      return { headers: { ...json, authorization: basic('otpost', password) }, body };
    },
  };
}

export function brevoSender(): HookSender {
  const token = randomBytes(16).toString('hex');
  const names = {
    delivered: 'delivered',
    'hard bounce': 'hard_bounce',
    delay: 'deferred',
    complaint: 'spam',
    opened: 'opened',
  };
  return {
    provider: 'brevo',
    secret: `brevo:${token}`,
    staleAfter: undefined,
    post({ what, recipient, emailId, providerMessageId = 'abc@smtp-relay.mailin.fr', key, at = new Date() }) {
      const body = JSON.stringify({
        event: names[what],
        email: recipient,
        'message-id': `<${providerMessageId}>`,
        ts_event: Number(secondsOf(at)),
        ts_epoch:
          key === undefined ? at.getTime() : at.getTime() + Buffer.from(key).reduce((sum, byte) => sum + byte, 0),
        ...(emailId ? { 'X-Mailin-custom': JSON.stringify({ otpost_id: emailId }) } : {}),
        ...(what === 'hard bounce' ? { reason: '550 5.1.1 no such user' } : {}),
      });
      return { headers: { ...json, authorization: `Bearer ${token}` }, body };
    },
  };
}

export function mailjetSender(): HookSender {
  const password = randomBytes(12).toString('hex');
  const names = { delivered: 'sent', 'hard bounce': 'bounce', delay: 'bounce', complaint: 'spam', opened: 'open' };
  return {
    provider: 'mailjet',
    secret: `mailjet:otpost:${password}`,
    staleAfter: undefined,
    // Written by hand, for its ids are larger than a JavaScript number.
    post({ what, recipient, emailId, providerMessageId = '1152921529342344123', key = randomUUID(), at = new Date() }) {
      const fields = JSON.stringify({
        event: names[what],
        time: Number(secondsOf(at)),
        Message_GUID: key,
        email: recipient,
        ...(emailId ? { CustomID: emailId } : {}),
        ...(what === 'hard bounce'
          ? { hard_bounce: true, error: 'user unknown', comment: '550 5.1.1 no such user' }
          : {}),
        ...(what === 'delay' ? { hard_bounce: false, error: 'greylisted' } : {}),
      });
      return {
        headers: { ...json, authorization: basic('otpost', password) },
        body: `[{"MessageID":${providerMessageId},${fields.slice(1)}]`,
      };
    },
  };
}

export interface SnsSender extends HookSender {
  topicArn: string;
  certificateUrl: string;
  /** What is served there: an X.509 certificate that signed itself. */
  certificate: string;
  /** Signs any message of SNS. */
  sign(message: Record<string, string>, version?: '1' | '2'): HookPost;
}

export function sesSender(): SnsSender {
  const folder = mkdtempSync(join(tmpdir(), 'otpost-sns-'));
  const [keyFile, certificateFile] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      '/CN=sns.amazonaws.com',
      '-keyout',
      keyFile,
      '-out',
      certificateFile,
    ],
    { stdio: 'ignore' },
  );
  const [key, certificate] = [readFileSync(keyFile, 'utf8'), readFileSync(certificateFile, 'utf8')];
  rmSync(folder, { recursive: true });
  const topicArn = 'arn:aws:sns:eu-west-1:123456789012:otpost';
  const certificateUrl = `https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-${randomBytes(16).toString('hex')}.pem`;
  const names = {
    delivered: 'Delivery',
    'hard bounce': 'Bounce',
    delay: 'DeliveryDelay',
    complaint: 'Complaint',
    opened: 'Open',
  };

  function signed(message: Record<string, string>, version: '1' | '2' = '2'): HookPost {
    const order =
      message['Type'] === 'Notification'
        ? ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type']
        : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
    const text = order
      .filter((name) => message[name] !== undefined)
      .map((name) => `${name}\n${message[name]}\n`)
      .join('');
    const signature = sign(version === '2' ? 'sha256' : 'sha1', Buffer.from(text), key).toString('base64');
    return {
      // What SNS really says; it is JSON all the same.
      headers: { 'content-type': 'text/plain; charset=UTF-8', 'x-amz-sns-message-type': message['Type']! },
      body: JSON.stringify({
        ...message,
        SignatureVersion: version,
        Signature: signature,
        SigningCertURL: message['SigningCertURL'] ?? certificateUrl,
      }),
    };
  }

  return {
    provider: 'ses',
    secret: `ses:${topicArn}`,
    staleAfter: HOUR,
    topicArn,
    certificateUrl,
    certificate,
    sign: signed,
    post({ what, recipient, emailId, providerMessageId = randomUUID(), key: id = randomUUID(), at = new Date() }) {
      const timestamp = at.toISOString();
      const people = [{ emailAddress: recipient, status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 no such user' }];
      const told = {
        Delivery: { delivery: { recipients: [recipient], smtpResponse: '250 ok', timestamp } },
        Bounce: { bounce: { bounceType: 'Permanent', bounceSubType: 'General', bouncedRecipients: people, timestamp } },
        DeliveryDelay: {
          deliveryDelay: { delayType: 'MailboxFull', delayedRecipients: [{ emailAddress: recipient }], timestamp },
        },
        Complaint: { complaint: { complainedRecipients: [{ emailAddress: recipient }], timestamp } },
        Open: { open: {} },
      }[names[what]];
      const Message = JSON.stringify({
        eventType: names[what],
        mail: { messageId: providerMessageId, destination: [recipient], tags: emailId ? { otpost_id: [emailId] } : {} },
        ...told,
      });
      return signed({ Type: 'Notification', MessageId: id, TopicArn: topicArn, Timestamp: timestamp, Message });
    },
  };
}

/** One of each, with keys of their own. */
export function allSenders(): HookSender[] {
  return [
    sendgridSender(),
    mailgunSender(),
    resendSender(),
    postmarkSender(),
    brevoSender(),
    mailjetSender(),
    sesSender(),
  ];
}
