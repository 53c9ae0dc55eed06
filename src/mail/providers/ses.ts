import { AwsV4Signer } from 'aws4fetch';
import { isKey } from '../../config/provider-entries.js';
import type { TransportSettings } from '../../config/settings.js';
import { type Context, fault, type Parsed, value } from '../../config/values.js';
import { MINUTE_MS } from '../../core/durations.js';
import { type Mailbox, mailboxOf, writeMailbox } from '../transport/mailbox.js';
import {
  type AccountVerdict,
  addressed,
  type Addressed,
  at,
  filled,
  ID_NAME,
  jsonRequest,
  look,
  type Provider,
  textAt,
} from './provider.js';
import { keyRefused, quotaUsedUp, senderRefused, tooFast } from './replies.js';
import { MIB } from './size-policy.js';
import { proveNotification, readNotification } from './ses-events.js';

interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  /** Of temporary credentials. */
  sessionToken?: string;
}

interface Account {
  region: string;
  credentials: Credentials;
}

/**
 * SES v2: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html. nodemailer's own SES transport
 * takes a client of @aws-sdk/client-sesv2. Writes Message-ID and Date anew, and signs with DKIM itself: a signature of
 * ours over them would be broken.
 */
export const ses: Provider<Account, { topicArn: string }> = {
  kind: 'ses',
  entry: {
    example: 'ses:eu-west-1',
    wants: 'a region of AWS',
    read(body, _, valueOf) {
      if (!/^[a-z]{2}(-[a-z]+)+-\d{1,2}$/.test(body)) return undefined;
      const [accessKeyId, secretAccessKey, sessionToken] = NAMES.map((name) => valueOf(name) as string | undefined);
      return {
        region: body,
        // That both are there is a need of the variables below.
        credentials: {
          accessKeyId: accessKeyId!,
          secretAccessKey: secretAccessKey!,
          ...(sessionToken === undefined ? {} : { sessionToken }),
        },
      };
    },
    name: ({ region }) => `ses:${region}`,
    secrets: ({ credentials: { accessKeyId, secretAccessKey, sessionToken = '' } }) => [
      accessKeyId,
      secretAccessKey,
      sessionToken,
    ],
  },
  variables: [
    {
      name: 'AWS_ACCESS_KEY_ID',
      default: 'none; required with ses: in MAIL_TRANSPORTS',
      meaning: 'Credentials of AWS for ses:, with the right ses:SendEmail. Roles of a host are not asked for.',
      secret: 'whole',
      example: 'AKIAIOSFODNN7EXAMPLE',
      needed,
      read: (text, { such }) => readKey(text, `must be the id of an access key, ${such}`),
    },
    {
      name: 'AWS_SECRET_ACCESS_KEY',
      default: 'none; required with ses: in MAIL_TRANSPORTS',
      meaning: 'The secret of AWS_ACCESS_KEY_ID.',
      secret: 'whole',
      example: '<the secret access key>',
      needed,
      read: (text, { such }) => readKey(text, `must be a secret access key, which has no blanks, ${such}`),
    },
    {
      name: 'AWS_SESSION_TOKEN',
      default: 'none',
      meaning: 'Belongs to temporary credentials of AWS.',
      secret: 'whole',
      example: '<the session token>',
      read: (text, { such }) => readKey(text, `must be a session token, which has no blanks, ${such}`),
    },
  ],
  secret: {
    example: 'ses:arn:aws:sns:eu-west-1:123456789012:otpost',
    written: 'ses: and the ARN of the SNS topic',
    wants: 'must be the ARN of the SNS topic',
    // Account and region are part of it, so that messages of other topics, other people's too, can be told apart.
    read: (rest) =>
      /^arn:aws(-cn|-us-gov)?:sns:[a-z]{2}(-[a-z]+)+-\d:\d{12}:[\w-]{1,256}$/.test(rest)
        ? { topicArn: rest }
        : undefined,
  },
  endpoint: ({ region }) => `https://email.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`,
  idempotent: false,
  takesMime: true,
  // Of the API v2: https://docs.aws.amazon.com/ses/latest/dg/quotas.html
  limit: { messageBytes: 40 * MIB },
  rows: [
    {
      // https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html: both have one code, and the quota
      // is of the last 24 h: something comes back every minute. "Wait up to 10 minutes."
      condition: 'daily quota used up',
      when: {
        code: /^(Throttling(Exception)?|TooManyRequestsException|LimitExceededException)$/,
        message: /^Daily (message|sending) quota exceeded/,
      },
      then: (facts) => quotaUsedUp({ ...facts, retryAfterMs: 10 * MINUTE_MS }),
    },
    { condition: 'too fast', when: { code: /^(Throttling(Exception)?|TooManyRequestsException)$/ }, then: tooFast },
    { condition: 'a limit of the account', when: { code: /^LimitExceededException$/ }, then: quotaUsedUp },
    {
      condition: 'the account may not send',
      when: { code: /^(AccountSuspended|(Account|ConfigurationSet)?SendingPaused)(Exception)?$/ },
      then: keyRefused,
    },
    {
      // "Sending paused for this account. For more information, please check the inbox of the email address …"
      condition: 'the account may not send, in words',
      when: { code: /^MessageRejected$/, message: /^Sending paused for this account/ },
      then: keyRefused,
    },
    {
      condition: 'the domain of the sender is not verified',
      when: { code: /^MailFromDomainNotVerified(Exception)?$/ },
      then: senderRefused,
    },
    {
      condition: 'an address is not verified',
      when: { code: /^MessageRejected$/, message: /^Email address is not verified/ },
      then: senderRefused,
    },
    { condition: 'something that the account lacks', when: { code: /^NotFoundException$/ }, then: keyRefused },
    {
      condition: 'credentials or signature refused',
      when: {
        code: /^(AccessDenied|ExpiredToken|IncompleteSignature|InvalidClientTokenId|InvalidSignature|MissingAuthenticationToken|RequestExpired|SignatureDoesNotMatch|UnrecognizedClient)(Exception)?$/,
      },
      then: keyRefused,
    },
  ],

  async request(message, { account, endpoint, now }) {
    // Late: whoever reads settings reads this file, and few of them build a message.
    const { MailBuilder } = await import('../transport/wire-form.js');
    const { bytes } = await new MailBuilder(undefined).build(message);
    const request = jsonRequest(
      `${endpoint}/v2/email/outbound-emails`,
      {},
      {
        FromEmailAddress: writeMailbox(asciiName(mailboxOf(message.from))),
        Destination: destinationOf(addressed(message)),
        Content: { Raw: { Data: bytes.toString('base64') } },
        EmailTags: [{ Name: ID_NAME, Value: message.id }],
      },
    );
    return { ...request, headers: await signed({ method: 'POST', ...request }, account, now) };
  },

  /** The code comes as `Name`, `Name:http://…` or `prefix#Name`. */
  read({ headers, json }) {
    const type = headers.get('x-amzn-errortype') ?? textAt(json, '__type') ?? textAt(json, 'code');
    return {
      id: textAt(json, 'MessageId'),
      code: type?.split(':', 1)[0]!.split('#').at(-1),
      message: textAt(json, 'message') ?? textAt(json, 'Message'),
    };
  },

  relay: { hosts: /^email-smtp(-fips)?\.[a-z\d-]+\.amazonaws\.com$/ },
  hook: { prove: proveNotification, read: readNotification },

  /** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html */
  probe: {
    async question(api) {
      const question = look(api, '/v2/email/account', {});
      return { ...question, headers: await signed(question, api.account, api.now) };
    },
    judge: accountVerdict,
    judgeRefusal: ({ json, words }) =>
      /^AccessDenied/.test(textAt(json, '__type')?.split('#').at(-1) ?? words)
        ? { status: 'ok', summary: 'takes the credentials; the quota cannot be seen without the right ses:GetAccount' }
        : undefined,
  },
};

