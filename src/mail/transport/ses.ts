import type { AwsCredentials } from '../../config/http-transports.js';
import type { MailBuilder } from './build-mail.js';
import { sesEndpoint } from './http/endpoints.js';
import { ID_NAME, jsonRequest, mailboxOf, type Provider, type ProviderAnswer, type ProviderRequest, textAt, writeMailbox } from './http/provider.js';
import { keyRefused, quotaUsedUp, type ReplyRow, senderRefused, tooFast } from './http/provider-reply.js';
import { signingHeaders } from './ses-signature.js';
import type { ComposedMessage } from './transport.js';

const MINUTE = 60_000;

const ROWS: readonly ReplyRow[] = [
  {
    // https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html: both have one code, and the quota is
    // of the last 24 h: something comes back every minute. "Wait up to 10 minutes."
    condition: 'daily quota used up',
    when: { code: /^(Throttling(Exception)?|TooManyRequestsException|LimitExceededException)$/, message: /^Daily (message|sending) quota exceeded/ },
    then: (facts) => quotaUsedUp({ ...facts, retryAfterMs: 10 * MINUTE }),
  },
  { condition: 'too fast', when: { code: /^(Throttling(Exception)?|TooManyRequestsException)$/ }, then: tooFast },
  { condition: 'a limit of the account', when: { code: /^LimitExceededException$/ }, then: quotaUsedUp },
  { condition: 'the account may not send', when: { code: /^(AccountSuspendedException|SendingPausedException)$/ }, then: keyRefused },
  { condition: 'the domain of the sender is not verified', when: { code: /^MailFromDomainNotVerified(Exception)?$/ }, then: senderRefused },
  { condition: 'an address is not verified', when: { code: /^MessageRejected$/, message: /^Email address is not verified/ }, then: senderRefused },
  { condition: 'something that the account lacks', when: { code: /^NotFoundException$/ }, then: keyRefused },
  {
    condition: 'credentials or signature refused',
    when: { code: /^(AccessDenied|ExpiredToken|IncompleteSignature|InvalidClientTokenId|InvalidSignature|MissingAuthenticationToken|RequestExpired|SignatureDoesNotMatch|UnrecognizedClient)(Exception)?$/ },
    then: keyRefused,
  },
];

/**
 * SES v2: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html, called and signed by ourselves.
 * nodemailer's own SES transport takes a client of @aws-sdk/client-sesv2. Writes Message-ID and Date anew, and signs with
 * DKIM itself: a signature of ours over them would be broken.
 */
export class Ses implements Provider {
  readonly name: string;
  readonly idempotent = false;
  readonly rows = ROWS;
  private readonly endpoint: string;

  /** @param builder one that does not sign */
  constructor(
    private readonly region: string,
    private readonly credentials: AwsCredentials,
    private readonly builder: MailBuilder,
    endpoint?: string,
  ) {
    this.name = `ses:${region}`;
    this.endpoint = endpoint ?? sesEndpoint(region);
  }

  async request(message: ComposedMessage, now: Date): Promise<ProviderRequest> {
    const { bytes } = await this.builder.build(message);
    const request = jsonRequest(`${this.endpoint}/v2/email/outbound-emails`, {}, {
      FromEmailAddress: writeMailbox(asciiName(mailboxOf(message.from))),
      Destination: { ToAddresses: [mailboxOf(message.to).address] },
      Content: { Raw: { Data: bytes.toString('base64') } },
      EmailTags: [{ Name: ID_NAME, Value: message.id }],
    });
    const headers = signingHeaders({ method: 'POST', ...request }, this.credentials, { region: this.region, service: 'ses' }, now);
    return { ...request, headers: { ...request.headers, ...headers } };
  }

  /** The code comes as `Name`, `Name:http://…` or `prefix#Name`. */
  read({ headers, json }: ProviderAnswer): ReturnType<Provider['read']> {
    const type = headers.get('x-amzn-errortype') ?? textAt(json, '__type') ?? textAt(json, 'code');
    return {
      id: textAt(json, 'MessageId'),
      code: type?.split(':', 1)[0]!.split('#').at(-1),
      message: textAt(json, 'message') ?? textAt(json, 'Message'),
    };
  }
}

/** The name is in the message itself; here it has to be ASCII, is decoded where it looks encoded, and may be left out. */
function asciiName({ name, address }: { name: string; address: string }): { name: string; address: string } {
  return { name: /^[\x20-\x7e]*$/.test(name) && !name.includes('=?') ? name : '', address };
}