/** The envelope: what the message shows stands in the message. */
function destinationOf({ to, cc, bcc }: Addressed): object {
  const addresses = (mailboxes: readonly Mailbox[]): string[] => mailboxes.map(({ address }) => address);
  return {
    ToAddresses: addresses(to),
    ...filled('CcAddresses', addresses(cc)),
    ...filled('BccAddresses', addresses(bcc)),
  };
}

const NAMES = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'];

function needed({ valueOf }: Context): string | undefined {
  const transports = valueOf('MAIL_TRANSPORTS') as TransportSettings[] | undefined;
  return transports?.some((one) => one.kind === 'http' && one.provider === 'ses')
    ? 'is required with ses: in MAIL_TRANSPORTS'
    : undefined;
}

function readKey(text: string, remedy: string): Parsed<string> {
  return isKey(text) ? value(text) : fault(remedy);
}

/**
 * The headers of a request, with those that sign it (AWS Signature Version 4).
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
async function signed(
  request: { method: string; url: string; headers: Record<string, string>; body?: Buffer },
  { region, credentials }: Account,
  now: Date,
): Promise<Record<string, string>> {
  const datetime = now.toISOString().replaceAll(/[-:]|\.\d{3}/g, ''); // 20150830T123600Z
  const signer = new AwsV4Signer({ ...request, ...credentials, region, service: 'ses', datetime, allHeaders: true });
  return Object.fromEntries((await signer.sign()).headers);
}

/**
 * The name is in the message itself; here it has to be ASCII, is decoded where it looks encoded, and may be left out.
 */
function asciiName({ name, address }: Mailbox): Mailbox {
  return { name: /^[\x20-\x7e]*$/.test(name) && !name.includes('=?') ? name : '', address };
}

/** Share of a day's quota from which on it is worth a warning. */
const NEARLY_USED_UP = 0.8;

function accountVerdict(json: unknown): AccountVerdict {
  const [most, sent, rate] = ['Max24HourSend', 'SentLast24Hours', 'MaxSendRate'].map((name) =>
    at(json, 'SendQuota', name),
  );
  const productionAccess = at(json, 'ProductionAccessEnabled');
  const enforcement = textAt(json, 'EnforcementStatus');
  const share = typeof most === 'number' && typeof sent === 'number' && most > 0 ? sent / most : 0;
  const used = typeof most === 'number' && most >= 0 ? `; ${Number(sent)} of ${most} a day are used` : '';
  const verdict = (status: AccountVerdict['status'], rest: string, remedy?: string): AccountVerdict => ({
    status,
    summary: `takes the credentials${rest}`,
    ...(remedy === undefined ? {} : { remedy }),
    details: { max24HourSend: most, sentLast24Hours: sent, maxSendRate: rate, productionAccess },
  });
  if (at(json, 'SendingEnabled') === false || enforcement === 'SHUTDOWN')
    return verdict(
      'fail',
      '; sending is turned off for this account',
      'Look at the account dashboard of SES in this region.',
    );
  if (productionAccess === false)
    return verdict(
      'warn',
      '; the account is in the sandbox: only verified addresses get mail',
      'Request production access in the SES console, in this region.',
    );
  if (share >= 1)
    return verdict(
      'fail',
      used,
      'The quota is of the last 24 h: some of it comes back every minute. Request a higher one.',
    );
  if (share >= NEARLY_USED_UP) return verdict('warn', used, 'Request a higher quota.');
  return enforcement === 'PROBATION'
    ? verdict('warn', '; the account is under review', 'See the reputation dashboard of SES.')
    : verdict('ok', used);
}
